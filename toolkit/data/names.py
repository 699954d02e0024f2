"""Which column is which field of an example.

The recipe says it (`columns`), or a column has the field's own name, or one of the names that the
field goes by in well-known data sets; which one was taken is said in a note.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from toolkit.data.fields import GOLD, Field
from toolkit.data.table import Asked, Key, Table, named
from toolkit.data.text import counted
from toolkit.data.usual_names import names_of, ways_to_read
from toolkit.errors import DataError
from toolkit.recipe.marks import shown
from toolkit.registry import nearest


class Resolved(NamedTuple):
    """The column of each field that has one."""

    keys: dict[str, Key]
    notes: list[str]


def resolve(table: Table, asked: Asked) -> Resolved:
    """The columns that hold the fields; DataError where one has to be there and is not."""
    _check_fields(asked)
    keys, faults = _declared(table, asked)
    notes: list[str] = []
    if table.header is None:
        _by_position(table, asked, keys)
    else:
        _by_name(table.header, asked, keys)
        notes = _by_usual_name(table.header, asked, keys, faults, table.name)
    missing = [field for field in wanted(asked) if field.name not in {**keys, **asked.columns}]
    if _has_words_of_text(asked, keys):
        missing = [field for field in missing if field.name != "words"]
    faults += [f"{table.name}: {_no_column(table, field.name, asked)}" for field in missing]
    if faults:
        raise DataError(dict.fromkeys(faults))
    return Resolved(keys, notes)


def is_header(cells: Sequence[str], asked: Asked) -> bool:
    """Whether the first cells of a file name columns: all that has to be there is named."""
    header = [cell.strip() for cell in cells]
    known = {cell.casefold() for cell in header}
    positions = {name: key for name, key in asked.columns.items() if isinstance(key, int)}
    if positions:
        return any(
            -len(header) <= key < len(header) and header[key].casefold() in names_of(name)
            for name, key in positions.items()
        )
    if any(isinstance(key, str) and key.casefold() in known for key in asked.columns.values()):
        return True
    needed = [field.name for field in wanted(asked) if field.name not in asked.columns]
    return bool(needed) and all(known & names_of(name) for name in needed)


def wanted(asked: Asked) -> list[Field]:
    """The fields that have to have a column."""
    if asked.gold:
        return [field for field in asked.fields if field.required or field.name in GOLD]
    return [field for field in asked.fields if field.required and field.name not in GOLD]


def _check_fields(asked: Asked) -> None:
    known = [field.name for field in asked.fields]
    faults = [
        f"data.columns: no field {shown(name)} in {asked.reads.__name__}.{nearest(name, known)} "
        f"It has {', '.join(known)}"
        for name in asked.columns
        if name not in known
    ]
    if faults:
        raise DataError(faults)


def _declared(table: Table, asked: Asked) -> tuple[dict[str, Key], list[str]]:
    """The columns that the recipe names, and those of them that are not there."""
    keys: dict[str, Key] = {}
    faults = []
    for name, key in asked.columns.items():
        if key is None or (not asked.gold and name in GOLD):
            continue
        if isinstance(key, str) and table.header is not None and key in table.header:
            keys[name] = key
        elif isinstance(key, int) and -table.width <= key < table.width:
            keys[name] = key % table.width
        elif asked.gold or name != "id":  # a file to predict for may have no ids
            faults.append(f"{table.name}: {_not_there(table, name, key, asked)}")
    return keys, faults


def _not_there(table: Table, name: str, key: Key, asked: Asked) -> str:
    if table.header is not None and isinstance(key, str):
        return _no_column(table, key, asked)
    if isinstance(key, str):
        found = f"{counted(table.width, 'column')} without names"
        return f"{found}, but data.columns.{name} is {shown(key)}, expected a position from 0"
    if not table.width:
        return f"rows with keys, but data.columns.{name} is {key}, expected a key"
    found = counted(table.width, "column")
    return f"{found}, but data.columns.{name} is {key} (the first column is 0)"


def _no_column(table: Table, name: str, asked: Asked) -> str:
    if table.header is None:
        example = ", ".join(f"{field.name}: {at}" for at, field in enumerate(wanted(asked)))
        found = f"{counted(table.width, 'column')} without names"
        return f"{found}, expected data.columns, such as {{{example}}}"
    found = f"no column {shown(name)}.{nearest(name, table.header)} It has {named(table.header)}"
    may_be_set = asked.gold and name not in asked.columns.values()  # `predict` has no overrides
    return f"{found}: set data.columns.{name}" if may_be_set else found


def _by_position(table: Table, asked: Asked, keys: dict[str, Key]) -> None:
    """One column is the text, two are text and label: anything else has to be declared."""
    if asked.columns:
        return
    needed = [field.name for field in wanted(asked)]
    if table.width == len(needed) and needed in (["text"], ["text", "label"]):
        keys.update({name: position for position, name in enumerate(needed)})
    elif table.width == 1 and not asked.gold and "text" in asked.reads._fields:
        keys["text"] = 0


def _by_name(header: Sequence[str], asked: Asked, keys: dict[str, Key]) -> None:
    for field in asked.fields:
        if field.name in header and _is_open(field.name, asked, keys):
            keys[field.name] = field.name


def _by_usual_name(
    header: Sequence[str], asked: Asked, keys: dict[str, Key], faults: list[str], source: str
) -> list[str]:
    """Fill in the columns that go by another name; a note where there are some."""
    taken: dict[str, str] = {}
    for name in _that_may_be_guessed(asked):
        if not _is_open(name, asked, keys):
            continue
        ways = ways_to_read(name, header, {str(key) for key in keys.values()})
        if len(ways) > 1:
            options = " or ".join(shown(way[name]) for way in ways)
            faults.append(f"{source}: {name} may be {options}: set data.columns.{name}")
            keys[name] = ways[0][name]
        elif ways:
            new = {field: key for field, key in ways[0].items() if _is_open(field, asked, keys)}
            keys.update(new)
            taken.update(new)
    if not taken:
        return []
    read = ", ".join(f"{name} from {shown(column)}" for name, column in taken.items())
    return [f"columns found by their usual names: {read}"]


def _that_may_be_guessed(asked: Asked) -> list[str]:
    """The fields without which there is no example, and the title of a context."""
    names = [field.name for field in wanted(asked)]
    if not asked.gold and "words" in names:
        names.append("text")  # which is split into words
    return [name for name in (*names, "document") if name in asked.reads._fields]


def _is_open(name: str, asked: Asked, keys: Mapping[str, Key]) -> bool:
    """Whether a field has no column yet and may have one."""
    return name not in {**keys, **asked.columns} and (asked.gold or name not in GOLD)


def _has_words_of_text(asked: Asked, keys: Mapping[str, Key]) -> bool:
    """Whether a text stands in for the words, which prediction splits it into."""
    return not asked.gold and "text" in keys and "words" in asked.reads._fields
