"""What a stand-in changes of a recipe, and what it does not."""

import pytest

from toolkit import load_recipe
from toolkit.errors import UnreachableError
from toolkit.standin import ready


@pytest.fixture(autouse=True)
def _no_data(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.setenv("TOOLKIT_DATA", str(tmp_path / "nowhere"))


def test_without_asking_for_it_nothing_is_replaced():
    with pytest.raises(UnreachableError):
        ready(load_recipe("squad-minilm"))


@pytest.mark.parametrize("model", ["minilm", "lstm"])
def test_answers_are_learned_longer_than_labels_and_with_a_warm_up(model):
    labels = ready(load_recipe(f"banking77-{model}"), stand_in=True)
    answers = ready(load_recipe(f"squad-{model}"), stand_in=True)
    assert answers.train.epochs == 1.5 * labels.train.epochs
    assert answers.train.learning_rate == labels.train.learning_rate
    assert (labels.train.warmup, answers.train.warmup) == (0.0, 0.1)
    said = "; ".join(answers.run.stand_in)
    assert f"train.epochs={answers.train.epochs}" in said
    assert "train.warmup=0.1" in said


def test_what_was_overridden_stays_and_is_not_called_a_setting_of_the_stand_in():
    recipe = load_recipe("squad-minilm", "train.warmup=0.0")
    changed = ready(recipe, stand_in=True, overridden=["train.warmup"])
    assert changed.train.warmup == 0.0
    assert "warmup" not in "; ".join(changed.run.stand_in)


def test_another_kind_of_label_is_read_as_the_shipped_texts_have_it():
    changed = ready(load_recipe("goemotions-minilm"), stand_in=True)
    assert changed.task.labels == changed.data.labels == "single"
    assert "task.labels: single instead of multi" in changed.run.stand_in
