"""Bootstrap intervals over documents or examples (percentile method; Efron 1979).

Sentences of one document are alike, so where every example says of which document it is a part,
documents are drawn again and not examples: the interval is wider then, and right.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from toolkit.metrics.score import Score

if TYPE_CHECKING:
    from toolkit.recipe.schema import Evaluate

Array = np.ndarray[Any, Any]
SEED = 20_240_501  # of the resampling: the interval of given predictions is always the same
_CHUNK = 1 << 24  # drawn numbers held at a time


class Units(NamedTuple):
    """What a resample draws: documents, or examples where they are not parts of documents."""

    kind: Literal["document", "example"]
    rows: list[list[int]]  # the examples of each

    @classmethod
    def of(cls, examples: Sequence[Any]) -> "Units":
        """Documents where every example names one and there are two at least."""
        rows: dict[str, list[int]] = {}
        for row, example in enumerate(examples):
            rows.setdefault(getattr(example, "document", ""), []).append(row)
        if "" not in rows and len(rows) > 1:
            return cls("document", list(rows.values()))
        return cls("example", [[row] for row in range(len(examples))])

    @property
    def of_example(self) -> Array:
        """The unit that each example is in."""
        places = np.empty(sum(map(len, self.rows)), dtype=np.int64)
        for unit, rows in enumerate(self.rows):
            places[rows] = unit
        return places

    def summed(self, counts: Array) -> Array:
        """Counts (examples, kinds) added up to (units, kinds)."""
        if self.kind == "example":
            return counts
        return np.stack([counts[rows].sum(axis=0) for rows in self.rows])


def bootstrap(
    counts: Array, formula: Callable[[Array], Array], resamples: int, confidence: float
) -> list[float]:
    """The interval of `formula` of summed counts (units, kinds), units drawn again."""
    times = drawn_times(len(counts), resamples)
    return _ends(np.concatenate([formula(part @ counts) for part in times]), confidence)


def drawn_times(size: int, resamples: int, num_examples: int = 0) -> Iterator[Array]:
    """How often each unit was drawn (resamples, units), some resamples at a time.

    As many as keep a table of the units, or of the examples, within bounds.
    """
    generator = np.random.Generator(np.random.Philox(SEED))
    rows = max(1, _CHUNK // max(size, num_examples))
    for start in range(0, resamples, rows):
        draws = generator.integers(size, size=(min(rows, resamples - start), size))
        yield np.stack([np.bincount(row, minlength=size) for row in draws]).astype(np.float64)


def intervals(
    scores: Mapping[str, Score],
    again: Callable[[list[int]], Mapping[str, Score]],
    units: Units,
    settings: "Evaluate",
) -> dict[str, list[float]]:
    """The interval of each score that has one.

    A score that says neither counts nor weights is computed anew, by `again` from the rows of the
    examples of a resample. Resamples on which a score is undefined are left out.
    """
    if not settings.resamples or not units.rows:
        return {}
    found, others = {}, []
    for name, score in scores.items():
        if score.value is None:
            continue
        if score.counts is not None and score.formula is not None:
            counts = units.summed(score.counts)
            found[name] = bootstrap(counts, score.formula, settings.resamples, settings.confidence)
        elif score.weighted is not None:
            places = units.of_example
            times = drawn_times(len(units.rows), settings.resamples, len(places))
            values = [score.weighted(part[:, places]) for part in times]
            defined = np.concatenate(values)
            defined = defined[~np.isnan(defined)]
            if defined.size:
                found[name] = _ends(defined, settings.confidence)
        else:
            others.append(name)
    return found | (_computed_anew(others, again, units, settings) if others else {})


def _computed_anew(
    names: Sequence[str],
    again: Callable[[list[int]], Mapping[str, Score]],
    units: Units,
    settings: "Evaluate",
) -> dict[str, list[float]]:
    generator = np.random.Generator(np.random.Philox(SEED))
    values: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(settings.resamples):
        drawn = generator.integers(len(units.rows), size=len(units.rows))
        scores = again([row for unit in drawn for row in units.rows[unit]])
        for name in names:
            value = scores[name].value if name in scores else None
            if value is not None:
                values[name].append(value)
    return {
        name: _ends(np.array(each), settings.confidence) for name, each in values.items() if each
    }


def _ends(values: Array, confidence: float) -> list[float]:
    tail = (1 - confidence) / 2
    return [float(end) for end in np.quantile(values, [tail, 1 - tail])]
