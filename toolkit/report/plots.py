"""Plots as inline SVG: small, sharp on paper, coloured by the page's style in light and dark.

Every text in them is escaped. Attributes only, since the page's policy refuses inline styles.
"""

import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, NamedTuple

from toolkit.metrics.calibration import Calibration
from toolkit.report.axes import Axis
from toolkit.report.html import percent, short
from toolkit.report.labels import Box, Label, labels_of, needs_line

if TYPE_CHECKING:
    from markupsafe import Markup

WIDTH, HEIGHT = 420, 260
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 12, 36
MOST_POINTS = 200  # of a line: more are averaged
NUM_COLOURS = 10

Point = tuple[float, float]


class Series(NamedTuple):
    """Points of one kind, joined by a line or not."""

    name: str
    points: Sequence[Point]
    colour: int = 0
    has_dots: bool = False
    is_faint: bool = False


class Spot(NamedTuple):
    """A point with a name, the interval of its height and the points it is the mean of."""

    name: str
    x: float
    y: float
    interval: tuple[float, float] | None = None
    seeds: Sequence[float] = ()
    is_best: bool = False  # nothing is both cheaper and better
    colour: int = 0


class Expected(NamedTuple):
    """What a law expects somewhere, and between which ends."""

    x: float
    y: float
    low: float
    high: float


def binned(points: Sequence[Point], most: int = MOST_POINTS) -> list[Point]:
    """At most so many points: means of neighbours."""
    if len(points) <= most:
        return list(points)
    size = math.ceil(len(points) / most)
    parts = [points[start : start + size] for start in range(0, len(points), size)]
    return [(sum(x for x, _ in p) / len(p), sum(y for _, y in p) / len(p)) for p in parts]


def line_plot(title: str, series: Iterable[Series], x_name: str, y_name: str) -> "Markup":
    """Lines over a common axis; empty where there is nothing to draw."""
    drawn = [each for each in series if each.points]
    if not drawn:
        return _markup("")
    x = Axis.over((p[0] for each in drawn for p in each.points), LEFT, WIDTH - RIGHT)
    x = x._replace(low=min(0.0, *(p[0] for each in drawn for p in each.points)))
    x = x._replace(high=max(max(p[0] for each in drawn for p in each.points), x.low + 1e-9))
    y = Axis.over((p[1] for each in drawn for p in each.points), HEIGHT - BOTTOM, TOP)
    parts = [_axes(x, y, x_name, y_name), *(_line(each, x, y) for each in drawn)]
    return _figure(title, "".join(parts), drawn if len(drawn) > 1 else ())


def scatter(title: str, points: Sequence[Point], x_name: str, y_name: str) -> "Markup":
    """Points and the diagonal on which both are equal."""
    if not points:
        return _markup("")
    values = [value for point in points for value in point]
    x = Axis.over(values, LEFT, WIDTH - RIGHT)
    y = Axis.over(values, HEIGHT - BOTTOM, TOP)
    dots = "".join(
        f'<circle class="dot c0" cx="{x.at(a)}" cy="{y.at(b)}" r="2"/>' for a, b in points
    )
    return _figure(title, _axes(x, y, x_name, y_name) + _diagonal(x, y) + dots)


def cost_plot(
    title: str, spots: Sequence[Spot], x_name: str, y_name: str, law: Sequence[Expected] = ()
) -> "Markup":
    """Score against cost, which is drawn by its logarithm.

    Who is on the front is joined by a line, or by the law where there is one.
    """
    if not spots:
        return _markup("")
    width, height, right = 480, 310, 104
    places = [spot.x for spot in spots] + [each.x for each in law]
    x = Axis.over(places, LEFT, width - right, is_log=True)
    ends = [end for spot in spots for end in (spot.y, *(spot.interval or ()), *spot.seeds)]
    ends += [end for each in law for end in (each.low, each.high)]
    y = Axis.over(ends, height - BOTTOM, TOP)
    front = sorted((spot for spot in spots if spot.is_best), key=lambda spot: (spot.x, spot.y))
    path = _path([(spot.x, spot.y) for spot in front], x, y)
    parts = [_axes(x, y, x_name, y_name)]
    if law:
        band = [(each.x, each.high) for each in law] + [(each.x, each.low) for each in law[::-1]]
        parts.append(f'<path class="band" d="{_path(band, x, y)}Z"/>')
        parts.append(f'<path class="line c0" d="{_path([e[:2] for e in law], x, y)}"/>')
    elif len(front) > 1:
        parts.append(f'<path class="front" d="{path}"/>')
    parts += [_spot(spot, x, y) for spot in spots]
    bounds = Box(LEFT, 0, width, height - BOTTOM)
    parts += _names(spots, x, y, bounds)
    return _figure(title, "".join(parts), width=width, height=height, kind="cost")


