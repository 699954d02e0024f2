"""Whether probabilities hold: of what is said with 0.8, is 0.8 true?

Source: Guo, Pleiss, Sun and Weinberger 2017, On Calibration of Modern Neural Networks, section 2:
reliability diagrams and the expected calibration error over bins of equal width.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

NUM_BINS = 15  # as in the paper's experiments


class Bin(NamedTuple):
    """What was said with a probability above `low`, up to `high`."""

    low: float
    high: float
    num: int
    confidence: float  # mean probability, in [0, 1]
    accuracy: float  # the share that is true, in [0, 1]


class Calibration(NamedTuple):
    """The bins that hold something, and their error."""

    bins: tuple[Bin, ...]
    num: int
    error: float  # expected calibration error, in [0, 1]


def calibration(
    pairs: Iterable[tuple[float, bool]], num_bins: int = NUM_BINS
) -> Calibration | None:
    """The calibration of (probability, came true) pairs; None of none at all.

    Bin m of M holds the probabilities in ((m - 1) / M, m / M], the first one 0 as well. The error
    is the mean of |accuracy - confidence| over the bins, weighted by how many pairs each holds.
    """
    counts, sums, true = [0] * num_bins, [0.0] * num_bins, [0] * num_bins
    for probability, is_true in pairs:
        place = min(num_bins, max(1, math.ceil(probability * num_bins))) - 1
        counts[place] += 1
        sums[place] += probability
        true[place] += is_true
    total = sum(counts)
    if not total:
        return None
    bins = tuple(
        Bin(m / num_bins, (m + 1) / num_bins, counts[m], sums[m] / counts[m], true[m] / counts[m])
        for m in range(num_bins)
        if counts[m]
    )
    error = sum(each.num / total * abs(each.accuracy - each.confidence) for each in bins)
    return Calibration(bins, total, error)
