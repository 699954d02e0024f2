"""The whole job in one process, on a small data set."""

import json

import pytest
import torch

import toolkit
from tests.recipes import interrupt, pretrained, write_recipe
from toolkit.errors import DataError, RecipeError, RunError
from toolkit.evaluation.predictions import predict
from toolkit.models import vocabulary
from toolkit.runs.files import TEMPORARY
from toolkit.training import finetune as job
from toolkit.training.events import Evaluation, Note, Resumed, Scored
from toolkit.training.steps import Step


@pytest.fixture
def recipe(tmp_path):
    return write_recipe(tmp_path)


def test_a_run_leaves_what_it_promises(recipe, tmp_path):
    finished = toolkit.finetune(toolkit.load_recipe(recipe))
    folder = tmp_path / "runs" / "small"
    assert finished.folder == folder
    names = {path.name for path in folder.iterdir()}
    assert names == {
        ".lock", "recipe.yaml", "manifest.json", "model", "checkpoints", "metrics.jsonl",
        "timing.jsonl", "predictions-dev.jsonl", "predictions-test.jsonl", "results.json",
    }  # fmt: skip
    results = json.loads((folder / "results.json").read_text())
    assert results == finished.results
    assert (results["run"], results["stand_in"]) == ("small", False)
    test = results["splits"]["test"]
    assert test["examples"] == 12
    f1 = test["scores"]["f1"]
    assert (f1["scheme"], f1["mode"], f1["unit"]) == ("IOB2", "conlleval", "span")
    assert f1["interval"][0] <= f1["value"] <= f1["interval"][1]
    assert test["scores"]["f1_strict"]["mode"] == "strict"
    steps = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in steps if "loss" in line and "scores" not in line] == list(
        range(1, 11)
    )
    lines = (folder / "predictions-test.jsonl").read_text().splitlines()
    assert len(lines) == 12
    assert {"id", "gold", "prediction", "score"} <= set(json.loads(lines[0]))
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["processes"] == 1
    assert manifest["data"]["train"]["examples"] == 40
    assert "model.safetensors" in manifest["model"]


def test_the_filled_recipe_makes_the_same_run(recipe, tmp_path):
    first = toolkit.finetune(toolkit.load_recipe(recipe))
    filled = first.folder / "recipe.yaml"
    again = toolkit.finetune(
        toolkit.load_recipe(filled, f"run.folder={tmp_path}/again", "run.name=small")
    )
    assert again.results == first.results
    weights = "model/model.safetensors"
    assert (again.folder / weights).read_bytes() == (first.folder / weights).read_bytes()
    metrics = "metrics.jsonl"
    assert (again.folder / metrics).read_bytes() == (first.folder / metrics).read_bytes()


def test_a_finished_run_is_not_run_again(recipe):
    toolkit.finetune(toolkit.load_recipe(recipe))
    events = []
    finished = toolkit.finetune(toolkit.load_recipe(recipe), watch=events.append)
    assert finished.was_finished
    assert events == []


def test_another_recipe_under_the_name_is_refused_with_the_keys_that_differ(recipe):
    toolkit.finetune(toolkit.load_recipe(recipe))
    with pytest.raises(RunError) as caught:
        toolkit.finetune(toolkit.load_recipe(recipe, "train.epochs=3", "train.seed=2"))
    text = str(caught.value)
    assert "train.epochs: 2 in the run, 3 now" in text
    assert "train.seed: 1 in the run, 2 now" in text
    assert "batch_size" not in text
    fresh = toolkit.finetune(toolkit.load_recipe(recipe, "train.epochs=3"), fresh=True)
    assert not fresh.was_finished


def test_data_that_changed_under_a_run_is_refused(recipe, tmp_path):
    loaded = toolkit.load_recipe(recipe)
    interrupt(loaded, lambda event: isinstance(event, Evaluation))
    with open(tmp_path / "train.conll", "a", encoding="utf-8") as file:
        file.write("\nParis\tB-LOC\n")
    with pytest.raises(RunError, match=r"data\.train changed since this run began"):
        toolkit.finetune(loaded)


