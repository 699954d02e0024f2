"""The tests are tested: how often they reject where nothing is there, and where something is."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from toolkit.compare.significance import (
    Counted,
    compare_models,
    compare_recipes,
    holm,
    mean_interval,
    power,
    smallest_difference,
)
from toolkit.metrics.spans import f1
from toolkit.metrics.tokens import share

SIMULATIONS = 2000
WITHIN = (0.035, 0.065)  # of the rate of rejection, which should be 0.05


class World:
    """Gold spans and how hard they are; recipes whose seeds differ by luck and by span."""

    def __init__(self, seed: int, units: int = 200) -> None:
        self.random = np.random.default_rng(seed)
        self.gold = self.random.poisson(1.2, units)
        self.hardness = self.random.normal(0.3, 1.5, units)

    def runs(self, seeds: int, skill: float = 0.0, luck: float = 0.16) -> Counted:
        """What a recipe's seeds find: right, predicted, gold of each unit."""
        levels = skill + luck * self.random.normal(size=(seeds, 1))
        chance = 1 / (1 + np.exp(-(self.hardness + levels)))  # (seeds, units)
        right = self.random.binomial(self.gold, chance)
        wrong = self.random.poisson(0.5 * (1 - chance))
        gold = np.broadcast_to(self.gold, right.shape)
        return Counted(np.stack([right, right + wrong, gold], axis=2).astype(np.int64), f1)


def rate(rejections) -> float:
    found = list(rejections)
    assert len(found) == SIMULATIONS
    return sum(found) / len(found)


def test_of_exchanged_predictions_the_first_question_rejects_one_in_twenty(monkeypatch):
    monkeypatch.setattr("toolkit.compare.significance.SHUFFLES", 399)
    world = World(1)

    def rejects() -> bool:
        both = world.runs(2).counts
        swap = world.random.integers(2, size=both.shape[1]).astype(bool)
        exchanged = np.where(swap[None, :, None], both[::-1], both)
        one, other = (Counted(side[None], f1) for side in exchanged)
        return compare_models(one, other, resamples=1).p < 0.05

    assert WITHIN[0] < rate(rejects() for _ in range(SIMULATIONS)) < WITHIN[1]


def test_of_exchanged_answers_mcnemar_rejects_one_in_twenty_at_most():
    random = np.random.default_rng(2)

    def rejects() -> bool:
        right = random.random((2, 4000)) < 0.8
        return compare_models(*accuracies(right), resamples=1).p < 0.05

    # an exact test of whole numbers rejects a little less than its level
    assert WITHIN[0] < rate(rejects() for _ in range(SIMULATIONS)) < 0.055


@pytest.mark.parametrize("seeds", [3, 4, 5])
@pytest.mark.parametrize("luck", [0.0, 0.16, 0.4])
def test_of_other_seeds_of_one_recipe_the_second_question_rejects_one_in_twenty(seeds, luck):
    world = World(10 * seeds + int(10 * luck))
    found = rate(
        compare_recipes(world.runs(seeds, luck=luck), world.runs(seeds, luck=luck)).p < 0.05
        for _ in range(SIMULATIONS)
    )
    assert WITHIN[0] < found < WITHIN[1]


def test_of_recipes_that_differ_in_luck_alone_it_rejects_one_in_twenty():
    random = np.random.default_rng(4)

    def runs(seeds: int, luck: float) -> Counted:
        values = luck * random.normal(size=(seeds, 1)) + random.normal(size=(seeds, 200))
        return Counted(np.stack([values, np.ones_like(values)], axis=2), share)

    for seeds in ((3, 3), (4, 4), (5, 5)):
        found = rate(
            compare_recipes(runs(seeds[0], luck=0.3), runs(seeds[1], luck=0.0)).p < 0.05
            for _ in range(SIMULATIONS)
        )
        assert WITHIN[0] < found < WITHIN[1], seeds


def test_a_paired_test_alone_asked_the_second_question_rejects_far_too_often(monkeypatch):
    monkeypatch.setattr("toolkit.compare.significance.SHUFFLES", 199)
    world = World(5)
    found = rate(
        compare_models(world.runs(1), world.runs(1), resamples=1).p < 0.05
        for _ in range(SIMULATIONS)
    )
    assert found > 0.14


@pytest.mark.parametrize("gain", [0.15, 0.3, 0.5])
def test_with_a_planted_gain_power_of_the_second_question_is_as_computed(gain):
    world = World(6)
    verdicts = [
        compare_recipes(world.runs(4, skill=gain), world.runs(4)) for _ in range(SIMULATIONS)
    ]
    true = float(np.mean([each.value for each in verdicts]))
    # the units are the same in all simulations: what they would do elsewhere is no chance here
    error = float(np.std([each.value for each in verdicts]))
    found = rate(each.p < 0.05 for each in verdicts)
    assert found == pytest.approx(power(true, error, freedom=6), abs=0.05)


@pytest.mark.parametrize("gain", [0.2, 0.4])
def test_with_a_planted_gain_power_of_the_first_question_is_as_computed(gain, monkeypatch):
    monkeypatch.setattr("toolkit.compare.significance.SHUFFLES", 199)
    world = World(7)
    verdicts = [
        compare_models(world.runs(1, gain, luck=0), world.runs(1, luck=0), resamples=1)
        for _ in range(SIMULATIONS)
    ]
    true = float(np.mean([each.value for each in verdicts]))
    error = float(np.median([each.error for each in verdicts]))
    found = rate(each.p < 0.05 for each in verdicts)
    assert found == pytest.approx(power(true, error), abs=0.06)


