"""Calibration: reliability bins and the expected calibration error."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.metrics.calibration import calibration

PAIRS = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60)


@given(PAIRS, st.integers(1, 20))
def test_the_error_is_that_of_the_paper(pairs, num_bins):
    """As Guo et al. write it, with a mask for each bin."""
    sure, true = np.array([p for p, _ in pairs]), np.array([t for _, t in pairs], dtype=float)
    places = np.clip(np.ceil(sure * num_bins), 1, num_bins)
    expected = 0.0
    for m in range(1, num_bins + 1):
        inside = places == m
        if inside.any():
            expected += inside.mean() * abs(true[inside].mean() - sure[inside].mean())
    found = calibration(pairs, num_bins)
    assert found.error == pytest.approx(expected, abs=1e-12)
    assert found.num == sum(each.num for each in found.bins) == len(pairs)
    assert 0 <= found.error <= 1


def test_what_always_holds_has_no_error():
    assert calibration([(1.0, True)] * 5 + [(0.0, False)] * 5).error == 0


def test_the_edges_belong_to_the_bin_below():
    (low, high) = calibration([(0.5, True), (0.500001, False)], 2).bins
    assert (low.num, high.num) == (1, 1)
    assert (low.low, low.high, high.high) == (0.0, 0.5, 1.0)


def test_nothing_has_no_calibration():
    assert calibration([]) is None
