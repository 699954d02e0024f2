"""Runs in which nothing could be learned: errors before the first step."""

from pathlib import Path

import pytest

from tests.training.poisons import fill, recipe_of, run_with
from toolkit.errors import DataError, RecipeError, ToolkitError
from toolkit.training.steps import Step


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A checkpoint, and 16 examples for each task."""
    folder = tmp_path_factory.mktemp("numbers")
    fill(folder)
    return folder


def test_a_schedule_that_never_leaves_zero_is_refused(folder, tmp_path, monkeypatch):
    recipe = recipe_of(
        folder,
        tmp_path,
        "tags",
        "lstm",
        "train.warmup=0.5",
        "train.epochs=1",
        "train.batch_size=16",
    )
    done = run_with(monkeypatch, recipe)
    assert isinstance(done.error, RecipeError)
    assert str(done.error).startswith("train.warmup: found 0.5, but with 1 step in all")


def test_a_rate_of_zero_is_refused(folder, tmp_path):
    for value in ("0", "0.0", "1e-400"):
        with pytest.raises(RecipeError, match="expected a number above 0"):
            recipe_of(folder, tmp_path, "tags", "lstm", f"train.learning_rate={value}")


def test_a_model_that_is_wholly_frozen_is_refused(folder, tmp_path, monkeypatch):
    recipe = recipe_of(folder, tmp_path, "tags", "bert", "train.freeze.names=['*']")
    done = run_with(monkeypatch, recipe)
    assert str(done.error) == "train.freeze: nothing is left to train"


@pytest.mark.parametrize("text", ["", "\n\n"])
@pytest.mark.parametrize("split", ["train", "dev"])
def test_an_empty_split_is_refused(split, text, folder, tmp_path, monkeypatch):
    (tmp_path / "empty.conll").write_text(text)
    recipe = recipe_of(folder, tmp_path, "tags", "lstm", f"data.{split}={tmp_path}/empty.conll")
    done = run_with(monkeypatch, recipe)
    assert isinstance(done.error, DataError)
    assert not any(isinstance(event, Step) for event in done.events)


def test_a_split_without_a_target_is_refused_before_the_first_step(folder, tmp_path, monkeypatch):
    # labels that the task does not know, and may stay unknown: nothing can be learned from them
    recipe = recipe_of(
        folder, tmp_path, "labels", "lstm", "task.classes=[a, b]", "task.allow_unseen=true"
    )
    done = run_with(monkeypatch, recipe)
    assert isinstance(done.error, DataError)
    assert str(done.error) == (
        "data.train: none of the 16 examples has a target that can be learned"
    )
    assert not any(isinstance(event, Step) for event in done.events)


@pytest.mark.parametrize(
    ("task", "labels"), [("tags", "labels=[O, B-X]"), ("labels", "classes=[a, b]")]
)
def test_labels_that_the_task_does_not_have_are_refused(
    task, labels, folder, tmp_path, monkeypatch
):
    done = run_with(monkeypatch, recipe_of(folder, tmp_path, task, "lstm", f"task.{labels}"))
    assert isinstance(done.error, ToolkitError)
    assert done.error.exit_code == 2
    assert not any(isinstance(event, Step) for event in done.events)


@pytest.mark.parametrize("key", ["train.learning_rate", "train.weight_decay", "train.epsilon"])
@pytest.mark.parametrize("value", [".nan", ".inf", "-.inf", "nan", "-1e-3"])
def test_a_recipe_cannot_ask_for_it(key, value, folder, tmp_path):
    with pytest.raises(RecipeError, match=f"{key}: found"):
        recipe_of(folder, tmp_path, "tags", "lstm", f"{key}={value}")


@pytest.mark.parametrize("value", [".inf", ".nan", "0", "1e400"])
def test_nor_for_such_a_class_weight(value, folder, tmp_path):
    with pytest.raises(RecipeError, match=r"task\.class_weights"):
        recipe_of(folder, tmp_path, "labels", "lstm", f"task.class_weights={{product: {value}}}")
