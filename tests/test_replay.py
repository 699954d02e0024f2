"""Running a run again: the same bits, or the first step that differs."""

import json

import pytest

import toolkit
from tests.recipes import interrupt, write_recipe
from tests.short_memory import short_memory
from toolkit.errors import RunError
from toolkit.replay import replay
from toolkit.runs.run import Run
from toolkit.training.steps import Step


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("replayed")
    return toolkit.finetune(toolkit.load_recipe(write_recipe(folder))).folder


@pytest.fixture
def copied(finished, tmp_path):
    import shutil

    shutil.copytree(finished, tmp_path / "small")
    return tmp_path / "small"


def test_a_run_is_identical(finished):
    before = sorted(finished.rglob("*"))
    found = replay(finished)
    assert found == (10, None, True, None)
    assert sorted(finished.rglob("*")) == before


def test_the_first_step_that_differs_is_named(copied):
    path = copied / "metrics.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    lines[3]["loss"] += 1e-12
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    events = []
    found = replay(copied, watch=events.append)
    assert found.num_steps == 3
    assert found.difference.startswith("step 4: loss ")
    assert [event.number for event in events if isinstance(event, Step)] == [1, 2, 3, 4]


def test_other_weights_are_named(copied):
    path = copied / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["model"]["model.safetensors"] = "0" * 64
    path.write_text(json.dumps(manifest))
    assert replay(copied).difference == "model/model.safetensors has other contents"


def test_inputs_that_are_not_what_they_were_are_said(copied):
    path = copied / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["versions"]["torch"] = "1.0"
    path.write_text(json.dumps(manifest))
    found = replay(copied)
    assert found.difference is None
    assert found.inputs.startswith("library: torch: '1.0' and ")


def test_a_run_that_was_stopped_is_compared_as_far_as_it_came(tmp_path):
    recipe = toolkit.load_recipe(write_recipe(tmp_path))
    interrupt(recipe, lambda event: isinstance(event, Step) and event.number == 7)
    events = []
    found = replay(tmp_path / "runs" / "small", watch=events.append)
    assert found == (7, None, False, None)
    assert max(event.number for event in events if isinstance(event, Step)) == 7


def test_what_a_run_tuned_at_its_end_is_no_part_of_what_a_replay_begins_with(tmp_path):
    from toolkit.standin import sample_folder

    for split in ("train", "dev", "test"):
        lines = (sample_folder("tickets") / f"{split}.jsonl").read_text().splitlines()[:24]
        records = [json.loads(line) for line in lines]
        text = (json.dumps({**each, "label": [each["label"]]}) + "\n" for each in records)
        (tmp_path / f"{split}.jsonl").write_text("".join(text))
    recipe = tmp_path / "tuned.yaml"
    recipe.write_text(
        "task: {type: sequence-classification, labels: multi}\n"
        "model: {type: lstm, embedding: 8, hidden: 8}\n"
        f"data: {{format: jsonl, train: {tmp_path}/train.jsonl, dev: {tmp_path}/dev.jsonl}}\n"
        "train: {epochs: 2, batch_size: 8, learning_rate: 1e-2, precision: fp32}\n"
        "evaluate: {resamples: 20}\n"
        f"run: {{folder: {tmp_path}/runs}}\n"
    )
    folder = toolkit.finetune(toolkit.load_recipe(recipe)).folder
    assert "thresholds: []" in json.loads((folder / "manifest.json").read_text())["recipe"]
    assert "thresholds: [0" in (folder / "recipe.yaml").read_text()
    assert replay(folder).difference is None


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(RunError, match=r"has no manifest\.json with a recipe, expected a run"):
        replay(tmp_path)


def test_what_memory_did_not_hold_is_not_computed_at_once_in_a_replay_either(tmp_path):
    recipe = toolkit.load_recipe(write_recipe(tmp_path))
    with short_memory(100, after=4):
        folder = toolkit.finetune(recipe).folder
    assert Run(folder).budgets()
    assert replay(folder) == (10, None, True, None)
