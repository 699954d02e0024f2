"""Is a difference more than chance? Two questions, which are not the same.

*These two models*: would these two models, as they lie here, differ on other examples, too? Seeds
play no part. Approximate randomisation over the units of the test set (Noreen 1989; for F1: Yeh
2000, "More accurate tests for the statistical significance of result differences"), and for
accuracies McNemar's test (1947) in its exact form.

*These two recipes*: would it come out so with other seeds on other examples? Both are samples here.
A paired test over examples, asked this, rejects far too often: it takes one seed for all of them.
`compare_recipes` is a t test whose variance adds up what seeds do and what examples do.

Everything works on counts that add up over examples (`Score.counts`, `Score.formula`).
"""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from toolkit.evaluation.interval import SEED, Array, drawn_times
from toolkit.metrics.tokens import share

LEVEL, POWER = 0.05, 0.8
SHUFFLES = 9999  # of the approximate randomisation: the smallest p is 1 / 10,000
_CHUNK = 1 << 22  # drawn numbers held at a time
_MANY = 1e4  # degrees of freedom with which Student's t is the normal distribution
_PLACES = 1000  # at which the distribution of an estimated error is looked at
_SLACK = 1e-12  # sums in another order are other floats


class Counted(NamedTuple):
    """What one recipe's runs made of the same units, a run a seed."""

    counts: Array  # (seeds, units, kinds), which add up over units
    formula: Callable[[Array], Array]  # (…, kinds) -> (…)

    @property
    def scores(self) -> Array:
        """The score of each seed: (seeds,)."""
        return np.asarray(self.formula(self.counts.sum(axis=1, dtype=np.float64)))

    @property
    def influence(self) -> Array:
        """What each unit does to each seed's score, (seeds, units), by leaving it out.

        Jackknife pseudo-values about their mean (Tukey 1958): their variance over the number of
        units is that of the score.
        """
        totals = self.counts.sum(axis=1, keepdims=True, dtype=np.float64)
        without = np.asarray(self.formula(totals - self.counts))  # (seeds, units)
        pseudo = -(without.shape[1] - 1) * without
        centred: Array = pseudo - pseudo.mean(axis=1, keepdims=True)
        return centred


class Verdict(NamedTuple):
    """A difference (the first minus the second), and what a test says of it."""

    test: str
    value: float
    p: float
    interval: tuple[float, float]
    error: float  # the standard error of the difference
    freedom: float  # degrees of freedom of that error; infinite: it is as good as known


def compare_models(
    one: Counted, other: Counted, *, confidence: float = 0.95, resamples: int = 1000
) -> Verdict:
    """The first model of each side on the same units: would they differ on other ones, too?

    Exact McNemar where every unit is right or wrong, else approximate randomisation. The interval
    is a paired bootstrap. Equal predictions have p = 1.
    """
    ours, theirs = (Counted(each.counts[:1], each.formula) for each in (one, other))
    value = float(ours.scores[0] - theirs.scores[0])
    if _is_right_or_wrong(ours) and _is_right_or_wrong(theirs):
        test, p = "exact McNemar", _mcnemar(ours.counts[0, :, 0], theirs.counts[0, :, 0])
    else:
        test, p = "approximate randomisation", _randomised(ours, theirs)
    error = math.sqrt(_mean_variance(ours.influence[0] - theirs.influence[0]))
    ends = _paired_interval(ours, theirs, confidence, resamples)
    return Verdict(test, value, p, ends, error, math.inf)


