"""What a baseline is: it learns numbers and words from examples, and predicts from nothing else.

What is learned is a value (`Fitted`), so that saving it is one function for all baselines, and
what is loaded predicts the same to the bit.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, cast

from toolkit.recipe.learner import Learner
from toolkit.registry import BUILT_IN, look_up, name_of

if TYPE_CHECKING:
    import numpy as np

    from toolkit.recipe.block import Block
    from toolkit.recipe.schema import Recipe
    from toolkit.tasks.base import Task

Predict = Callable[[Sequence[Any]], list[Any]]
_ALWAYS_READ = ("train.seed",)  # a ladder gives one to each run; that it changes nothing is no news
_OF_BATCHES = ("batch_size", "batch_tokens")


class Fitted(NamedTuple):
    """What a baseline has learned: all that it predicts from, beside the keys of the recipe."""

    arrays: "Mapping[str, np.ndarray[Any, Any]]"
    facts: Mapping[str, Any]  # as JSON has it: words, labels, …
    notes: tuple[str, ...] = ()  # what a user should know of how it was learned; not saved

    @property
    def num_parameters(self) -> int:
        """The numbers that were learned."""
        return sum(array.size for array in self.arrays.values())


class Baseline(Learner, ABC):
    """A model without a neural network. Its fields are the keys of the recipe's `model` block."""

    trained_by = "toolkit.baselines.job:make_run"
    loaded_by = "toolkit.baselines.predictor:load_predictor"
    is_neural = False

    does: ClassVar[str]  # in a message, behind its name: `tags words`
    tasks: ClassVar[tuple[str, ...]]  # that it can learn, as a recipe names them
    reads: ClassVar[tuple[str, ...]] = ()  # dotted keys that others leave to networks
    tunes: ClassVar[bool] = True  # whether the task may tune thresholds on its predictions

    @abstractmethod
    def learn(self, task: Any, examples: Sequence[Any]) -> Fitted:
        """What the examples say, for a task that has learned from them.

        ToolkitError where nothing can be learned from them. The same examples in the same order
        give the same bits.
        """

    @abstractmethod
    def predictor(self, task: Any, fitted: Fitted) -> Predict:
        """The function from examples to the task's predictions, one each; gold is not looked at."""

    @classmethod
    def fits(cls, task: "Task") -> bool:
        """Whether the task, or one that it is made of, is among `tasks`."""
        return any(name_of("task", each) in cls.tasks for each in type(task).__mro__)

    def faults_in(self, recipe: "Recipe") -> list[tuple[str, str]]:
        """A task that it cannot learn."""
        if self.fits(recipe.task):
            return []
        fitting = [each for each in BUILT_IN["model"] if look_up("model", each).fits(recipe.task)]
        message = (
            f"{name_of('model', type(self))} {self.does}, but the task is "
            f"{name_of('task', type(recipe.task))}; known for it: {', '.join(fitting)}"
        )
        return [("model.type", message)]

    def unread(self, recipe: "Recipe") -> list[str]:
        """The keys that the recipe sets and nothing here reads, dotted."""
        keys = {
            "train": tuple(type(recipe.train).model_fields),
            "task": recipe.task.network_keys,
            "evaluate": _OF_BATCHES,
        }
        blocks = recipe.blocks()
        return [
            f"{name}.{key}"
            for name, names in keys.items()
            for key in names
            if f"{name}.{key}" not in (*_ALWAYS_READ, *self.reads) and _is_set(blocks[name], key)
        ]


def baseline_of(recipe: "Recipe") -> Baseline:
    """The model block of a recipe, for what only the recipe of a baseline leads to."""
    return cast(Baseline, recipe.model)


def _is_set(block: "Block", key: str) -> bool:
    usual = type(block).model_fields[key].get_default(call_default_factory=True)
    return bool(getattr(block, key) != usual)
