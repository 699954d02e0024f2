"""Entities of development and test data that training never shows."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from toolkit.audit.duplicates import normalised
from toolkit.audit.findings import MOST_SHOWN, Finding, Row, percent, shown


class Unseen(NamedTuple):
    """Of the entities of a split, how many no training example names, by type."""

    split: str
    types: Mapping[str, tuple[int, int]]  # type -> (unseen, all)
    examples: Sequence[str]

    @property
    def unseen(self) -> int:
        """Of all types."""
        return sum(unseen for unseen, _ in self.types.values())

    @property
    def total(self) -> int:
        """Entities of all types."""
        return sum(total for _, total in self.types.values())


def unseen_entities(task: Any, splits: Mapping[str, Sequence[Any]]) -> list[Unseen]:
    """Mentions of type and text (case and white space aside) that train lacks."""
    seen = {
        (kind, normalised(text))
        for example in splits.get("train", ())
        for kind, text in task.entities_of(example)
    }
    found = [
        _unseen(task, name, examples, seen) for name, examples in splits.items() if name != "train"
    ]
    return [each for each in found if each.total]


def _unseen(task: Any, name: str, examples: Sequence[Any], seen: set[tuple[str, str]]) -> Unseen:
    total: Counter[str] = Counter()
    unseen: Counter[str] = Counter()
    shown_ones: list[str] = []
    for number, example in enumerate(examples, 1):
        for kind, text in task.entities_of(example):
            total[kind] += 1
            if (kind, normalised(text)) in seen:
                continue
            unseen[kind] += 1
            if len(shown_ones) < MOST_SHOWN:
                shown_ones.append(f"{Row(name, number, example)} {shown(text)} ({kind})")
    types = {kind: (unseen[kind], number) for kind, number in total.most_common()}
    return Unseen(name, types, shown_ones)


def entity_findings(found: Sequence[Unseen]) -> list[Finding]:
    """A sentence a split."""
    return [
        Finding(
            "note",
            "unseen-entities",
            f"{each.unseen:,} of {each.total:,} entities of {each.split} "
            f"({percent(each.unseen, each.total)}) are not in train, by type and text",
            each.examples,
        )
        for each in found
        if each.unseen
    ]