def _spot(spot: Spot, x: Axis, y: Axis) -> str:
    at, up = x.at(spot.x), y.at(spot.y)
    parts, colour = [], f"c{spot.colour % NUM_COLOURS}"
    if spot.interval is not None:
        low, high = (y.at(end) for end in spot.interval)
        parts.append(f'<path class="bar {colour}" d="M{at} {low}V{high}"/>')
    parts += [f'<path class="seed {colour}" d="M{at - 5} {y.at(seed)}h10"/>' for seed in spot.seeds]
    kind = " best" if spot.is_best else ""
    parts.append(f'<circle class="spot{kind} {colour}" cx="{at}" cy="{up}" r="5"/>')
    return f"<g><title>{_said(spot)}</title>{''.join(parts)}</g>"


def _names(spots: Sequence[Spot], x: Axis, y: Axis, bounds: Box) -> list[str]:
    """The names of spots, above all of them."""
    points = [(x.at(spot.x), y.at(spot.y)) for spot in spots]
    taken = [Box(at - 6, up - 6, at + 6, up + 6) for at, up in points]
    for spot, (at, _) in zip(spots, points, strict=True):
        if spot.interval is not None:
            low, high = (y.at(end) for end in spot.interval)
            taken.append(Box(at - 1, high, at + 1, low))
        heights = (y.at(seed) for seed in spot.seeds)
        taken += [Box(at - 5, height - 1, at + 5, height + 1) for height in heights]
    labels = labels_of(points, [spot.name for spot in spots], taken, bounds)
    return [
        _name(spot, point, label) for spot, point, label in zip(spots, points, labels, strict=True)
    ]


def _name(spot: Spot, point: Point, label: Label) -> str:
    parts, side = [], -1 if label.is_left else 1
    if needs_line(point, label):
        ends = f"M{point[0]} {point[1]}L{round(label.x - 2 * side, 1)} {round(label.y, 1)}"
        parts.append(f'<path class="leader" d="{ends}"/>')
    kind = "label" + " end" * label.is_left + " strong" * spot.is_best
    parts.append(
        f'<text class="{kind}" x="{round(label.x, 1)}" y="{round(label.y + 4, 1)}">'
        f"{escape(spot.name)}</text>"
    )
    return f"<g><title>{_said(spot)}</title>{''.join(parts)}</g>"


def _said(spot: Spot) -> str:
    return escape(f"{spot.name}: {spot.y:.4f} at {short(spot.x)}")


def reliability(title: str, found: Calibration) -> "Markup":
    """How often what was said with some probability is true, and how often that was said."""
    size, most = 250, max(each.num for each in found.bins)
    x, y = Axis(0, 1, LEFT, size), Axis(0, 1, size - BOTTOM, TOP)
    parts = [_axes(x, y, "probability", "share that is true"), _diagonal(x, y)]
    for each in found.bins:
        left, right = x.at(each.low), x.at(each.high)
        top, wide = y.at(each.accuracy), round(x.at(each.high) - x.at(each.low) - 1, 1)
        said = (
            f"{each.num:,} said with {each.low:.2f} to {each.high:.2f}: mean "
            f"{each.confidence:.3f}, {percent(each.accuracy)} true"
        )
        tall = round(y.at(0) - top, 1)
        rest = round((left + right) / 2, 1), y.at(each.confidence)
        strength = max(2, round(9 * each.num / most))
        parts.append(
            f'<g><title>{said}</title><rect class="bin o{strength}" x="{left}" y="{top}" '
            f'width="{wide}" height="{tall}"/>'
            f'<path class="gap" d="M{rest[0]} {top}V{rest[1]}"/></g>'
        )
    return _figure(title, "".join(parts), width=size + 10, height=size)


