"""Splits of data that come in one file: which examples are development or test data.

What is chosen depends on an example alone, its number or its text, and on no seed: every run of
every recipe with the same rule has the same split.
"""

import hashlib
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from toolkit.recipe.block import Block

NAMES = ("train", "dev", "test")


class Rule(Block):
    """Which examples of a file a split has: every n-th, or a share of the texts."""

    every: Annotated[int, Field(ge=2)] | None = None  # 5: the 5th, the 10th, … example of the file
    offset: Annotated[int, Field(ge=0)] = 0  # 1 with every 5: the 1st, the 6th, …
    share: Annotated[float, Field(gt=0, lt=1)] | None = None  # of all texts, by a hash of the text

    def faults(self) -> list[tuple[str, str]]:
        """Faults between fields."""
        if self.every is None and self.share is None:
            return [("every", "missing, expected every or share")]
        if self.every is not None and self.share is not None:
            return [("share", f"found {self.share:g} beside every, expected one of the two")]
        if self.offset and self.every is None:
            return [("offset", f"found {self.offset} without every")]
        if self.every is not None and self.offset >= self.every:
            return [("offset", f"found {self.offset}, expected less than every ({self.every})")]
        return []

    def __str__(self) -> str:
        if self.every is None:
            return f"share {self.share:g}, by a hash of the text"
        return f"every {self.every}, offset {self.offset}"


class Split(Block):
    """The parts of a file that are no training data; what no rule takes is the rest."""

    dev: Rule | None = None  # what data.dev has of its file; null: all
    test: Rule | None = None  # what data.test has of its file, of those that dev left

    def rules(self) -> dict[str, Rule]:
        """The rules by the split that they make."""
        named: dict[str, Rule | None] = {"dev": self.dev, "test": self.test}
        return {name: rule for name, rule in named.items() if rule is not None}


def text_of(example: Any) -> str:
    """What an example's share is decided by, so that equal texts are never in two splits.

    The context of a question, else the first field; case and white space make no difference.
    """
    text = getattr(example, "context", example[0])
    words = text if isinstance(text, (tuple, list)) else str(text).split()
    return " ".join(map(str, words)).casefold()


def taker(number: int, example: Any, rules: Mapping[str, Rule]) -> str | None:
    """The rule that takes an example, by its number in the file from 1; None: no rule."""
    start = 0.0  # of the share of the next rule, so that shares do not overlap
    for name, rule in rules.items():
        if rule.every is not None:
            if number % rule.every == rule.offset:
                return name
        elif rule.share is not None:
            if start <= _place_of(text_of(example)) < start + rule.share:
                return name
            start += rule.share
    return None


def _place_of(text: str) -> float:
    """A number in [0, 1) that depends on the text only."""
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
