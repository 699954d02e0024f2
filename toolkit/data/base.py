"""What the trainer knows of a data set: three splits, each a list of examples."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from toolkit.recipe.block import Block


class Reading(NamedTuple):
    """The examples of one split or file, and what was detected, repaired or dropped on the way."""

    examples: list[Any]
    notes: Sequence[str] = ()  # a sentence each, with the count


class Data(Block):
    """Where the examples are. Subclasses say how a file or split becomes examples."""

    train: str  # the split to learn from
    dev: str | None = None  # the split that chooses the best checkpoint
    test: str | None = None  # the split that is scored once, at the end

    def read(self, source: str) -> Reading:
        """The examples of one source: a path, or a split's name. DataError where it is wrong."""
        raise NotImplementedError

    def read_words(self, source: str) -> Reading:
        """The examples of a file without gold, for prediction."""
        raise NotImplementedError

    def missing(self) -> list[str]:
        """What of this data set is not here and cannot be fetched, a phrase each.

        ToolkitError where it is the recipe that is wrong: a name that the Hub does not know.
        """
        raise NotImplementedError