def test_a_run_that_is_refused_for_its_data_leaves_nothing(recipe, tmp_path):
    with open(tmp_path / "train.conll", "a", encoding="utf-8") as file:
        file.write("\none column\n")
    with pytest.raises(DataError):
        toolkit.finetune(toolkit.load_recipe(recipe))
    assert not (tmp_path / "runs").exists()


def test_it_goes_on_behind_the_last_checkpoint_with_the_same_bits(recipe, tmp_path):
    whole = toolkit.finetune(toolkit.load_recipe(recipe))
    other = toolkit.load_recipe(recipe, f"run.folder={tmp_path}/other", "train.checkpoint_every=2")
    interrupt(other, lambda event: isinstance(event, Step) and event.number == 7)
    events = []
    resumed = toolkit.finetune(other, watch=events.append)
    assert Resumed(6) in events
    for name in ("model/model.safetensors", "metrics.jsonl", "predictions-test.jsonl"):
        assert (resumed.folder / name).read_bytes() == (whole.folder / name).read_bytes(), name
    assert not list(resumed.folder.rglob(f"{TEMPORARY}*"))


def test_it_goes_on_with_the_same_bits_where_rows_of_the_vocabulary_are_left_out(
    checkpoints, tmp_path, monkeypatch
):
    monkeypatch.setattr(vocabulary, "_FEWEST", 1)
    recipe = write_recipe(tmp_path, pretrained(checkpoints["bert"]))
    changes = (
        "train.epochs=2", "train.checkpoint_every=2", "train.evaluate_every=3",
        "train.weight_decay=0.1",
    )  # fmt: skip
    events = []
    whole = toolkit.finetune(toolkit.load_recipe(recipe, *changes), watch=events.append)
    assert any("of the vocabulary's" in event.text for event in events if isinstance(event, Note))
    other = toolkit.load_recipe(recipe, *changes, f"run.folder={tmp_path}/other")
    interrupt(other, lambda event: isinstance(event, Step) and event.number == 5)
    resumed = toolkit.finetune(other)
    for name in ("model/model.safetensors", "metrics.jsonl", "predictions-test.jsonl"):
        assert (resumed.folder / name).read_bytes() == (whole.folder / name).read_bytes(), name


def test_evaluating_more_often_does_not_disturb_training(recipe, tmp_path):
    first = toolkit.finetune(toolkit.load_recipe(recipe))
    often = toolkit.finetune(
        toolkit.load_recipe(recipe, f"run.folder={tmp_path}/often", "train.evaluate_every=1")
    )

    def losses(folder):
        lines = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
        return [line["loss"] for line in lines if "grad_norm" in line]

    assert losses(first.folder) == losses(often.folder)


def test_it_stops_early_and_keeps_the_best(recipe):
    events = []
    recipe = toolkit.load_recipe(
        recipe, "train.epochs=40", "train.patience=2", "train.evaluate_every=1",
        "train.learning_rate=1e-9",
    )  # fmt: skip
    finished = toolkit.finetune(recipe, watch=events.append)
    evaluations = [event for event in events if isinstance(event, Evaluation)]
    assert [evaluation.is_best for evaluation in evaluations] == [True, False, False]
    assert finished.results["best"]["step"] == 1


def test_the_test_split_is_scored_once_by_the_best_checkpoint(recipe):
    events = []
    finished = toolkit.finetune(toolkit.load_recipe(recipe), watch=events.append)
    assert [event.split for event in events if isinstance(event, Scored)] == ["dev", "test"]
    best = max(e.scores["f1"] for e in events if isinstance(e, Evaluation))
    assert finished.results["splits"]["dev"]["scores"]["f1"]["value"] == best


