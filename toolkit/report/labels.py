"""Where the names of points go in a plot: near their points, and over nothing else."""

import math
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

LETTER, LINE = 7.4, 15.0  # of the largest type that the page's style gives a name, in pixels
BESIDE = 11.0  # from the middle of a point to a name that needs no line to it
ALONG, ACROSS = (BESIDE, 26.0, 46.0, 76.0, 116.0), 6.0  # how far from a point is tried
FARTHEST = 168.0
COVERED = 40.0  # pixels that a name goes farther away rather than to have its line over something


class Box(NamedTuple):
    """What something takes up."""

    left: float
    top: float
    right: float
    bottom: float

    def shared(self, other: "Box") -> float:
        """The area that both take up."""
        wide = min(self.right, other.right) - max(self.left, other.left)
        tall = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(0.0, wide) * max(0.0, tall)

    def outside(self, bounds: "Box") -> float:
        """The area that lies outside of the bounds."""
        own = (self.right - self.left) * (self.bottom - self.top)
        return own - self.shared(bounds)


class Label(NamedTuple):
    """A name and where it stands: its middle line begins at x, or ends there."""

    x: float
    y: float
    is_left: bool  # of its point
    box: Box


Place = tuple[float, float]


def labels_of(
    points: Sequence[Place], names: Sequence[str], taken: Iterable[Box], bounds: Box
) -> list[Label]:
    """A label a point, near it, over no other, over nothing that is taken, and within bounds.

    Where that cannot be had, what covers least.
    """
    full, found = [*taken], []
    for point, name in zip(points, names, strict=True):
        best = _best(point, name, full, bounds)
        full += [best.box, *_dots(point, best)]
        found.append(best)
    return found


def _best(point: Place, name: str, full: Sequence[Box], bounds: Box) -> Label:
    best, least = None, (math.inf, math.inf)
    for far, label in _tried(point, LETTER * len(name)):
        if (0.0, far) >= least:  # those that follow are farther away
            break
        over = label.box.outside(bounds) + sum(label.box.shared(box) for box in full)
        cost = (round(over, 3), far)
        if cost < least and any(dot.shared(box) for dot in _dots(point, label) for box in full):
            cost = (cost[0], far + COVERED)
        if cost < least:
            best, least = label, cost
    assert best is not None, "nowhere was tried"
    return best


def _tried(point: Place, wide: float) -> Iterator[tuple[float, Label]]:
    """Labels of this width with how far they go, which counts double upwards, the nearest first."""
    for far, along, up, is_left in _offsets():
        x, y = point[0] + (-along if is_left else along), point[1] + up
        left = x - wide if is_left else x
        yield far, Label(x, y, is_left, Box(left, y - LINE / 2, left + wide, y + LINE / 2))


@lru_cache(maxsize=1)
def _offsets() -> tuple[tuple[float, float, float, bool], ...]:
    steps = int(FARTHEST / ACROSS)
    return tuple(
        sorted(
            (math.hypot(along, 2 * ACROSS * step) + 4 * is_left, along, ACROSS * step, is_left)
            for along in ALONG
            for step in range(-steps, steps + 1)
            for is_left in (False, True)
        )
    )


def needs_line(point: Place, label: Label) -> bool:
    """Whether a label is so far from its point that a line has to lead there."""
    return math.hypot(label.x - point[0], label.y - point[1]) > BESIDE + 2


def _dots(point: Place, label: Label) -> list[Box]:
    """The line from a point to its label, as small boxes, without what lies in the point."""
    if not needs_line(point, label):
        return []
    (x, y), count = point, 12
    places = [
        (x + (label.x - x) * n / count, y + (label.y - y) * n / count) for n in range(1, count)
    ]
    return [
        Box(a - 0.5, b - 0.5, a + 0.5, b + 0.5) for a, b in places if math.hypot(a - x, b - y) > 8
    ]