def compare_recipes(one: Counted, other: Counted, *, confidence: float = 0.95) -> Verdict:
    """All seeds of both sides: would it come out so with other seeds, on other examples?

    The difference of the means over its error, as Student's t. The error squared is s²/k of each
    side's k seeds, and the variance of the mean difference over units, less what chance between
    seeds puts into that: the first two terms hold it already. Shuffling cannot replace it: three
    seeds a side can be dealt out in twenty ways, so no p is below 0.1. Wants two seeds a side.
    """
    from scipy.special import stdtr, stdtrit

    parts = [_seed_part(each) for each in (one, other)]
    examples = _example_part(one, other)
    variance = sum(part for part, _ in parts) + examples
    value = float(one.scores.mean() - other.scores.mean())
    name = "Welch's t over seeds and examples"
    if variance <= _SLACK**2:  # every run of both sides says the same
        p = 1.0 if abs(value) <= _SLACK else 0.0
        return Verdict(name, value, p, (value, value), 0.0, math.inf)
    freedom = _freedom([*parts, (examples, one.counts.shape[1] - 1)])
    error = math.sqrt(variance)
    p = min(1.0, 2 * float(stdtr(freedom, -abs(value) / error)))
    reach = float(stdtrit(freedom, (1 + confidence) / 2)) * error
    return Verdict(name, value, p, (value - reach, value + reach), error, freedom)


def holm(ps: Sequence[float]) -> list[float]:
    """p values corrected for being several (Holm 1979): the chance of any false one stays below."""
    corrected, highest = [0.0] * len(ps), 0.0
    for rank, place in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
        highest = max(highest, min(1.0, (len(ps) - rank) * ps[place]))
        corrected[place] = highest
    return corrected


def power(
    difference: float, error: float, freedom: float = math.inf, level: float = LEVEL
) -> float:
    """How often a true difference is found by a two-sided t test with this error, in [0, 1].

    The noncentral t distribution as a mean over what the error is estimated at: SciPy's own
    (`nctdtr`) is not a number for few degrees of freedom.
    """
    from scipy.special import ndtr, ndtri, stdtrit

    if error == 0:
        return 1.0 if difference else level
    shift = abs(difference) / error
    if freedom > _MANY:
        bound = float(ndtri(1 - level / 2))
        return float(ndtr(shift - bound) + ndtr(-shift - bound))
    bounds = float(stdtrit(freedom, 1 - level / 2)) * _estimated(freedom)
    return float((ndtr(shift - bounds) + ndtr(-shift - bounds)).mean())


@lru_cache(maxsize=64)  # a search asks again and again
def _estimated(freedom: float) -> Array:
    """What errors are estimated at, over the true one, in equal shares of all cases."""
    from scipy.special import gammaincinv

    places = (np.arange(_PLACES) + 0.5) / _PLACES
    found: Array = np.sqrt(2 * gammaincinv(freedom / 2, places) / freedom)
    return found


def smallest_difference(
    error: float, freedom: float = math.inf, *, level: float = LEVEL, wanted: float = POWER
) -> float | None:
    """The smallest true difference that is found as often as wanted; None without an error."""
    if error == 0:  # equal predictions say nothing of others
        return None
    low, high = 0.0, error
    while power(high, error, freedom, level) < wanted:
        low, high = high, 2 * high
    for _ in range(50):
        middle = (low + high) / 2
        if power(middle, error, freedom, level) < wanted:
            low = middle
        else:
            high = middle
    return high


def _seed_part(side: Counted) -> tuple[float, int]:
    """The variance of a mean over seeds, on these units, and its degrees of freedom.

    0 where all seeds predict the same: such a recipe has no chance in it. Seeds that only happen
    to score the same differ at least by what chance does in each unit.
    """
    number = len(side.scores)
    assert number > 1, "one seed says nothing of others"
    between = float(side.scores.var(ddof=1))
    if between <= _SLACK**2:
        between = _chance_in_units(side.influence)
    return between / number, number - 1


def _freedom(parts: Sequence[tuple[float, int]]) -> float:
    """The degrees of freedom of a sum of variances, (variance, its degrees of freedom) each.

    The geometric mean of the two formulas of Welch (1947, "The generalization of Student's
    problem"), V² / Σ v²/f, which is Satterthwaite's, and V² / Σ v²/(f + 2) - 2. Of three seeds a
    side, the first rejects 3.5 % where both vary alike, the second 7.2 % where one varies four
    times as much; between them it is 4.3 to 6.4 % (simulated, docs/decisions.md).
    """
    total = sum(part for part, _ in parts) ** 2
    usual = total / sum(part**2 / freedom for part, freedom in parts)
    other = total / sum(part**2 / (freedom + 2) for part, freedom in parts) - 2
    return math.sqrt(usual * max(1.0, other))


