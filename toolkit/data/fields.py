"""The fields of an example class, and what takes the values of the columns that fill them."""

import typing
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from toolkit.data.hashes import Hashes
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
    """What there is to know of a column beside its values."""

    name: str  # as messages have it: `sentence1`, `column 2`
    typed: bool = True  # False: every value is text, since the file knows nothing else
    unit: str = "row"  # what a place counts
    labels: Sequence[str] | None = None  # what its numbers stand for, where the data says so


class Wrong:
    """What stands where a value has a fault."""


WRONG = Wrong()


class Taker:
    """Takes the values of a column, one after the other; what is wrong with them gathers."""

    def __init__(self, column: Column, one: Take) -> None:
        self.column = column
        self.faults: list[Fault] = []
        self.num_checked = 0  # values, or parts of values, that could have a fault
        self._one = one

    def take(self, place: int, value: Any) -> Any:
        """The value as an example gets it; WRONG where it has a fault."""
        self.num_checked += 1
        try:
            return self._one(value)
        except ValueError as error:
            self.faults.append(Fault(place, refusal(self.column.name, value, str(error))))
            return WRONG

    @property
    def is_doubtful(self) -> bool:
        """Whether there are faults that only one who knows all values can tell: `anew` does."""
        return False

    def anew(self) -> "Taker":
        """For another walk over the column, with what this one knows of it."""
        return Taker(self.column, self._one)

    def notes(self) -> list[str]:
        """What was done, a sentence each."""
        return []

    def gathered(self) -> list[Fault]:
        """The faults, or the first where nothing is as expected: the column is another one."""
        return gathered(self.faults, self.num_checked)


class Ids(Taker):
    """Takes ids, which are all different.

    Of each it remembers a hash. Where two are equal, the next walk looks at those ids themselves.
    """

    def __init__(self, column: Column, suspects: Collection[int] = ()) -> None:
        super().__init__(column, name)
        self._suspects = suspects  # hashes of ids that may be there twice
        self._first: dict[str, int] = {}  # such an id -> where it was first
        self._hashes = Hashes()

    def take(self, place: int, value: Any) -> Any:
        """The id; WRONG where it is none, or was there before."""
        taken = super().take(place, value)
        if taken is WRONG:
            return WRONG
        if not self._suspects:
            self._hashes.add(taken)
        elif hash(taken) in self._suspects and (
            (first := self._first.setdefault(taken, place)) != place
        ):
            what = f"{self.column.name} {shown(taken)} again, as in {self.column.unit} {first}"
            self.faults.append(Fault(place, what))
            return WRONG
        return taken

    @property
    def is_doubtful(self) -> bool:
        """Whether two hashes are equal, and the ids were not compared yet."""
        return bool(self._hashes.repeated())

    def anew(self) -> "Ids":
        """With the hashes that are there twice."""
        return Ids(self.column, self._suspects or self._hashes.repeated())


def fields_of(reads: type[Any]) -> list[Field]:
    """The fields of a NamedTuple; DataError where it is none."""
    if not hasattr(reads, "_fields"):
        raise DataError(f"{reads.__name__} is no NamedTuple, so no file can fill it")
    hints = typing.get_type_hints(reads)
    defaults = reads._field_defaults
    return [Field(name, hints[name], name not in defaults) for name in reads._fields]


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
