import sys

import evaluate
import pytest

from toolkit.metrics.classification import classification_scores, multilabel_scores
from toolkit.metrics.modules import folder
from toolkit.metrics.regression import regression_scores
from toolkit.metrics.spans import span_scores
from toolkit.metrics.squad import squad_scores, squad_v2_scores


@pytest.fixture
def load(tmp_path, monkeypatch):
    """`evaluate.load` of one of our modules; the copy that it imports goes to `tmp_path`."""
    monkeypatch.setattr("evaluate.config.HF_MODULES_CACHE", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    yield lambda name, *options: evaluate.load(folder(name), *options, cache_dir=str(tmp_path))
    for name in [name for name in sys.modules if name.startswith("evaluate_modules")]:
        del sys.modules[name]


def values(scores):
    return {name: score.value for name, score in scores.items()}


def test_spans_are_scored_alike(load):
    gold, predicted = [["B-PER", "I-PER", "O"], ["O"]], [["B-PER", "O", "I-LOC"], ["B-LOC"]]
    found = load("spans").compute(predictions=predicted, references=gold)
    assert found == values(span_scores(gold, predicted))


def test_classification_is_scored_alike(load):
    gold, predicted, labels = ["a", "b", "b"], ["a", "a", "b"], ["a", "b", "c"]
    found = load("classification").compute(predictions=predicted, references=gold, labels=labels)
    assert found == values(classification_scores(gold, predicted, labels))


def test_several_labels_are_scored_alike(load):
    gold, predicted, labels = [["a", "b"], []], [["a"], []], ["a", "b", "c"]
    module = load("classification", "multilabel")
    found = module.compute(predictions=predicted, references=gold, labels=labels)
    assert found == values(multilabel_scores(gold, predicted, labels))


def test_numbers_are_scored_alike(load):
    gold, predicted = [0.5, 2.0, 5.0], [1.0, 1.5, 4.0]
    found = load("regression").compute(predictions=predicted, references=gold)
    assert found == values(regression_scores(gold, predicted))
    flat = load("regression").compute(predictions=[1.0, 1.0], references=[1.0, 2.0])
    assert flat["pearson"] is None


def test_squad_is_scored_alike_by_id(load):
    references = [
        {"id": "1", "answers": {"text": ["a cat", "cats"], "answer_start": [0, 9]}},
        {"id": "2", "answers": {"text": ["dog"], "answer_start": [3]}},
    ]
    predictions = [{"id": "2", "prediction_text": "dogs"}, {"id": "1", "prediction_text": "Cat!"}]
    found = load("squad").compute(predictions=predictions, references=references)
    assert found == values(squad_scores([["a cat", "cats"], ["dog"]], ["Cat!", "dogs"]))


def test_squad_v2_is_scored_alike(load):
    references = [
        {"id": "1", "answers": {"text": ["a cat"], "answer_start": [0]}},
        {"id": "2", "answers": {"text": [], "answer_start": []}},
    ]
    predictions = [
        {"id": "1", "prediction_text": "cat", "no_answer_probability": 0.1},
        {"id": "2", "prediction_text": "dog", "no_answer_probability": 0.7},
    ]
    found = load("squad", "v2").compute(
        predictions=predictions, references=references, no_answer_threshold=0.5
    )
    assert found == values(squad_v2_scores([["a cat"], []], ["cat", "dog"], [0.1, 0.7], 0.5))
    assert found["f1"] == 1.0