def strip(seeds: Sequence[float], low: float, high: float) -> "Markup":
    """Scores of seeds as points on a line from `low` to `high`, for a cell of a table."""
    x = Axis(low, high, 5, 75)
    dots = "".join(f'<circle class="dot c0" cx="{x.at(seed)}" cy="8" r="3"/>' for seed in seeds)
    said = escape(", ".join(f"{seed:.4f}" for seed in seeds))
    return _markup(
        f'<svg class="strip" viewBox="0 0 80 16" role="img"><title>{said}</title>'
        f'<path class="axis" d="M5 8H75"/>{dots}</svg>'
    )


def meter(value: float | None) -> "Markup":
    """A share as a bar, for a cell of a table."""
    wide = 0.0 if value is None else round(60 * min(1.0, max(0.0, value)), 1)
    return _markup(
        '<svg class="meter" viewBox="0 0 60 8" aria-hidden="true">'
        f'<rect class="track" width="60" height="8"/><rect class="fill" width="{wide}" height="8"/>'
        "</svg>"
    )


def _line(series: Series, x: Axis, y: Axis) -> str:
    colour, faint = f"c{series.colour % NUM_COLOURS}", " faint" * series.is_faint
    parts = []
    if len(series.points) > 1:
        parts.append(f'<path class="line {colour}{faint}" d="{_path(series.points, x, y)}"/>')
    if series.has_dots or len(series.points) == 1:
        parts += [
            f'<circle class="dot {colour}{faint}" cx="{x.at(a)}" cy="{y.at(b)}" r="3">'
            f"<title>{escape(series.name)}: {b:.4g} at {a:,.4g}</title></circle>"
            for a, b in series.points
        ]
    return "".join(parts)


def _path(points: Iterable[Point], x: Axis, y: Axis) -> str:
    return "M" + "L".join(f"{x.at(a)} {y.at(b)}" for a, b in points)


def _diagonal(x: Axis, y: Axis) -> str:
    low, high = max(x.low, y.low), min(x.high, y.high)
    ends = f"M{x.at(low)} {y.at(low)}L{x.at(high)} {y.at(high)}"
    return f'<path class="diagonal" d="{ends}"/>'


def _axes(x: Axis, y: Axis, x_name: str, y_name: str) -> str:
    left, right, bottom, top = x.start, x.end, y.start, y.end
    parts = []
    for value, name in y.ticks():
        at = y.at(value)
        parts.append(f'<path class="grid" d="M{left} {at}H{right}"/>')
        parts.append(f'<text class="tick end" x="{left - 5}" y="{at + 3.5}">{name}</text>')
    for value, name in x.ticks():
        at = x.at(value)
        parts.append(f'<path class="axis" d="M{at} {bottom}v3"/>')
        parts.append(f'<text class="tick mid" x="{at}" y="{bottom + 14}">{name}</text>')
    parts.append(f'<path class="axis" d="M{left} {bottom}H{right}"/>')
    middle = round((left + right) / 2, 1)
    parts.append(f'<text class="name mid" x="{middle}" y="{bottom + 30}">{escape(x_name)}</text>')
    parts.append(f'<text class="name" x="{left + 4}" y="{top + 4}">{escape(y_name)}</text>')
    return "".join(parts)


def _figure(
    title: str,
    inside: str,
    legend: Sequence[Series] = (),
    *,
    width: int = WIDTH,
    height: int = HEIGHT,
    kind: str = "plot",
) -> "Markup":
    keys = "".join(
        '<li><svg class="key" viewBox="0 0 14 8" aria-hidden="true">'
        f'<path class="line c{s.colour % NUM_COLOURS}" d="M0 4H14"/></svg>{escape(s.name)}</li>'
        for s in legend
        if not s.is_faint
    )
    listed = f'<ul class="legend">{keys}</ul>' if keys else ""
    return _markup(
        f"<figure><figcaption>{escape(title)}</figcaption>{listed}"
        f'<svg class="{kind}" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escape(title)}">{inside}</svg></figure>'
    )


def _markup(text: str) -> "Markup":
    from markupsafe import Markup

    return Markup(text)
