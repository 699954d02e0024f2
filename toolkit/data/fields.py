"""The fields of an example class, and the columns that fill them."""

import typing
from collections.abc import Sequence
from typing import Any, NamedTuple

from toolkit.data.kinds import MISSING, Take, name
from toolkit.data.sentences import Fault
from toolkit.errors import DataError
from toolkit.recipe.marks import shown

GOLD = ("tags", "label", "answers", "spans")  # fields that prediction does without


class Field(NamedTuple):
    """A field of an example class."""

    name: str
    hint: Any  # its type
    required: bool  # there is no default


class Column(NamedTuple):
    """The values of a column, one a row."""

    name: str  # as messages have it: `sentence1`, `column 2`
    values: Sequence[Any]
    places: Sequence[int]  # of the rows: lines or row numbers
    typed: bool = True  # False: every value is text, since the file knows nothing else
    unit: str = "row"  # what a place counts
    labels: Sequence[str] | None = None  # what its numbers stand for, where the data says so


class Taken(NamedTuple):
    """The values that an example gets, None where there is a fault; and what was done."""

    values: list[Any]
    faults: list[Fault]
    notes: Sequence[str] = ()
    num_checked: int | None = None  # the parts that could have a fault; None: one a value

    def gathered(self) -> list[Fault]:
        """The faults, or the first where nothing is as expected: the column is another one."""
        num_checked = len(self.values) if self.num_checked is None else self.num_checked
        return gathered(self.faults, num_checked)


def fields_of(reads: type[Any]) -> list[Field]:
    """The fields of a NamedTuple; DataError where it is none."""
    if not hasattr(reads, "_fields"):
        raise DataError(f"{reads.__name__} is no NamedTuple, so no file can fill it")
    hints = typing.get_type_hints(reads)
    defaults = reads._field_defaults
    return [Field(name, hints[name], name not in defaults) for name in reads._fields]


def take(column: Column, one: Take) -> Taken:
    """Each value as `one` takes it."""
    values: list[Any] = []
    faults: list[Fault] = []
    for place, value in zip(column.places, column.values):
        try:
            values.append(one(value))
        except ValueError as error:
            values.append(None)
            faults.append(Fault(place, refusal(column.name, value, str(error))))
    return Taken(values, faults)


def take_ids(column: Column) -> Taken:
    """The ids, which are all different."""
    taken = take(column, name)
    first: dict[str, int] = {}
    for place, value in zip(column.places, taken.values):
        if value is not None and first.setdefault(value, place) != place:
            what = f"{column.name} {shown(value)} again, as in {column.unit} {first[value]}"
            taken.faults.append(Fault(place, what))
    return taken


def gathered(faults: Sequence[Fault], num_checked: int) -> list[Fault]:
    """The first of the faults where nothing that was checked is as expected."""
    kinds = {fault.what.rpartition(", expected ")[2] for fault in faults}
    if not 1 < num_checked <= len(faults) or len(kinds) > 1:
        return list(faults)
    what = f"{faults[0].what}; none of {num_checked:,} is as expected"
    return [faults[0]._replace(what=what)]


def refusal(name: str, value: Any, expected: str) -> str:
    """`label: found null, expected a label`."""
    return f"{name}: {found(value)}, expected {expected}"


def found(value: Any) -> str:
    """A value as a message has it; of what is large, what it is."""
    if value is MISSING:
        return "missing"
    if isinstance(value, (list, tuple)):
        return "found a list"
    return "found an object" if isinstance(value, dict) else f"found {shown(value)}"
