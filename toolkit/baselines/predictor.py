"""A finished run of a baseline as a function from examples to predictions."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from toolkit.baselines import folder as folders
from toolkit.baselines.base import Baseline, Fitted, Predict, baseline_of
from toolkit.errors import RecipeError
from toolkit.evaluation.predictions import Predicted, Scorer
from toolkit.evaluation.predictor import Predictor
from toolkit.recipe.schema import Recipe
from toolkit.registry import name_of

PRECISION = "fp64"  # of the arithmetic of all of them


class BaselinePredictor(Predictor):
    """A task, and a baseline that has learned."""

    precision = PRECISION
    not_exported = "its model is no neural network, which is all that transformers loads"

    def __init__(self, recipe: Recipe, fitted: Fitted) -> None:
        self.recipe = recipe
        self.task = recipe.task
        self.fitted = fitted
        self.device = torch.device("cpu")
        self._predict = baseline_of(recipe).predictor(recipe.task, fitted)

    def scorer(self) -> Scorer:
        """What the task says."""
        return Scorer(self.task)

    def said(self, examples: Sequence[Any], batch_size: int | None = None) -> Predicted:
        """What the baseline says; it has no windows to read at a time."""
        return predicted(self._predict, examples)


def predicted(predict: Predict, examples: Sequence[Any]) -> Predicted:
    """The predictions for examples, each of which is read in one piece."""
    predictions = predict(examples)
    assert len(predictions) == len(examples), "an example without a prediction"
    return Predicted(
        predictions,
        loss=None,
        num_windows=len(examples),
        num_in_several=0,
        num_truncated=0,
        precision=PRECISION,
    )


def load_predictor(
    recipe: Recipe, folder: Path, device: str | None, precision: str | None
) -> BaselinePredictor:
    """The baseline that a run left in a folder; it computes on the CPU, whatever `device` says."""
    baseline: Baseline = baseline_of(recipe)
    if precision is not None:
        name = name_of("model", type(baseline))
        raise RecipeError(f"precision: found {precision!r}, but {name} computes in {PRECISION}")
    return BaselinePredictor(recipe, folders.load(baseline, folder))
