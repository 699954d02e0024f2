"""Baselines on texts with several labels, from the recipe to the tuned thresholds."""

import json

import pytest

import toolkit
from tests.recipes import interrupt
from toolkit.replay import replay
from toolkit.training.events import Note, Scored

RECIPE = """
task: {{type: sequence-classification, labels: multi}}
model: {{type: {model}}}
data: {{format: jsonl, train: {folder}/train.jsonl, dev: {folder}/dev.jsonl}}
evaluate: {{resamples: 0}}
run: {{name: several, folder: {folder}/runs}}
"""
LABELS = {"card": ["card"], "loan": ["loan"], "card and loan": ["card", "loan"], "rain": []}


@pytest.fixture
def recipe(tmp_path, request):
    rows = [
        {"text": f"the {text} {number}", "label": label}
        for text, label in LABELS.items()
        for number in range(9 if text == "loan" else 4)
    ]
    for split in ("train", "dev"):
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (tmp_path / f"{split}.jsonl").write_text(lines, encoding="utf-8")
    path = tmp_path / "several.yaml"
    path.write_text(RECIPE.format(model=request.param, folder=tmp_path), encoding="utf-8")
    return toolkit.load_recipe(path)


@pytest.mark.parametrize("recipe", ["majority"], indirect=True)
def test_majority_says_the_most_frequent_set_whatever_threshold_would_score_better(recipe):
    finished = toolkit.finetune(recipe)
    assert finished.task.thresholds == ()
    [found] = toolkit.load(finished.folder).predict(["the card 1"])
    assert found.label == ("loan",)


@pytest.mark.parametrize("recipe", ["ngram-linear"], indirect=True)
def test_ngrams_get_thresholds_from_the_development_split(recipe):
    seen = []
    finished = toolkit.finetune(recipe, watch=seen.append)
    assert len(finished.task.thresholds) == 2
    told = [each.text for each in seen if isinstance(each, Note) and "tuned" in each.text]
    assert told == ["dev: task.thresholds is tuned on it; its scores below are with what was found"]
    stored = toolkit.load_recipe(finished.folder / "recipe.yaml")
    assert stored.task.thresholds == finished.task.thresholds
    assert finished.results["best"]["value"] == 1.0
    found = toolkit.load(finished.folder).predict(["a card", "some loan", "rain"])
    assert [each.label for each in found] == [("card",), ("loan",), ()]


@pytest.mark.parametrize("recipe", ["ngram-linear"], indirect=True)
def test_a_run_that_was_stopped_behind_its_tuning_is_replayed_from_before_it(recipe):
    interrupt(recipe, lambda event: isinstance(event, Scored))
    finished = toolkit.finetune(recipe)
    manifest = json.loads((finished.folder / "manifest.json").read_text(encoding="utf-8"))
    assert "thresholds: []" in manifest["recipe"]
    assert replay(finished.folder).difference is None
