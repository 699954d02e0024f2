"""What a stand-in changes of a recipe, and what it does not."""

import json

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


def finished(folder, name, stand_ins=()):
    """What a finished run has that a student's recipe looks at."""
    (folder / "runs" / name).mkdir(parents=True)
    results = {"stand_in": bool(stand_ins), "stand_ins": list(stand_ins)}
    (folder / "runs" / name / "results.json").write_text(json.dumps(results))


def test_where_the_data_are_replaced_the_teacher_is_the_one_that_was_made_of_them(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    finished(tmp_path, "banking77-minilm")
    finished(tmp_path, "banking77-minilm-stand-in", ["other data"])
    recipe = load_recipe("banking77-bilstm-distilled", "train.distill.transfer=${TOOLKIT_DATA}/x")
    with pytest.raises(UnreachableError):
        ready(recipe)
    changed = ready(recipe, stand_in=True)
    assert changed.train.distill.teacher == "runs/banking77-minilm-stand-in"
    assert changed.train.distill.transfer is None
    assert changed.run.name == "banking77-bilstm-distilled-stand-in"
    said = changed.run.stand_in
    assert "teacher runs/banking77-minilm-stand-in instead of runs/banking77-minilm" in said
    assert "without the texts of train.distill.transfer" in said
    assert said[-1] == "taught by runs/banking77-minilm-stand-in, which was made with stand-ins"
    assert ready(changed, stand_in=True) == ready(changed) == changed


def test_what_a_stand_in_teaches_is_marked_without_being_asked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    finished(tmp_path, "teacher", ["checkpoint a instead of b"])
    data = "{format: jsonl, train: train.jsonl}"
    changes = ["train.distill.teacher=runs/teacher", f"data={data}", "train.patience=null"]
    changed = ready(load_recipe("banking77-bilstm-distilled", *changes))
    assert changed.run.stand_in == ("taught by runs/teacher, which was made with stand-ins",)
    assert changed.run.name == "banking77-bilstm-distilled-stand-in"
    assert ready(changed) == changed


def test_texts_behind_a_variable_that_lead_nowhere_are_missing():
    data = "{format: jsonl, train: train.jsonl}"
    transfer = "train.distill.transfer=${TOOLKIT_DATA}/x.txt"
    recipe = load_recipe(
        "banking77-bilstm-distilled", f"data={data}", transfer, "train.patience=null"
    )
    with pytest.raises(UnreachableError) as caught:
        ready(recipe)
    (fault,) = caught.value.faults
    assert fault.startswith("train.distill.transfer: there is no ")
