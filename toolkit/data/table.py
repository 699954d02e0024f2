"""Rows of a file before they are examples, whatever the format, and where each came from."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from toolkit.data.fields import Column, Field, fields_of, found
from toolkit.data.kinds import MISSING
from toolkit.data.sentences import Fault
from toolkit.data.text import counted
from toolkit.errors import DataError
from toolkit.recipe.marks import shown

Key = str | int  # of a column: its name, or its position from 0
Unit = Literal["line", "row"]
_MOST_NAMED = 5  # keys or columns in a message


class Asked(NamedTuple):
    """What is asked of a table."""

    reads: type[Any]  # the class of the examples, a NamedTuple
    columns: Mapping[str, Key | None] = {}  # field -> where the recipe says it is; None: nowhere
    gold: bool = True  # whether there has to be a label

    @property
    def fields(self) -> list[Field]:
        """The fields of the class."""
        return fields_of(self.reads)


class Table(NamedTuple):
    """The rows of a source, a column at a time."""

    name: str  # of the source, as messages have it
    places: Sequence[int]  # of each row: its line from 1, or its number from 0
    column: Callable[[Key], Sequence[Any]]  # the values of a column, one a row
    header: Sequence[str] | None  # the names of the columns; None: they have positions only
    width: int  # how many columns have a position; 0: none has
    unit: Unit = "line"
    typed: bool = True  # False: every value is text
    labels: Mapping[str, Sequence[str]] = {}  # column -> what its numbers stand for
    faults: Sequence[Fault] = ()  # of rows that are not here
    glance: str = ""  # the format as a part of a sentence
    notes: Sequence[str] = ()
    locate: Callable[[int], str] | None = None  # where a place is; None: `name:line`, `name[row]`

    def where(self, place: int) -> str:
        """A place as a message begins."""
        if self.locate is not None:
            return self.locate(place)
        return f"{self.name}:{place}" if self.unit == "line" else f"{self.name}[{place}]"

    def refusal(self, faults: Sequence[Fault], otherwise: str = "") -> DataError:
        """The error for some faults, in the order of their places, or for the whole source."""
        if not faults:
            return DataError(f"{self.name}: {otherwise}")
        lines = []
        for fault in sorted(faults, key=lambda fault: fault.place):
            word = "" if fault.word is None else f"word {fault.word}: "
            lines.append(f"{self.where(fault.place)}: {word}{fault.what}")
        return DataError(dict.fromkeys(lines))

    def read(self, key: Key) -> Column:
        """A column with what there is to know of it."""
        if isinstance(key, str):
            name, labels = named([key]), self.labels.get(key)
        else:
            name, labels = f"column {key}", None
        return Column(name, self.column(key), self.places, self.typed, self.unit, labels)


def table_of_values(
    name: str,
    values: Sequence[Any],
    places: Sequence[int],
    unit: Unit,
    locate: Callable[[int], str] | None = None,
) -> Table:
    """A table of JSON values: all objects, or all lists; what is neither is a fault."""
    kinds = Counter(type(value) for value in values)
    is_list = kinds[list] > kinds[dict]
    expected, what = (list, "a list") if is_list else (dict, "an object")
    rows = [(place, value) for place, value in zip(places, values) if type(value) is expected]
    as_others = f", as in {unit} {rows[0][0]}" if rows else ""
    faults = [
        Fault(place, f"{found(value)}, expected {what}{as_others}")
        for place, value in zip(places, values)
        if type(value) is not expected
    ]
    made = _table_of_lists(name, rows, unit) if is_list else _table_of_objects(name, rows, unit)
    return made._replace(faults=[*faults, *made.faults], locate=locate)


def named(names: Collection[str]) -> str:
    """Some names, the first of many."""
    first = [shown(name)[1:-1] for name in list(names)[:_MOST_NAMED]]
    more = len(names) - len(first)
    return ", ".join(first) + (f" and {more} more" if more else "")


def _table_of_lists(name: str, rows: Sequence[tuple[int, Any]], unit: Unit) -> Table:
    width = Counter(len(row) for _, row in rows).most_common(1)[0][0]
    wide = [(place, row) for place, row in rows if len(row) == width]
    faults = [
        Fault(place, f"{counted(len(row), 'column')}, expected {width}")
        for place, row in rows
        if len(row) != width
    ]

    def column(key: Key) -> list[Any]:
        return [row[key] for _, row in wide]

    return Table(name, [place for place, _ in wide], column, None, width, unit, faults=faults)


def _table_of_objects(name: str, rows: Sequence[tuple[int, Any]], unit: Unit) -> Table:
    def column(key: Key) -> list[Any]:
        return [row.get(key, MISSING) for _, row in rows]

    counts = Counter(key for _, row in rows for key in row)
    rare = [f"{shown(key)} in {count:,}" for key, count in counts.items() if count < len(rows)]
    notes = []
    if rare:
        more = f" and {len(rare) - _MOST_NAMED} more" if len(rare) > _MOST_NAMED else ""
        some = ", ".join(rare[:_MOST_NAMED]) + more
        notes.append(f"keys that not every one of {counted(len(rows), 'row')} has: {some}")
    places = [place for place, _ in rows]
    return Table(name, places, column, list(counts), 0, unit, notes=notes)
