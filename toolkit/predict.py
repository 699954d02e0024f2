"""A finished run as a function from examples to predictions."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Literal

import torch

from toolkit.encoders.loading import tokenizer_in
from toolkit.errors import DataError
from toolkit.evaluation.extra import load_metrics
from toolkit.evaluation.passport import described_split
from toolkit.evaluation.predictions import Predicted, Reader, predict
from toolkit.models.model import Model, load_model
from toolkit.models.precision import for_prediction
from toolkit.models.reading import WindowSize
from toolkit.recipe.load import load_recipe
from toolkit.recipe.schema import Recipe
from toolkit.runs.manifest import hash_of_examples
from toolkit.runs.run import open_finished


class Predictor:
    """A task, a model and a tokenizer. Keeps no state; needs no gold."""

    def __init__(
        self,
        recipe: Recipe,
        model: Model,
        reader: Reader,
        device: torch.device,
        precision: str | None = None,
    ) -> None:
        self.recipe = recipe
        self.task = recipe.task
        self.model = model.to(device)
        self.reader = reader
        self.device = device
        self.precision = for_prediction(model, precision, recipe.train.precision, device)

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
        reader = self.reader._replace(extra=load_metrics(self.recipe.evaluate.extra))
        sha256 = hash_of_examples(examples)
        settings = self.recipe.evaluate
        return described_split(reader, settings, examples, predicted, sha256), predicted

    def pack(self, examples: Sequence[Any]) -> Sequence[Any]:
        """Labelled examples as the model reads them: packed into windows, by some tasks."""
        return self.reader.pack(examples).examples

    def _predicted(self, examples: Sequence[Any], batch_size: int | None) -> Predicted:
        if misfits := self.task.misfits(examples):
            raise DataError(misfits)
        return predict(
            self.model,
            self.reader,
            examples,
            batch_size=batch_size or self.recipe.evaluate.batch_size,
            batch_tokens=self.recipe.evaluate.batch_tokens,
            precision=self.precision,
            device=self.device,
        )


def load(
    run: str | Path,
    *overrides: str,
    allow_code: Collection[str] = (),
    device: str | None = None,
    precision: Literal["fp32", "bf16", "int8"] | None = None,
) -> Predictor:
    """The model of a run, ready to predict. RunError where the folder holds none.

    Overrides such as `evaluate.batch_size=8` change its recipe. `allow_code` names modules of your
    own that the recipe may use. `device` is a GPU where there is one, unless it says otherwise.
    `precision` is the arithmetic; by default that of the training where the device has it, else
    float32. ToolkitError for one that cannot be had: int8 is for encoders on a CPU.
    """
    opened = open_finished(run)
    recipe = load_recipe(opened.recipe_file, *overrides, allow_code=tuple(allow_code))
    tokenizer = tokenizer_in(opened.model)
    model = load_model(recipe.task, recipe.model, tokenizer, opened.model)
    reader = Reader(recipe.task, tokenizer, WindowSize.of(recipe.model, model.encoder))
    place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    return Predictor(recipe, model, reader, place, precision)
