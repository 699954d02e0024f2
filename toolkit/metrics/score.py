"""A score and what it says of itself."""

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]


class Score(NamedTuple):
    """One number of a split, with the passport that makes it comparable.

    Where a score follows from counts that add up over examples, `counts` (examples, kinds) and
    `formula` ((…, kinds) -> (…)) let an interval be computed without scoring again. Where it does
    not, `weighted` may say what it is if each example is there so often: (resamples, examples) ->
    (resamples), NaN where it is undefined.
    """

    value: float | None  # None: undefined on this split, `about` says why
    about: Mapping[str, Any] = {}  # scheme, mode, unit, averaging, support, …
    counts: "Array | None" = None
    formula: "Callable[[Array], Array] | None" = None
    weighted: "Callable[[Array], Array] | None" = None


def normal(score: Score | float | None) -> Score:
    """A score as a `Score`, undefined with a reason where it is no finite number."""
    if not isinstance(score, Score):
        score = Score(None if score is None else float(score))
    if score.value is not None and not math.isfinite(score.value):
        kind = "not a number" if math.isnan(score.value) else "infinite"
        score = Score(None, {**score.about, "reason": f"the score came out {kind}"})
    if score.value is None and not score.about.get("reason"):
        score = Score(None, {**score.about, "reason": "the task gives no value and no reason"})
    return score
