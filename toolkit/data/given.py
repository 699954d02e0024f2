"""Examples given in Python, for those who have them in memory already.

What the filled recipe of a run says of them is how many they were and their hash: enough to tell
that the same ones were given again, not enough to have them. So such a run can be continued by
the same Python code only; its model predicts, and is evaluated on files, like any other.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from pydantic import PrivateAttr

from toolkit.data.base import Data, Reading
from toolkit.data.fields import fields_of, refusal
from toolkit.data.kinds import kind_of
from toolkit.data.split import NAMES
from toolkit.data.text import counted
from toolkit.errors import DataError
from toolkit.examples import Tagged
from toolkit.recipe.marks import shown

_HASH = 16  # characters of the sha256 that are written


class Given(Data):
    """Examples given in Python: `Given(train=[Text("fine", label="good"), …], dev=[…])`.

    Each is of the class that the task reads (for token classification Tagged, its tags IOB2). A
    recipe cannot hold examples: one that was read from a file knows only how many there were.
    """

    reads_files: ClassVar[bool] = False

    _examples: dict[str, tuple[Any, ...]] = PrivateAttr(default_factory=dict)  # by source

    def __init__(self, **keys: Any) -> None:
        given = {}
        for name in NAMES:
            value = keys.get(name)
            if isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
                examples = tuple(value)
                keys[name] = _described(examples)
                given[keys[name]] = examples
        super().__init__(**keys)
        self._examples.update(given)

    def read(self, source: str, reads: type[Any] = Tagged) -> Reading:
        """The examples of a split; DataError where one is no example of the task."""
        if source not in self._examples:
            raise DataError(f"{source}: {self._why_missing()}")
        examples = self._examples[source]
        faults = [
            f"example {number}: {fault}"
            for number, example in enumerate(examples)
            if (fault := _fault_of(example, reads))
        ]
        if not faults and "id" in reads._fields:
            examples, faults = _with_ids(examples)
        if faults:
            raise DataError(f"{source}: {fault}" for fault in faults)
        return Reading(list(examples), [f"{counted(len(examples), 'example')} given in Python"])

    def read_bare(self, source: str, reads: type[Any] = Tagged) -> Reading:
        """The examples of a split without gold."""
        reading = self.read(source, reads)
        bare = [
            each.without_gold() if hasattr(each, "without_gold") else each
            for each in reading.examples
        ]
        return reading._replace(examples=bare)

    def missing(self) -> list[str]:
        """The splits whose examples were given to another process."""
        return [
            f"data.{name}: {source}: {self._why_missing()}"
            for name, source in self.sources().items()
            if source not in self._examples
        ]

    def _why_missing(self) -> str:
        return "such examples are given in Python, toolkit.data.given.Given(train=…)"


def _fault_of(example: Any, reads: type[Any]) -> str:
    """What is wrong with an example, empty where nothing is."""
    if not isinstance(example, reads):
        return f"found {type(example).__name__}, expected {reads.__name__}"
    for field in fields_of(reads):
        value = getattr(example, field.name)
        try:
            if field.required:
                kind_of(field.hint, typed=True)(value)
        except ValueError as error:
            return refusal(field.name, value, str(error))
    words, tags = getattr(example, "words", ()), getattr(example, "tags", None)
    if tags is not None and len(words) != len(tags):
        return f"{counted(len(words), 'word')}, {counted(len(tags), 'tag')}, expected as many"
    for answer in getattr(example, "answers", None) or ():
        if not example.context.startswith(answer.text, answer.start):
            return f"answer {shown(answer.text)} is not at {answer.start}"
    return ""


def _described(examples: Sequence[Any]) -> str:
    """How a recipe names examples: by number and hash."""
    digest = hashlib.sha256()
    for example in examples:
        digest.update(repr(example).encode("utf-8", "surrogatepass"))
    return f"{counted(len(examples), 'example')}, sha256 {digest.hexdigest()[:_HASH]}"


def _with_ids(examples: Sequence[Any]) -> tuple[tuple[Any, ...], list[str]]:
    """The examples, those without an id with their number; a fault for each id given twice."""
    named = tuple(
        example if example.id else example._replace(id=str(number))
        for number, example in enumerate(examples)
    )
    first: dict[str, int] = {}
    faults = [
        f"example {number}: id {example.id!r} again, as in example {first[example.id]}"
        for number, example in enumerate(named)
        if first.setdefault(example.id, number) != number
    ]
    return named, faults
