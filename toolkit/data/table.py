"""Rows of a file before they are examples, whatever the format, and where each came from."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from toolkit.data.fields import Column, Field, fields_of, found
from toolkit.data.kinds import MISSING
from toolkit.data.sentences import Fault
from toolkit.data.text import counted
from toolkit.errors import DataError
from toolkit.recipe.marks import shown

Key = str | int  # of a column: its name, or its position from 0
Unit = Literal["line", "row"]
RowsOf = Callable[[Sequence[Key]], Iterable[tuple[int, Sequence[Any]]]]  # places, values of columns
Values = Iterable[tuple[int, Any]]  # with their places; it can be walked over again
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
    """The rows of a source, read anew by whoever walks over them."""

    name: str  # of the source, as messages have it
    num_rows: int
    rows: RowsOf
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

    def column(self, key: Key) -> Column:
        """What there is to know of a column."""
        if isinstance(key, str):
            return Column(named([key]), self.typed, self.unit, self.labels.get(key))
        return Column(f"column {key}", self.typed, self.unit)

    def values(self, key: Key) -> Iterator[tuple[int, Any]]:
        """The values of a column with their places."""
        return ((place, value) for place, (value,) in self.rows([key]))


def table_of_values(
    name: str, values: Values, unit: Unit, locate: Callable[[int], str] | None = None
) -> Table:
    """A table of JSON values with their places: all objects, or all lists; others are faults.

    They are walked over once, and again where there are faults and for the rows.
    """
    seen = _Seen(Counter(), {}, Counter(), Counter())
    for place, value in values:
        seen.add(place, value)
    made = _table_of_lists if seen.kinds[list] > seen.kinds[dict] else _table_of_objects
    return made(name, values, seen, unit)._replace(unit=unit, locate=locate)


def named(names: Collection[str]) -> str:
    """Some names, the first of many."""
    first = [shown(name)[1:-1] for name in list(names)[:_MOST_NAMED]]
    more = len(names) - len(first)
    return ", ".join(first) + (f" and {more} more" if more else "")


class _Seen(NamedTuple):
    """What JSON values are."""

    kinds: Counter[type[Any]]
    first: dict[type[Any], int]  # the place of the first one of a kind
    widths: Counter[int]  # of lists
    keys: Counter[str]  # of objects

    def add(self, place: int, value: Any) -> None:
        kind = type(value)
        self.kinds[kind] += 1
        self.first.setdefault(kind, place)
        if kind is dict:
            self.keys.update(value.keys())
        elif kind is list:
            self.widths[len(value)] += 1


def _table_of_lists(name: str, values: Values, seen: _Seen, unit: Unit) -> Table:
    width = seen.widths.most_common(1)[0][0]
    num_rows = seen.widths[width]

    def rows(keys: Sequence[Key]) -> Iterator[tuple[int, list[Any]]]:
        columns = [int(key) for key in keys]
        for place, row in values:
            if type(row) is list and len(row) == width:
                yield place, [row[column] for column in columns]

    faults = []
    if num_rows < seen.kinds.total():
        faults = [
            *_others(values, seen, list, "a list", unit),
            *(
                Fault(place, f"{counted(len(row), 'column')}, expected {width}")
                for place, row in values
                if type(row) is list and len(row) != width
            ),
        ]
    return Table(name, num_rows, rows, None, width, faults=faults)


def _table_of_objects(name: str, values: Values, seen: _Seen, unit: Unit) -> Table:
    num_rows = seen.kinds[dict]

    def rows(keys: Sequence[Key]) -> Iterator[tuple[int, list[Any]]]:
        for place, row in values:
            if type(row) is dict:
                yield place, [row.get(key, MISSING) for key in keys]

    rare = [f"{shown(key)} in {count:,}" for key, count in seen.keys.items() if count < num_rows]
    notes = []
    if rare:
        more = f" and {len(rare) - _MOST_NAMED} more" if len(rare) > _MOST_NAMED else ""
        some = ", ".join(rare[:_MOST_NAMED]) + more
        notes.append(f"keys that not every one of {counted(num_rows, 'row')} has: {some}")
    faults = []
    if num_rows < seen.kinds.total():
        faults = _others(values, seen, dict, "an object", unit)
    return Table(name, num_rows, rows, list(seen.keys), 0, faults=faults, notes=notes)


def _others(values: Values, seen: _Seen, expected: type[Any], what: str, unit: Unit) -> list[Fault]:
    """A fault for each value of another kind."""
    first = seen.first.get(expected)
    as_others = "" if first is None else f", as in {unit} {first}"
    return [
        Fault(place, f"{found(value)}, expected {what}{as_others}")
        for place, value in values
        if type(value) is not expected
    ]
