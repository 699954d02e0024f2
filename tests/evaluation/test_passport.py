import json
import math

import numpy as np
import pytest

from toolkit.evaluation.passport import PASSPORT, check_official, described_split
from toolkit.evaluation.predictions import Predicted, Reader
from toolkit.examples import Answer, Question, Tagged, Text
from toolkit.metrics.score import Score, normal
from toolkit.recipe.schema import Evaluate
from toolkit.tasks.question_answering import Answered, QuestionAnswering
from toolkit.tasks.sequence_classification import Labelled, SequenceClassification
from toolkit.tasks.token_classification import Tags, TokenClassification

TAGGING = TokenClassification(labels=("O", "B-PER", "I-PER"))
SORTING = SequenceClassification(classes=("a", "b"))
SENTENCES = [
    Tagged(("Ada", "left"), ("B-PER", "O"), "1", document="x"),
    Tagged(("Bob",), ("B-PER",), "2", document="x"),
    Tagged(("He", "left"), ("O", "O"), "3", document="y"),
]
TAGS = [Tags(("B-PER", "O"), (1, 1)), Tags(("O",), (1,)), Tags(("O", "O"), (1, 1))]


def described(task, examples, predictions, **settings):
    predicted = Predicted(
        predictions, 0.5, num_windows=7, num_in_several=1, num_truncated=2, precision="fp32"
    )
    reader = Reader(task, None, None)
    return described_split(reader, Evaluate(resamples=20, **settings), examples, predicted, "f00")


def test_a_split_says_what_it_is():
    split = described(TAGGING, SENTENCES, TAGS)
    assert {key: split[key] for key in split if key != "scores"} == {
        "examples": 3, "windows": 7, "several_windows": 0.333333, "truncated": 2, "sha256": "f00",
        "loss": 0.5, "precision": "fp32",
    }  # fmt: skip


def test_every_score_carries_its_passport():
    f1 = described(TAGGING, SENTENCES, TAGS)["scores"]["f1"]
    types = f1.pop("types")
    assert types["PER"]["support"] == 2
    low, high = f1.pop("interval")
    assert 0 <= low <= f1["value"] <= high <= 1
    assert f1 == {
        "value": pytest.approx(2 / 3), "confidence": 0.95, "resamples": 20,
        "resampled": "document", "drawn": 2, "scheme": "IOB2", "mode": "conlleval",
        "unit": "span", "average": "micro", "support": 2, "examples": 3, "split_sha256": "f00",
        "several_windows": 0.333333, "truncated": 2,
    }  # fmt: skip


CASES = [
    (TAGGING, SENTENCES, TAGS),
    (TokenClassification(labels=("X", "Y")), [Tagged(("a",), ("X",))], [Tags(("Y",), (1,))]),
    (SORTING, [Text("t", label="a"), Text("u", label="b")], [Labelled("a", (0.9, 0.1))] * 2),
    (
        SequenceClassification(labels="multi", classes=("a", "b")),
        [Text("t", label=("a",)), Text("u", label=())],
        [Labelled(("a",), (0.9, 0.1)), Labelled((), (0.1, 0.2))],
    ),
    (
        SequenceClassification(labels="regression"),
        [Text("t", label=1.0), Text("u", label=2.0), Text("v", label=5.0)],
        [Labelled(1.5), Labelled(1.0), Labelled(3.0)],
    ),
    (
        QuestionAnswering(no_answer=True, threshold=0.0),
        [Question("q", "Ada", (Answer("Ada", 0),), "1"), Question("r", "Ada", (), "2")],
        [Answered("Ada", 0, 3, 0.9, -1.0, ()), Answered("", None, None, 0.9, 1.0, ())],
    ),
]


@pytest.mark.parametrize(("task", "examples", "predictions"), CASES)
def test_whatever_the_task_every_score_says_all_of_it(task, examples, predictions):
    scores = described(task, examples, predictions)["scores"]
    for name, score in scores.items():
        said = {*PASSPORT, "value", "interval", "examples", "split_sha256", "several_windows"}
        assert said | {"truncated"} <= set(score), name
        assert score["unit"], name
        assert score["support"] is not None, name
        if score["value"] is None:
            assert score["reason"], name
            assert score["interval"] is None, name
        else:
            assert math.isfinite(score["value"]), name
            assert len(score["interval"]) == 2, name
    json.dumps(scores, allow_nan=False)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), np.nan])
def test_what_is_no_finite_number_is_undefined_with_a_reason(value):
    for score in (normal(value), normal(Score(value, {"unit": "word"}))):
        assert score.value is None
        assert "came out" in score.about["reason"]


def test_nothing_is_undefined_without_a_reason():
    assert normal(None).about["reason"]
    assert normal(Score(None)).about["reason"]
    assert normal(0.5) == Score(0.5)


def test_an_official_score_that_differs_stops_the_run():
    check_official({"f1": Score(0.5), "auc": Score(None)}, {"f1": 0.5, "auc": float("nan")})
    for official in (0.501, float("nan")):
        with pytest.raises(AssertionError, match=r"f1 is 0\.5 by our scorer"):
            check_official({"f1": Score(0.5)}, {"f1": official})


def test_no_examples_are_scored_without_an_error():
    split = described(TAGGING, [], [])
    assert split["several_windows"] is None
    assert split["scores"]["f1"]["reason"] == "neither gold nor predicted"
