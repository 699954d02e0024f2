"""An example beside what a model said of it, as a person reads it.

A task makes it from a line of predictions (`Task.case`), so that whoever shows examples, counts
confusions or asks whether probabilities hold knows no task.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple


class Mark(NamedTuple):
    """Characters `start` to `end` of a passage, and what they are said to be."""

    start: int
    end: int
    label: str
    kind: Literal["right", "wrong", "missed"]  # gold and said; said only; gold only


class Passage(NamedTuple):
    """A text of an example."""

    name: str
    text: str
    marks: tuple[Mark, ...] = ()


class Turn(NamedTuple):
    """One thing that is labelled, and what it was taken for."""

    gold: str | None  # None: there is no such thing
    said: str | None  # None: it was missed
    is_exact: bool = True  # False: the same label at other boundaries


class Case(NamedTuple):
    """An example, its gold and its prediction."""

    passages: tuple[Passage, ...]
    gold: tuple[str, ...] | None  # None: not known
    said: tuple[str, ...]
    is_right: bool | None  # None: not known, or a matter of degree
    sure: float | None  # the probability of what was said, in [0, 1]; of errors, of the surest one
    order: float = 0.0  # errors are read from the largest down
    turns: tuple[Turn, ...] = ()
    chances: Mapping[str, Sequence[tuple[float, bool]]] = {}  # of what -> probability, came true
    likely: tuple[tuple[str, float], ...] = ()  # what else might have been said, likeliest first
    numbers: tuple[float, float] | None = None  # gold and said, where they are numbers


def plain_case(record: Mapping[str, Any]) -> Case:
    """A case of a task that says nothing of how its records are read."""
    known = ("id", "gold", "prediction", "score")
    passages = tuple(
        Passage(name, value)
        for name, value in record.items()
        if isinstance(value, str) and name not in known
    )
    if not passages and isinstance(words := record.get("words"), list):
        passages = (Passage("words", " ".join(map(str, words))),)
    gold, said = record.get("gold"), record.get("prediction")
    return Case(
        passages,
        None if gold is None else names(gold),
        names(said),
        None if gold is None else gold == said,
        None,
    )


def names(value: Any) -> tuple[str, ...]:
    """A label or several as text."""
    return tuple(map(str, value)) if isinstance(value, (list, tuple)) else (str(value),)
