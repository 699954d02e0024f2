import numpy as np
import pytest

from toolkit.evaluation.interval import bootstrap, describe_scores
from toolkit.metrics.tokens import share
from toolkit.recipe.schema import Evaluate


def test_the_interval_is_that_of_the_normal_law_for_a_mean():
    rows = np.array([[1, 1]] * 300 + [[0, 1]] * 100)
    low, high = bootstrap(rows, share, 4000, 0.95)
    half = 1.96 * np.sqrt(0.75 * 0.25 / 400)
    assert low == pytest.approx(0.75 - half, abs=0.005)
    assert high == pytest.approx(0.75 + half, abs=0.005)


def test_the_interval_of_given_predictions_is_always_the_same():
    rows = np.array([[1, 2], [0, 1], [3, 3]])
    assert bootstrap(rows, share, 100, 0.9) == bootstrap(rows, share, 100, 0.9)


class Exact:
    """A task whose score is a bare number."""

    def score(self, examples, predictions):
        return {"exact": sum(map(str.__eq__, examples, predictions)) / len(examples)}

    def official(self, examples, predictions):
        return {}


def test_a_bare_number_is_resampled_by_scoring_again():
    gold, predicted = ["a"] * 30 + ["b"] * 10, ["a"] * 40
    settings = Evaluate(resamples=500)
    described = describe_scores(Exact(), gold, predicted, settings)["exact"]
    low, high = described["interval"]
    assert described["value"] == 0.75
    assert 0.55 < low < 0.75 < high < 0.95
    assert described["confidence"] == 0.95


def test_no_resamples_no_interval():
    described = describe_scores(Exact(), ["a"], ["a"], Evaluate(resamples=0))
    assert described == {"exact": {"value": 1.0, "interval": None}}
