"""A finished run as a function from examples to predictions, whoever makes them."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import torch

from toolkit.errors import DataError
from toolkit.evaluation.extra import load_metrics
from toolkit.evaluation.passport import described_split
from toolkit.evaluation.predictions import Predicted, Reader, Scorer
from toolkit.recipe.schema import Recipe
from toolkit.runs.manifest import hash_of_examples
from toolkit.tasks.base import Task


class Predictor(ABC):
    """A task, and who predicts for it. Keeps no state; needs no gold."""

    recipe: Recipe
    task: Task
    precision: str  # of the arithmetic
    device: torch.device
    not_exported: ClassVar[str] = ""  # why its model cannot be written for others; empty: it can

    @abstractmethod
    def said(self, examples: Sequence[Any], batch_size: int | None = None) -> Predicted:
        """The predictions for examples of the task, gold or not."""

    @abstractmethod
    def scorer(self) -> Reader | Scorer:
        """What scores its predictions, without metrics that the recipe adds."""

    def predict(self, examples: Sequence[Any], *, batch_size: int | None = None) -> list[Any]:
        """One prediction an example, in order.

        An example is one of the task's, or what its class makes one of: for token classification
        a list of words, or a text, which is split into words. `batch_size` is windows at a time,
        at most.
        """
        reads: Any = self.task.reads
        taken = [reads.of(each) for each in examples]
        return self._predicted(taken, batch_size).predictions

    def evaluate(
        self, examples: Sequence[Any], *, batch_size: int | None = None
    ) -> tuple[dict[str, Any], Predicted]:
        """Labelled examples scored as `results.json` has a split, and the predictions."""
        examples = self.pack(examples)
        predicted = self._predicted(examples, batch_size)
        scorer = self.scorer()._replace(extra=load_metrics(self.recipe.evaluate.extra))
        sha256 = hash_of_examples(examples)
        settings = self.recipe.evaluate
        return described_split(scorer, settings, examples, predicted, sha256), predicted

    def pack(self, examples: Sequence[Any]) -> Sequence[Any]:
        """Labelled examples as the model reads them: packed into windows, by some tasks."""
        return examples

    def _predicted(self, examples: Sequence[Any], batch_size: int | None) -> Predicted:
        if misfits := self.task.misfits(examples):
            raise DataError(misfits)
        return self.said(examples, batch_size)
