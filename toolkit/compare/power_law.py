"""The error of a learning curve as a power law of the number of training examples.

error(n) = a n^-b + c, with a, b, c >= 0 (Hestness et al. 2017, "Deep learning scaling is
predictable, empirically"; the irreducible error c as in Rosenfeld et al. 2020). b is searched on a
grid; for each b, a and c are weighted least squares, which has a closed form.
"""

from typing import NamedTuple

import numpy as np

from toolkit.evaluation.interval import SEED, Array

EXPONENTS = np.geomspace(0.02, 3.0, 160)
FEWEST, FEWEST_WITH_FLOOR = 3, 4  # sizes, without and with c


class Laws(NamedTuple):
    """One law a row: (draws,) each."""

    a: Array
    b: Array
    c: Array

    def error(self, size: float) -> Array:
        """The error that each law expects of so many examples."""
        expected: Array = self.a * size**-self.b + self.c
        return expected


def fitted(sizes: Array, errors: Array, weights: Array) -> Laws:
    """The laws nearest to each row of errors (draws, sizes), by weighted squares.

    With fewer than four sizes c is 0: three numbers would go through any three points.
    """
    assert len(sizes) >= FEWEST, "a law needs more points than it has numbers"
    best = np.full(len(errors), np.inf)
    found = Laws(*np.zeros((3, len(errors))))
    for exponent in EXPONENTS:
        a, c = _line(sizes**-exponent, errors, weights, len(sizes) >= FEWEST_WITH_FLOOR)
        rest = errors - (a[:, None] * sizes**-exponent + c[:, None])
        loss = (weights * rest**2).sum(axis=1)
        better = loss < best - 1e-15
        best = np.where(better, loss, best)
        for kept, new in zip(found, (a, np.full_like(a, exponent), c), strict=True):
            kept[better] = new[better]
    return found


def _line(x: Array, errors: Array, weights: Array, has_floor: bool) -> tuple[Array, Array]:
    """a and c, neither below 0, of the line a x + c nearest to each row of errors."""
    total, wx, wxx = weights.sum(), weights @ x, weights @ (x * x)
    wy, wxy = errors @ weights, errors @ (weights * x)
    through_zero = np.maximum(wxy / wxx, 0.0), np.zeros(len(errors))
    if not has_floor:
        return through_zero
    a = (total * wxy - wx * wy) / (total * wxx - wx * wx)
    c = (wy - a * wx) / total
    flat = np.zeros(len(errors)), np.maximum(wy / total, 0.0)
    a, c = (np.where(c < 0, zero, free) for zero, free in zip(through_zero, (a, c), strict=True))
    return np.where(a < 0, flat[0], a), np.where(a < 0, flat[1], c)


def drawn_errors(
    means: Array, variances: Array, seeds: int, examples: Array | None, draws: int
) -> Array:
    """Mean errors (draws, sizes) as other seeds and other test examples would give them.

    `variances` between the seeds of each size, which few seeds say little of: each is drawn to the
    mean of all half of the way, and their chance is that of Student's t. `examples` (draws, sizes)
    is what other test examples add.
    """
    generator = np.random.Generator(np.random.Philox(SEED))
    freedom = max(1, len(means) * (seeds - 1))
    spread = np.sqrt((variances + variances.mean()) / 2 / seeds)
    scale = np.sqrt(freedom / generator.chisquare(freedom, size=(draws, 1)))
    by_seed = generator.normal(size=(draws, len(means))) * spread * scale
    found: Array = means + by_seed + (0.0 if examples is None else examples)
    return found
