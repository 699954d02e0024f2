import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import mean_squared_error

from toolkit.evaluation.interval import bootstrap
from toolkit.metrics.regression import mean_of, pearson, ranks, regression_scores

NUMBER = st.integers(-20, 20).map(lambda number: number / 4)  # with ties
ROWS = st.lists(st.tuples(NUMBER, NUMBER), min_size=2, max_size=20).map(
    lambda rows: tuple(list(side) for side in zip(*rows, strict=True))
)


def near(value):
    return pytest.approx(value, abs=1e-12)


@settings(max_examples=120, deadline=None)
@given(ROWS)
def test_all_is_as_scipy_and_scikit_learn_have_it(rows):
    gold, predicted = rows
    scores = regression_scores(gold, predicted)
    assert scores["mean_squared_error"].value == near(mean_squared_error(gold, predicted))
    for name, official in (("pearson", stats.pearsonr), ("spearman", stats.spearmanr)):
        if 1 in (len(set(gold)), len(set(predicted))):
            assert scores[name].value is None
        else:
            assert scores[name].value == near(official(gold, predicted).statistic)


@settings(max_examples=100, deadline=None)
@given(st.lists(NUMBER, min_size=1, max_size=20))
def test_ranks_are_scipys(values):
    assert ranks(np.array(values)).tolist() == stats.rankdata(values).tolist()


@settings(max_examples=40, deadline=None)
@given(ROWS)
def test_summed_counts_give_the_score_and_its_interval(rows):
    for name, score in regression_scores(*rows).items():
        if score.counts is not None:
            assert float(score.formula(score.counts.sum(axis=0))) == score.value
            low, high = bootstrap(score.counts, score.formula, 20, 0.95)
            assert low <= high
            assert name == "mean_squared_error" or -1 <= low <= high <= 1


def test_a_resample_of_equal_values_has_no_correlation():
    score = regression_scores([0.1, 0.3, 0.7], [0.3, 0.1, 0.2])["pearson"]
    assert float(pearson(score.counts[[1, 1, 1]].sum(axis=0))) == 0.0


@pytest.mark.parametrize("shift", [0.0, 1e6, -1e9])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e100])
def test_pearson_keeps_its_digits_far_from_zero(shift, scale):
    gold = [1.0, 2.0, 4.0, 3.0]
    moved = [(value + shift) * scale for value in gold]
    assert regression_scores(gold, moved)["pearson"].value == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize(
    ("gold", "predicted", "reason"),
    [
        ([], [], "no examples"),
        ([1.0], [2.0], "fewer than two examples"),
        ([1.0, 1.0], [1.0, 2.0], "all gold values are equal"),
        ([1.0, 2.0], [3.0, 3.0], "all predicted values are equal"),
        ([1.0, 2.0], [3.0, float("nan")], "1 predicted values are not finite"),
    ],
)
def test_what_is_undefined_is_none_and_says_why(gold, predicted, reason):
    scores = regression_scores(gold, predicted)
    for name in ("pearson", "spearman"):
        assert scores[name].value is None
        assert scores[name].about["reason"] == reason
    error = scores["mean_squared_error"]
    assert (error.value is None) == ("no examples" in reason or "finite" in reason)


def test_a_mean_is_over_the_examples_that_are_meant():
    values, among = np.array([1.0, 0.0, 1.0]), np.array([True, True, False])
    score = mean_of(values, {"unit": "example"}, among)
    assert score.value == 0.5
    assert score.about["support"] == 2