def _example_part(one: Counted, other: Counted) -> float:
    """The variance of the difference from one test set to another, seeds aside."""
    ours, theirs = one.influence, other.influence
    found = _mean_variance(ours.mean(axis=0) - theirs.mean(axis=0))
    chance = sum(_chance_in_units(side) / len(side) for side in (ours, theirs))
    return max(0.0, found - chance)


def _chance_in_units(influence: Array) -> float:
    """What chance between seeds in single units adds to the variance of one seed's score."""
    seeds, units = influence.shape
    if units < 2:
        return 0.0
    rest = influence - influence.mean(axis=0)  # (seeds, units), each seed's mean is 0 already
    return float((rest**2).sum() / ((seeds - 1) * (units - 1)) / units)


def _mean_variance(values: Array) -> float:
    return float(values.var(ddof=1) / len(values)) if len(values) > 1 else 0.0


def _is_right_or_wrong(side: Counted) -> bool:
    """Whether each unit is one example, right or wrong, and the score their share."""
    if side.formula is not share or side.counts.shape[2] != 2:
        return False
    right, total = side.counts[..., 0], side.counts[..., 1]
    return bool(((right == 0) | (right == 1)).all() and (total == 1).all())


def _mcnemar(ours: Array, theirs: Array) -> float:
    """Twice the binomial tail of the units on which one side alone is right, at most 1."""
    from scipy.special import bdtr

    wins, losses = int((ours > theirs).sum()), int((ours < theirs).sum())
    return min(1.0, 2 * float(bdtr(min(wins, losses), wins + losses, 0.5)))


def _randomised(ours: Counted, theirs: Counted) -> float:
    """How often a difference at least as large comes about by swapping predictions at random."""
    one, other = ours.counts[0].astype(np.float64), theirs.counts[0].astype(np.float64)
    apart = np.flatnonzero((one != other).any(axis=1))  # swapping others changes nothing
    if not len(apart):
        return 1.0
    totals, both = one.sum(axis=0), one.sum(axis=0) + other.sum(axis=0)
    change = (other - one)[apart]  # (units, kinds)
    observed = abs(float(ours.formula(totals) - ours.formula(both - totals))) - _SLACK
    generator = np.random.Generator(np.random.Philox(SEED))
    rows, at_least = max(1, _CHUNK // len(apart)), 0
    for start in range(0, SHUFFLES, rows):
        shape = (min(rows, SHUFFLES - start), len(apart))
        swapped = totals + generator.integers(2, size=shape, dtype=np.int8) @ change
        apart_by = np.abs(ours.formula(swapped) - ours.formula(both - swapped))
        at_least += int((apart_by >= observed).sum())
    return (at_least + 1) / (SHUFFLES + 1)


def _paired_interval(
    ours: Counted, theirs: Counted, confidence: float, resamples: int
) -> tuple[float, float]:
    found: list[Array] = []
    for times in drawn_times(ours.counts.shape[1], resamples):
        sides = [side.formula(times @ side.counts[0]) for side in (ours, theirs)]
        found.append(np.asarray(sides[0] - sides[1]))
    return _ends(found, confidence)


def mean_interval(side: Counted, confidence: float, resamples: int) -> tuple[float, float]:
    """The bootstrap interval of the mean over seeds, units drawn again."""
    found: list[Array] = []
    for times in drawn_times(side.counts.shape[1], resamples):
        each: list[Any] = [side.formula(times @ counts) for counts in side.counts]
        found.append(np.mean(each, axis=0))
    return _ends(found, confidence)


def _ends(parts: Sequence[Array], confidence: float) -> tuple[float, float]:
    tail = (1 - confidence) / 2
    low, high = np.quantile(np.concatenate(parts), [tail, 1 - tail])
    return float(low), float(high)
