"""Axes and plots."""

import xml.etree.ElementTree as ET

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from toolkit.metrics.calibration import calibration
from toolkit.report.axes import Axis
from toolkit.report.plots import (
    Series,
    Spot,
    binned,
    cost_plot,
    line_plot,
    meter,
    reliability,
    scatter,
    strip,
)  # fmt: skip

NUMBER = st.floats(-1e6, 1e6, allow_subnormal=False)


@given(st.lists(NUMBER, min_size=1, max_size=20), st.booleans())
def test_every_value_lies_within_its_axis_and_in_order(values, is_log):
    axis = Axis.over(values, 10, 200, is_log=is_log)
    places = [axis.at(value) for value in sorted(values)]
    assert all(9.9 <= place <= 200.1 for place in places)
    assert places == sorted(places)


@given(st.lists(NUMBER, min_size=2, max_size=20), st.booleans())
@example([-1.0, -1.0], False)
def test_an_axis_names_a_few_values_that_it_holds(values, is_log):
    axis = Axis.over(values, 10, 200, is_log=is_log)
    ticks = axis.ticks()
    assert 1 <= len(ticks) <= 12
    rounding = 1e-6 * max(abs(axis.low), abs(axis.high)) + 1e-9
    assert all(axis.low - rounding <= value <= axis.high + rounding for value, _ in ticks)


def test_many_points_become_means_of_neighbours():
    assert binned([(n, 2.0 * n) for n in range(4)], 2) == [(0.5, 1.0), (2.5, 5.0)]
    assert len(binned([(n, 0.0) for n in range(10_001)])) <= 200
    assert binned([], 3) == []


POINTS = st.lists(st.tuples(NUMBER, NUMBER), max_size=6)


@given(st.text(max_size=8), POINTS, POINTS)
def test_plots_are_well_formed_whatever_is_in_them(name, one, other):
    name = "".join(sign for sign in name if sign.isprintable())
    series = [Series(name, one, 0, has_dots=True), Series(name + "<b>", other, 11)]
    spots = [Spot(name + "<b>", abs(x), y, (y - 1, y + 1), (y,), n % 2 == 0, n)
             for n, (x, y) in enumerate(one)]  # fmt: skip
    for plot in (
        line_plot(name, series, name, name), scatter(name, one, name, name),
        cost_plot(name, spots, name, name), strip([x for x, _ in one], -1e6, 1e6), meter(None),
    ):  # fmt: skip
        if plot:
            root = ET.fromstring(plot)
            assert not list(root.iter("b"))
            assert "nan" not in plot.lower().replace(name.lower(), "")


def test_nothing_draws_nothing():
    assert line_plot("t", [Series("s", [])], "x", "y") == ""
    assert scatter("t", [], "x", "y") == ""
    assert cost_plot("t", [], "x", "y") == ""


def test_a_reliability_diagram_has_a_bar_for_each_bin():
    found = calibration([(0.95, True), (0.9, False), (0.2, False)])
    root = ET.fromstring(reliability("t", found))
    bars = [each for each in root.iter("rect") if each.get("class", "").startswith("bin")]
    assert len(bars) == len(found.bins)
    heights = [float(bar.get("height")) for bar in bars]
    assert heights[0] == pytest.approx(0, abs=0.2)
    assert heights[-1] > 0
