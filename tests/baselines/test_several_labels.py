"""Baselines on texts with several labels, from the recipe to the tuned thresholds."""

import json

import pytest

import toolkit

RECIPE = """
task: {{type: sequence-classification, labels: multi}}
model: {{type: {model}}}
data: {{format: jsonl, train: {folder}/train.jsonl, dev: {folder}/dev.jsonl}}
evaluate: {{resamples: 0}}
run: {{name: several, folder: {folder}/runs}}
"""
LABELS = {"card": ["card"], "loan": ["loan"], "card and loan": ["card", "loan"], "rain": []}


@pytest.fixture
def finished(tmp_path, request):
    rows = [
        {"text": f"the {text} {number}", "label": label}
        for text, label in LABELS.items()
        for number in range(9 if text == "loan" else 4)
    ]
    for split in ("train", "dev"):
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (tmp_path / f"{split}.jsonl").write_text(lines, encoding="utf-8")
    recipe = tmp_path / "several.yaml"
    recipe.write_text(RECIPE.format(model=request.param, folder=tmp_path), encoding="utf-8")
    return toolkit.finetune(toolkit.load_recipe(recipe))


@pytest.mark.parametrize("finished", ["majority"], indirect=True)
def test_majority_says_the_most_frequent_set_whatever_threshold_would_score_better(finished):
    assert finished.task.thresholds == ()
    [found] = toolkit.load(finished.folder).predict(["the card 1"])
    assert found.label == ("loan",)


@pytest.mark.parametrize("finished", ["ngram-linear"], indirect=True)
def test_ngrams_get_thresholds_from_the_development_split(finished):
    assert len(finished.task.thresholds) == 2
    stored = toolkit.load_recipe(finished.folder / "recipe.yaml")
    assert stored.task.thresholds == finished.task.thresholds
    assert finished.results["best"]["value"] == 1.0
    found = toolkit.load(finished.folder).predict(["a card", "some loan", "rain"])
    assert [each.label for each in found] == [("card",), ("loan",), ()]
