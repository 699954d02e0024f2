"""Axes: where a value lies in a plot, and which values are named."""

import math
from collections.abc import Iterable
from typing import NamedTuple

from toolkit.report.html import short

MOST_DECADES = 1e12  # from end to end of a logarithmic axis; what is smaller lies at its low end


class Axis(NamedTuple):
    """A range of values laid over a range of pixels; `is_log` for values above 0."""

    low: float
    high: float
    start: float
    end: float
    is_log: bool = False

    @classmethod
    def over(
        cls, values: Iterable[float], start: float, end: float, *, is_log: bool = False
    ) -> "Axis":
        """An axis that holds all of the values, with a little room beside them."""
        found = [value for value in values if math.isfinite(value)]
        if is_log:
            found = [value for value in found if value > 0] or [1.0]
            high = max(found)
            low = max(min(found), high / MOST_DECADES)
            room = max(1.15, (high / low) ** 0.08)
            return cls(low / room, high * room, start, end, is_log=True)
        found = found or [0.0, 1.0]
        low, high = min(found), max(found)
        room = (high - low) * 0.05 or abs(high) * 0.1 or 0.5
        # what is never below 0 is not drawn as if it could be
        return cls(low - room if low < 0 or low > room else 0.0, high + room, start, end)

    def at(self, value: float) -> float:
        """The pixel of a value; what a logarithm has no place for is at the low end."""
        if self.is_log:
            value, low, high = (math.log(max(v, self.low)) for v in (value, self.low, self.high))
        else:
            low, high = self.low, self.high
        share = (value - low) / ((high - low) or 1.0)
        return round(self.start + share * (self.end - self.start), 1)

    def ticks(self) -> list[tuple[float, str]]:
        """A few round values and how they are written."""
        if self.is_log:
            return [(value, short(value)) for value in _powers(self.low, self.high)]
        values = _round(self.low, self.high)
        step = values[1] - values[0] if len(values) > 1 else 0.0
        return [(value, _written(value, step)) for value in values]


def _round(low: float, high: float, most: int = 6) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten."""
    if not high > low:
        return [low]
    power = 10.0 ** math.floor(math.log10((high - low) / most))
    step = next(power * each for each in (1, 2, 5, 10, 20) if (high - low) / (power * each) <= most)
    first = math.ceil(low / step - 1e-9)
    number = int((high - first * step) / step + 1e-9) + 1
    return [0.0 if first + n == 0 else (first + n) * step for n in range(max(0, number))]


def _written(value: float, step: float) -> str:
    """A value with as many digits as tell it from its neighbours."""
    if not step or not value or abs(value) >= 10_000 or abs(value) < 1e-3:
        return short(value)
    return f"{value:,.{max(0, -math.floor(math.log10(step) + 1e-9))}f}"


def _powers(low: float, high: float) -> list[float]:
    """Powers of ten, with 2 and 5 times them where there are few."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for parts in ((1,), (1, 3), (1, 2, 5)):
        values = [m * 10.0**power for power in range(first, last + 1) for m in parts]
        inside = [value for value in values if low <= value <= high]
        if len(inside) >= 3:
            break
    step = -(-len(inside) // 6) or 1
    return inside[::step] or [low]
