"""Scores over examples come from what a run left, and are those that its results say."""

import json

import numpy as np
import pytest

import toolkit
from tests.recipes import write_recipe
from toolkit.compare.scored import counted, gold_of, scored_run
from toolkit.errors import RunError
from toolkit.evaluation.interval import Units
from toolkit.metrics.score import Score
from toolkit.recipe.load import load_recipe
from toolkit.tasks.token_classification import TokenClassification


@pytest.fixture
def recipe(tmp_path):
    recipe = load_recipe(write_recipe(tmp_path), "train.learning_rate=3e-2")
    toolkit.finetune(recipe)
    return recipe


def test_read_back_or_predicted_again_it_is_the_same_score(recipe, monkeypatch):
    gold = gold_of(recipe)
    read = scored_run(recipe, gold)
    monkeypatch.setattr(TokenClassification, "recorded", lambda self, record: None)
    again = scored_run(recipe, gold)
    assert read.score.value == again.score.value == pytest.approx(
        read.results["splits"]["test"]["scores"]["f1"]["value"]
    )  # fmt: skip
    assert (read.score.counts == again.score.counts).all()


def test_predictions_that_were_changed_are_predicted_again(recipe, tmp_path):
    before = scored_run(recipe, gold_of(recipe)).score
    path = tmp_path / "runs" / "small" / "predictions-test.jsonl"
    records = [json.loads(line) for line in path.read_text().splitlines()]
    for record in records:
        record["prediction"] = ["B-PER"] * len(record["prediction"])
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    assert scored_run(recipe, gold_of(recipe)).score.value == before.value


def test_data_that_changed_since_is_refused(recipe, tmp_path):
    path = tmp_path / "test.conll"
    path.write_text(path.read_text().replace("\tO\n", "\tB-PER\n", 1))
    with pytest.raises(RunError, match="did the data change"):
        scored_run(recipe, gold_of(recipe))


def test_without_a_test_split_the_development_split_is_compared_on(recipe):
    data = recipe.data.model_copy(update={"test": None})
    gold = gold_of(recipe.model_copy(update={"data": data}))
    assert gold.split == "dev"
    assert scored_run(recipe, gold).score.value is not None


def test_a_score_that_is_no_sum_over_examples_has_no_counts(recipe):
    gold = gold_of(recipe)
    run = scored_run(recipe, gold)
    units = Units.of(gold.examples)
    assert counted([run, run], units).counts.shape[:2] == (2, 12)
    assert counted([run._replace(score=Score(0.3))], units) is None
    other = run._replace(score=run.score._replace(counts=np.zeros((12, 9))))
    assert counted([run, other], units) is None  # of labels that the other does not know
