"""A small data set and the text of a recipe for it, for tests that run a job."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import toolkit
from toolkit.standin import sample_folder

RECIPE = """
task: {{type: token-classification}}
model: {model}
data:
  format: conll
  train: {folder}/train.conll
  dev: {folder}/dev.conll
  test: {folder}/test.conll
train: {{epochs: 2, batch_size: 8, learning_rate: 1e-2, precision: fp32}}
evaluate: {{resamples: 50}}
run: {{name: small, folder: {runs}}}
"""
LSTM = "{type: lstm, embedding: 16, hidden: 16}"


def write_recipe(folder: Path, model: str = LSTM, *, num_train: int = 40, num_dev: int = 12) -> str:
    """Write a recipe and its data into a folder; the path of the recipe."""
    for name, number in (("train", num_train), ("dev", num_dev), ("test", num_dev)):
        text = (sample_folder("ner") / f"{name}.conll").read_text(encoding="utf-8")
        sentences = text.split("\n\n")[:number]
        (folder / f"{name}.conll").write_text("\n\n".join(sentences) + "\n", encoding="utf-8")
    path = folder / "small.yaml"
    runs = folder / "runs"
    path.write_text(RECIPE.format(model=model, folder=folder, runs=runs), encoding="utf-8")
    return str(path)


def interrupt(recipe: toolkit.Recipe, when: Callable[[Any], bool]) -> None:
    """Run a recipe, and stop it as Ctrl-C does at the first event for which `when` holds."""

    def stop(event: Any) -> None:
        if when(event):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        toolkit.finetune(recipe, watch=stop)


def pretrained(checkpoint: str) -> str:
    """The model block of a checkpoint."""
    return f"{{type: pretrained, checkpoint: {checkpoint}}}"
