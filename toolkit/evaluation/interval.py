"""Bootstrap intervals over examples (percentile method; Efron 1979)."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.metrics.score import Score
from toolkit.recipe.schema import Evaluate

if TYPE_CHECKING:
    from toolkit.tasks.base import Task

SEED = 20_240_501  # of the resampling: the interval of given predictions is always the same
_CHUNK = 1 << 24  # drawn numbers held at a time


def describe_scores(
    task: "Task",
    examples: Sequence[Any],
    predictions: Sequence[Any],
    settings: Evaluate,
) -> dict[str, dict[str, Any]]:
    """Every score of a split as `results.json` holds it: value, interval, passport."""
    scores = task.score(examples, predictions)
    official = task.official(examples, predictions)
    described = {}
    for name, score in scores.items():
        interval = _interval(name, score, task, examples, predictions, settings)
        value, about = (score.value, score.about) if isinstance(score, Score) else (score, {})
        described[name] = {"value": value, "interval": interval, **about}
        if interval is not None:
            described[name]["confidence"] = settings.confidence
        if name in official:
            assert abs((value or 0.0) - official[name]) < 1e-9, (name, value, official)
    return described


def value_of(score: Score | float) -> float | None:
    """The bare number."""
    return score.value if isinstance(score, Score) else float(score)


def bootstrap(
    counts: "np.ndarray[Any, Any]",
    formula: "Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]]",
    resamples: int,
    confidence: float,
) -> list[float]:
    """The interval of `formula` of summed counts (examples, kinds), examples drawn again."""
    generator = np.random.Generator(np.random.Philox(SEED))
    size = len(counts)
    rows = max(1, _CHUNK // size)
    values = []
    for start in range(0, resamples, rows):
        draws = generator.integers(size, size=(min(rows, resamples - start), size))
        # how often each example was drawn: (resamples, examples), whatever the number of kinds
        times = np.stack([np.bincount(row, minlength=size) for row in draws]).astype(np.float64)
        values.append(formula(times @ counts))
    return _ends(np.concatenate(values), confidence)


def _interval(
    name: str,
    score: Score | float,
    task: "Task",
    examples: Sequence[Any],
    predictions: Sequence[Any],
    settings: Evaluate,
) -> list[float] | None:
    if not settings.resamples or value_of(score) is None or not examples:
        return None
    if isinstance(score, Score) and score.counts is not None and score.formula is not None:
        return bootstrap(score.counts, score.formula, settings.resamples, settings.confidence)

    # a score that is no sum over examples is computed anew on every resample
    generator = np.random.Generator(np.random.Philox(SEED))
    values = []
    for _ in range(settings.resamples):
        rows = generator.integers(len(examples), size=len(examples))
        again: Mapping[str, Score | float] = task.score(
            [examples[row] for row in rows], [predictions[row] for row in rows]
        )
        value = value_of(again[name])
        if value is not None:
            values.append(value)
    return _ends(np.array(values), settings.confidence) if values else None


def _ends(values: "np.ndarray[Any, Any]", confidence: float) -> list[float]:
    tail = (1 - confidence) / 2
    return [float(end) for end in np.quantile(values, [tail, 1 - tail])]
