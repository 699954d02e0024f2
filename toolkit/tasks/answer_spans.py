"""The search for the best answers, over all pairs of first and last token in all windows at once.

The official scripts try the pairs of the 20 best first with the 20 best last tokens of a window,
and can come out with no valid pair; here all pairs that are short enough are compared.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from toolkit.windows import Window

Array = np.ndarray[Any, Any]


class Found(NamedTuple):
    """The characters `start` to `end` of a context as an answer."""

    start: int
    end: int
    score: float  # of the first token and of the last, added


def best_spans(
    windows: Sequence[Window], tables: Sequence[Array], longest: int, most: int
) -> list[Found]:
    """The best answers, at most `most` of at most `longest` tokens, best first.

    Where several windows hold an answer, its score is that of the best of them; of equal answers
    the one that begins and then ends first is better. `tables` hold the scores (length, 2) of each
    window, padding included.
    """
    tokens = windows[0].where.tokens
    if not len(tokens.ids):
        return []
    sums = _sums(windows, tables, min(longest, len(tokens.ids)))
    width = sums.shape[1]
    flat = sums.ravel()
    floor = np.partition(flat, -most)[-most] if most < len(flat) else -np.inf
    places = np.flatnonzero((flat >= floor) & (flat > -np.inf))
    places = places[np.argsort(-flat[places], kind="stable")[:most]]
    firsts, lasts = places // width, places // width + places % width
    spans: dict[tuple[int, int], Found] = {}  # tokens that share a character can end at the same
    for first, last, score in zip(firsts, lasts, flat[places].tolist(), strict=True):
        start, end = int(tokens.starts[first]), int(tokens.ends[last])
        spans.setdefault((start, end), Found(start, end, score))
    return list(spans.values())


def no_answer_sum(tables: Sequence[Array]) -> float:
    """The score of "no answer", the first token's: of the window that says so least."""
    return min(float(table[0, 0]) + float(table[0, 1]) for table in tables)


def softmax(scores: Sequence[float]) -> list[float]:
    """Probabilities over the scores."""
    powers = np.exp(np.array(scores) - max(scores))
    probabilities: list[float] = (powers / powers.sum()).tolist()
    return probabilities


def _sums(windows: Sequence[Window], tables: Sequence[Array], longest: int) -> Array:
    """The score of each answer (first token, tokens more until the last), -inf for those not held.

    A token of no characters neither begins nor ends an answer.
    """
    tokens = windows[0].where.tokens
    is_choice = tokens.is_choice
    sums = np.full((len(tokens.ids), longest), -np.inf)
    for window, table in zip(windows, tables, strict=True):
        part = window.where
        rows = table[part.place : part.place + part.end - part.start].astype(np.float64)
        rows[~is_choice[part.start : part.end]] = -np.inf
        lasts = np.concatenate([rows[:, 1], np.full(longest - 1, -np.inf)])
        here = rows[:, :1] + sliding_window_view(lasts, longest)  # (part, longest)
        np.maximum(sums[part.start : part.end], here, out=sums[part.start : part.end])
    return sums