def test_the_error_of_a_difference_between_recipes_is_that_over_new_seeds_and_new_units():
    found = []
    for seed in range(400):
        world = World(seed, units=150)
        found.append(compare_recipes(world.runs(4, skill=0.4), world.runs(4)))
    values = [each.value for each in found]
    claimed = math.sqrt(np.mean([each.error**2 for each in found]))
    assert claimed == pytest.approx(np.std(values), rel=0.12)
    covered = [each.interval[0] <= np.mean(values) <= each.interval[1] for each in found]
    assert 0.91 < np.mean(covered) < 0.985


def accuracies(right) -> tuple[Counted, Counted]:
    """Two models that are right or wrong on each example."""
    ones = np.ones(right.shape[1], dtype=np.int64)
    one, other = (Counted(np.stack([row, ones], axis=1)[None], share) for row in right.astype(int))
    return one, other


def test_mcnemar_is_the_binomial_test_of_those_that_one_side_alone_has_right():
    right = np.array(
        [[1] * 60 + [1] * 12 + [0] * 5 + [0] * 9, [1] * 60 + [0] * 12 + [1] * 5 + [0] * 9]
    )
    verdict = compare_models(*accuracies(right))
    assert verdict.test == "exact McNemar"
    assert verdict.p == pytest.approx(stats.binomtest(5, 17).pvalue)
    assert verdict.value == pytest.approx(7 / 86)


def test_randomisation_of_an_accuracy_says_what_mcnemar_says():
    random = np.random.default_rng(0)
    right = random.random((2, 300)) < np.array([[0.8], [0.73]])
    one, other = accuracies(right)
    exact = compare_models(one, other)
    shuffled = compare_models(
        *(side._replace(formula=lambda counts: share(counts)) for side in (one, other))
    )
    assert (exact.test, shuffled.test) == ("exact McNemar", "approximate randomisation")
    assert shuffled.p == pytest.approx(exact.p, abs=0.02)


def test_equal_predictions_do_not_differ():
    runs = World(8).runs(3)
    for verdict in (compare_models(runs, runs), compare_recipes(runs, runs)):
        assert (verdict.value, verdict.p) == (0.0, 1.0)
        assert verdict.interval[0] <= 0.0 <= verdict.interval[1]


def test_a_recipe_without_chance_is_compared_by_its_examples_alone():
    world = World(9)
    one, other = (world.runs(1, skill, luck=0.0) for skill in (0.6, 0.0))
    thrice = [side._replace(counts=np.repeat(side.counts, 3, axis=0)) for side in (one, other)]
    verdict = compare_recipes(*thrice)
    assert verdict.error == pytest.approx(compare_models(one, other).error)
    assert verdict.freedom > 100


def test_seeds_that_happen_to_score_the_same_are_not_taken_for_certain():
    right = np.array([[1, 1, 0, 0, 1, 0], [0, 1, 1, 0, 0, 1], [1, 0, 0, 1, 0, 1]])
    runs = Counted(np.stack([right, np.ones_like(right)], axis=2), share)
    assert runs.scores.std() == 0
    assert compare_recipes(runs, runs).error > 0.05


def test_the_order_of_the_sides_turns_the_sign_and_nothing_else():
    world = World(11)
    one, other = world.runs(3, 0.3), world.runs(3)
    for compare in (compare_models, compare_recipes):
        there, back = compare(one, other), compare(other, one)
        assert there.value == pytest.approx(-back.value)
        assert there.p == pytest.approx(back.p, abs=1e-9)


def test_the_interval_of_a_mean_holds_it_and_is_narrower_with_more_units():
    widths = []
    for units in (100, 1000):
        runs = World(12, units).runs(3)
        low, high = mean_interval(runs, 0.95, 500)
        assert low < runs.scores.mean() < high
        widths.append(high - low)
    assert widths[1] < widths[0] / 2


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_is_as_stepping_down_by_hand(ps):
    corrected = holm(ps)
    assert all(each >= p for each, p in zip(corrected, ps, strict=True))
    assert corrected[int(np.argmin(ps))] == pytest.approx(min(1.0, len(ps) * min(ps)))
    # rejecting while p <= level / (number left), smallest first, is the same
    for level in (0.01, 0.05, 0.3):
        rejected, left = set(), len(ps)
        for place in sorted(range(len(ps)), key=ps.__getitem__):
            if ps[place] * left > level:
                break
            rejected.add(place)
            left -= 1
        assert rejected == {place for place, p in enumerate(corrected) if p <= level}


@pytest.mark.parametrize("freedom", [2.0, 4.0, 30.0])
@pytest.mark.parametrize("shift", [0.0, 1.0, 2.5])
def test_power_is_that_of_the_noncentral_t(shift, freedom):
    bound = stats.t.ppf(0.975, freedom)
    below, above = (stats.nct.cdf(end, freedom, shift) for end in (-bound, bound))
    assert power(0.1 * shift, 0.1, freedom) == pytest.approx(1 - above + below, abs=1e-3)


def test_power_rises_with_the_difference():
    for freedom in (1.0, 3.3, 50.0):
        found = [power(0.1 * step, 0.1, freedom) for step in range(60)]
        assert found == sorted(found)
        assert found[0] == pytest.approx(0.05, abs=1e-3)


def test_the_smallest_difference_is_found_four_times_in_five():
    for freedom in (math.inf, 1.0, 1.7, 4.0, 12.0, 9999.0):
        found = smallest_difference(0.01, freedom)
        assert power(found, 0.01, freedom) == pytest.approx(0.8, abs=1e-6)
    assert smallest_difference(0.0) is None
    assert smallest_difference(0.01) == pytest.approx(0.01 * (1.95996 + 0.84162), rel=1e-3)
    assert smallest_difference(0.01, 4.0) > smallest_difference(0.01, 12.0)
