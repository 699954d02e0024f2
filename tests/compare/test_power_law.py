"""Power laws: found where they are, and honest about what they do not know."""

import numpy as np
import pytest

from toolkit.compare.power_law import drawn_errors, fitted

SIZES = np.array([100.0, 200.0, 400.0, 800.0, 1600.0])
EVEN = np.ones(5)


@pytest.mark.parametrize(("a", "b", "c"), [(3.0, 0.5, 0.1), (1.0, 0.3, 0.0), (20.0, 0.9, 0.25)])
def test_a_law_without_noise_is_found(a, b, c):
    law = fitted(SIZES, (a * SIZES**-b + c)[None], EVEN)
    for size in (100, 1600, 3200, 6400):
        assert law.error(size)[0] == pytest.approx(a * size**-b + c, abs=2e-3)
    assert law.b[0] == pytest.approx(b, rel=0.05)


def test_three_sizes_have_no_floor():
    law = fitted(SIZES[:3], (2 * SIZES[:3] ** -0.4)[None], EVEN[:3])
    assert law.c[0] == 0
    assert law.b[0] == pytest.approx(0.4, rel=0.05)


def test_what_does_not_fall_is_flat():
    law = fitted(SIZES, np.array([[0.3, 0.31, 0.32, 0.33, 0.34]]), EVEN)
    assert law.error(3200)[0] == pytest.approx(0.32, abs=0.01)


def test_neither_number_is_ever_negative():
    errors = np.random.default_rng(0).random((300, 5))
    law = fitted(SIZES, errors, EVEN)
    assert min(law.a.min(), law.b.min(), law.c.min()) >= 0


def test_each_row_is_fitted_by_itself():
    errors = np.random.default_rng(1).random((20, 5))
    together = fitted(SIZES, errors, EVEN)
    for row in range(20):
        alone = fitted(SIZES, errors[row : row + 1], EVEN)
        assert alone.error(3200)[0] == pytest.approx(together.error(3200)[row])


def test_where_a_size_weighs_more_the_law_is_nearer_to_it():
    errors = np.array([[0.5, 0.4, 0.3, 0.3, 0.1]])
    apart = []
    for weight in (1.0, 50.0):
        weights = np.array([1.0, 1.0, 1.0, 1.0, weight])
        apart.append(abs(fitted(SIZES, errors, weights).error(1600)[0] - 0.1))
    assert apart[1] < apart[0]


def test_the_interval_of_a_forecast_holds_the_truth_as_often_as_it_says():
    random = np.random.default_rng(2)
    held = 0
    for _ in range(300):
        noise = random.normal(size=(3, 5)) * 0.02
        seeds = 2 * SIZES**-0.4 + 0.05 + noise  # (seeds, sizes)
        means, variances = seeds.mean(axis=0), seeds.var(axis=0, ddof=1)
        draws = drawn_errors(means, variances, 3, None, 200)
        low, high = np.quantile(fitted(SIZES, draws, EVEN).error(3200), [0.1, 0.9])
        held += low <= 2 * 3200**-0.4 + 0.05 <= high
    assert 0.72 < held / 300 < 0.9
