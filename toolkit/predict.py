"""A finished run, ready to predict."""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, Literal

import torch

from toolkit import registry
from toolkit.encoders.base import encoder_of
from toolkit.encoders.loading import tokenizer_in
from toolkit.evaluation.predictions import Predicted, Reader, predict
from toolkit.evaluation.predictor import Predictor
from toolkit.models.model import Model, load_model
from toolkit.models.precision import for_prediction
from toolkit.models.reading import WindowSize
from toolkit.recipe.load import load_recipe
from toolkit.recipe.schema import Recipe
from toolkit.runs.run import open_finished


class ModelPredictor(Predictor):
    """A task, a model and a tokenizer."""

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

    @property
    def not_exported(self) -> str:  # type: ignore[override]
        """A head of the toolkit's own is nothing that others load."""
        if self.model.is_native:
            return ""
        return "its head is one of the toolkit's own, which transformers lacks"

    def pack(self, examples: Sequence[Any]) -> Sequence[Any]:
        """As the tokenizer makes windows of them."""
        return self.reader.pack(examples).examples

    def scorer(self) -> Reader:
        """The reader."""
        return self.reader

    def said(self, examples: Sequence[Any], batch_size: int | None = None) -> Predicted:
        """What the model says."""
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
    own that the recipe may use. `device` is a GPU where there is one, unless it says otherwise;
    what is no network computes on the CPU. `precision` is the arithmetic; by default that of the
    training where the device has it, else float32. ToolkitError for one that cannot be had: int8
    is for encoders on a CPU.
    """
    opened = open_finished(run)
    recipe = load_recipe(opened.recipe_file, *overrides, allow_code=tuple(allow_code))
    make: Callable[..., Predictor] = registry.at(recipe.model.loaded_by)
    return make(recipe, opened.model, device, precision)


def load_predictor(
    recipe: Recipe, folder: Path, device: str | None, precision: str | None
) -> ModelPredictor:
    """The model that training left in a folder."""
    encoder, tokenizer = encoder_of(recipe), tokenizer_in(folder)
    model = load_model(recipe.task, encoder, tokenizer, folder)
    reader = Reader(recipe.task, tokenizer, WindowSize.of(encoder, model.encoder))
    place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    return ModelPredictor(recipe, model, reader, place, precision)
