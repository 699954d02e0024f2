"""How near predicted numbers are to gold ones: Pearson, Spearman, mean squared error.

Pearson and Spearman are the official scores of STS-B (GLUE). Tested equal to SciPy. A correlation
of fewer than two examples, or with a side that is constant, is undefined: None with a reason.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from toolkit.metrics.score import Score
from toolkit.metrics.tokens import share

if TYPE_CHECKING:
    from toolkit.metrics.score import Array


def regression_scores(gold: Sequence[float], predicted: Sequence[float]) -> dict[str, Score]:
    """`pearson`, `spearman` in [-1, 1] and `mean_squared_error` (smaller is better)."""
    import numpy as np

    truth, guess = np.array(gold, dtype=np.float64), np.array(predicted, dtype=np.float64)
    assert truth.shape == guess.shape, "not one prediction an example"
    about: dict[str, Any] = {"unit": "example", "support": len(truth)}
    spearman_about = {**about, "ties": "average rank"}
    reason = _why_not_finite(truth, guess)
    if reason:
        return {
            "pearson": Score(None, {**about, "reason": reason}),
            "spearman": Score(None, {**spearman_about, "reason": reason}),
            "mean_squared_error": Score(None, {**about, "reason": reason}),
        }
    return {
        "pearson": _correlation(truth, guess, about),
        # ranks change with the examples drawn: no counts add up to it
        "spearman": _correlation(ranks(truth), ranks(guess), spearman_about)._replace(
            counts=None, formula=None
        ),
        "mean_squared_error": mean_of((truth - guess) ** 2, about),
    }


def mean_of(
    values: "Array",
    about: Mapping[str, Any],
    among: "Array | None" = None,
    reason: str = "no examples",
) -> Score:
    """The mean of one number an example, over the examples that `among` (booleans) marks.

    Where there is none the score is undefined, for this `reason`. `support` is their number.
    """
    import numpy as np

    counted = np.ones(len(values)) if among is None else among.astype(np.float64)
    about = {**about, "support": int(counted.sum())}
    if not about["support"]:
        return Score(None, {**about, "reason": reason})
    counts = np.stack([np.where(counted > 0, values, 0.0), counted], axis=1)  # (examples, 2)
    return Score(float(share(counts.sum(axis=0))), about, counts, share)


def pearson(counts: "Array") -> "Array":
    """The correlation from sums of (1, x, y, xx, yy, xy), 0 where a side is constant.

    Wants x and y near 0 and not above 1, as `_moments` makes them: sums of squares far from 0
    would lose the digits that the variance is in.
    """
    import numpy as np

    n, x, y, xx, yy, xy = np.moveaxis(counts, -1, 0)
    spread = np.sqrt(np.maximum(n * xx - x * x, 0.0) * np.maximum(n * yy - y * y, 0.0))
    # a resample of equal values has a spread of rounding errors, not of exactly 0
    defined = spread > 1e-12 * n * n
    return np.where(defined, np.clip((n * xy - x * y) / np.where(defined, spread, 1), -1, 1), 0.0)


def ranks(values: "Array") -> "Array":
    """Ranks from 1; equal values share the mean of theirs."""
    import numpy as np

    _, places, sizes = np.unique(values, return_inverse=True, return_counts=True)
    return (sizes.cumsum() - (sizes - 1) / 2)[places]


def _correlation(truth: "Array", guess: "Array", about: Mapping[str, Any]) -> Score:
    if len(truth) < 2:
        return Score(None, {**about, "reason": "fewer than two examples"})
    for side, values in (("gold", truth), ("predicted", guess)):
        if values.min() == values.max():
            return Score(None, {**about, "reason": f"all {side} values are equal"})
    counts = _moments(truth, guess)
    return Score(float(pearson(counts.sum(axis=0))), about, counts, pearson)


def _moments(truth: "Array", guess: "Array") -> "Array":
    import numpy as np

    x, y = _centred(truth), _centred(guess)
    return np.stack([np.ones(len(x)), x, y, x * x, y * y, x * y], axis=1)  # (examples, 6)


def _centred(values: "Array") -> "Array":
    """About their mean, the farthest at a distance of 1: no correlation changes by it."""
    scale = abs(values).max()
    shifted = values / scale - (values / scale).mean()
    centred: Array = shifted / abs(shifted).max()
    return centred


def _why_not_finite(truth: "Array", guess: "Array") -> str:
    import numpy as np

    if not len(truth):
        return "no examples"
    for side, values in (("gold", truth), ("predicted", guess)):
        number = int((~np.isfinite(values)).sum())
        if number:
            return f"{number} {side} values are not finite"
    return ""