@pytest.mark.parametrize("epochs", [1, 3])
def test_what_the_best_weights_said_of_the_development_split_is_not_computed_again(
    recipe, tmp_path, monkeypatch, epochs
):
    """Unless the run was stopped meanwhile: then it is, with the same bits."""
    asked = []

    def counting(model, reader, examples, **settings):
        asked.append(len(examples))
        return predict(model, reader, examples, **settings)

    changes = (f"train.epochs={epochs}", "evaluate.batch_size=5")
    monkeypatch.setattr(job, "predict", counting)
    first = toolkit.finetune(toolkit.load_recipe(recipe, *changes))
    assert asked == [12, 12]  # the rehearsal, and test
    other = toolkit.load_recipe(recipe, *changes, f"run.folder={tmp_path}/again")
    interrupt(other, lambda event: isinstance(event, Scored))
    asked.clear()
    again = toolkit.finetune(other)
    assert asked == [12, 12, 12]
    assert again.results == first.results
    name = "predictions-dev.jsonl"
    assert (again.folder / name).read_bytes() == (first.folder / name).read_bytes()


def test_without_a_development_split_the_last_weights_count(recipe):
    finished = toolkit.finetune(toolkit.load_recipe(recipe, "data.dev=null"))
    assert finished.results["best"] == {"step": 10, "metric": "f1", "value": None, "split": None}
    assert set(finished.results["splits"]) == {"test"}


def test_an_unknown_metric_is_refused_before_training(recipe):
    events = []
    with pytest.raises(RecipeError, match=r"evaluate\.metric: found 'f2', expected one of f1"):
        toolkit.finetune(toolkit.load_recipe(recipe, "evaluate.metric=f2"), watch=events.append)
    assert not any(isinstance(event, Step) for event in events)


def test_a_label_that_train_lacks_is_refused(recipe, tmp_path):
    with open(tmp_path / "test.conll", "a", encoding="utf-8") as file:
        file.write("\nNovember\tB-MONTH\n")
    with pytest.raises(DataError, match=r"data\.test: label 'B-MONTH' \(1 times, first in"):
        toolkit.finetune(toolkit.load_recipe(recipe))
    finished = toolkit.finetune(toolkit.load_recipe(recipe, "task.allow_unseen=true"))
    assert finished.results["splits"]["test"]["scores"]["f1"]["types"]["MONTH"]["support"] == 1


def test_torch_has_its_random_state_back(recipe):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    toolkit.finetune(toolkit.load_recipe(recipe))
    assert torch.equal(torch.rand(3), expected)


def test_it_learns_with_a_pretrained_encoder(checkpoints, tmp_path):
    recipe = write_recipe(tmp_path, pretrained(checkpoints["bert"]))
    events = []
    toolkit.finetune(toolkit.load_recipe(recipe, "train.epochs=4"), watch=events.append)
    losses = [event.loss for event in events if isinstance(event, Step)]
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])


def test_micro_batches_that_the_processes_cannot_share_are_refused(recipe, monkeypatch):
    from toolkit.training import finetune as module

    monkeypatch.setattr(module.Processes, "count", 2)
    with pytest.raises(RecipeError, match="3 cannot be shared equally by 2 processes"):
        toolkit.finetune(toolkit.load_recipe(recipe, "train.micro_batches=3"))


def test_fp16_without_a_gpu_is_refused(recipe):
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(RecipeError, match=r"train\.precision: fp16 needs a GPU"):
        toolkit.finetune(toolkit.load_recipe(recipe, "train.precision=fp16"))


@pytest.mark.cuda
@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_it_runs_on_a_gpu(checkpoints, tmp_path, precision):
    if not torch.cuda.is_available():
        pytest.skip("no GPU")
    recipe = write_recipe(tmp_path, pretrained(checkpoints["bert"]))
    finished = toolkit.finetune(toolkit.load_recipe(recipe, f"train.precision={precision}"))
    assert 0 <= finished.results["splits"]["test"]["scores"]["accuracy"]["value"] <= 1
