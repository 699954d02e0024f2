"""What the `model` block of a recipe answers, whatever it is: an encoder or a baseline.

Who makes a run of it and who reads the run again lie in rooms above. Their addresses are what a
class says of itself, so that nobody has to ask which kind it is.
"""

from abc import ABC
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Self

from toolkit.errors import UnreachableError
from toolkit.recipe.block import Block

if TYPE_CHECKING:
    from toolkit.recipe.schema import Recipe
    from toolkit.tasks.base import Task


class Origin(NamedTuple):
    """What pretrained weights were read from."""

    checkpoint: str  # as the recipe names it
    revision: str | None
    folder: Path | None  # None: the Hub


class Learner(Block, ABC):
    """What learns from the examples. Its fields are the keys of the recipe's `model` block."""

    trained_by: ClassVar[str]  # `module:function` that makes a finished run of a job
    loaded_by: ClassVar[str]  # `module:function` that makes a predictor of a finished run
    is_neural: ClassVar[bool] = True  # a network, trained in steps as the `train` block says
    # the `train` settings that suit some hundred examples
    small_data_training: ClassVar[Mapping[str, int | float]] = MappingProxyType({})

    @classmethod
    def fits(cls, task: "Task") -> bool:
        """Whether it can learn a task, whatever its keys say."""
        return True

    def faults_in(self, recipe: "Recipe") -> list[tuple[str, str]]:
        """What is wrong between it and the recipe's other blocks, as (dotted key, message)."""
        return []

    def missing(self) -> list[str]:
        """What it needs that is not here and cannot be fetched, a phrase each."""
        return []

    def stand_in(self) -> tuple[Self, str]:
        """It without what is missing, and a sentence that says what took its place."""
        raise UnreachableError(self.missing())

    def pinned(self) -> Self:
        """It with what a name that may change stands for now, such as a branch."""
        return self

    def origin(self) -> Origin | None:
        """Where pretrained weights come from, for the manifest; None where there are none."""
        return None
