"""Precision, recall and F1 of labelled spans, in the two readings that the field uses.

`conlleval`: the reading of the CoNLL-2000 script `conlleval.pl`, which is seqeval's default: a
span opens at B-, and also at an I- that continues nothing of its type.
`strict`: IOB2 as it is defined: only B- opens a span; an I- that continues nothing is no span
(seqeval with `mode="strict", scheme=IOB2`).

Tags are IOB2 strings. Tested equal to seqeval on random tags, valid or not.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from toolkit.metrics.score import Score

if TYPE_CHECKING:
    from toolkit.metrics.score import Array

Mode = Literal["conlleval", "strict"]


class Span(NamedTuple):
    """Words `start` to `end` (exclusive) of a sentence."""

    type: str
    start: int
    end: int


def spans_of(tags: Sequence[str], mode: Mode = "conlleval") -> list[Span]:
    """The spans of one sentence, in order."""
    spans: list[Span] = []
    if set(tags) <= {"O"}:  # as in most sentences
        return spans
    kind, start = "", 0  # the type of the open span, "" where none is open
    for place, tag in enumerate([*tags, "O"]):
        prefix, _, name = tag.partition("-")
        if prefix == "I" and kind and kind == name:
            continue
        if kind:
            spans.append(Span(kind, start, place))
        opens = prefix == "B" or (prefix == "I" and mode == "conlleval")
        kind, start = (name, place) if opens else ("", place)
    return spans


def count_spans(
    gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]], mode: Mode
) -> dict[str, "Array"]:
    """For each type (examples, 3) whole numbers: spans that are right, predicted, gold."""
    import numpy as np

    counts: dict[str, Array] = {}
    for row, (gold_tags, predicted_tags) in enumerate(zip(gold, predicted, strict=True)):
        truth, guess = set(spans_of(gold_tags, mode)), set(spans_of(predicted_tags, mode))
        for column, spans in enumerate((truth & guess, guess, truth)):
            for kind, number in Counter(span.type for span in spans).items():
                table = counts.setdefault(kind, np.zeros((len(gold), 3), dtype=np.int64))
                table[row, column] += number
    return dict(sorted(counts.items()))


def precision(counts: "Array") -> "Array":
    """Right over predicted, 0 where nothing is predicted (as conlleval), in [0, 1]."""
    return _ratio(counts[..., 0], counts[..., 1])


def recall(counts: "Array") -> "Array":
    """Right over gold, 0 where there is no gold, in [0, 1]."""
    return _ratio(counts[..., 0], counts[..., 2])


def f1(counts: "Array") -> "Array":
    """The harmonic mean of precision and recall, 0 where both are, in [0, 1]."""
    return _ratio(2 * counts[..., 0], counts[..., 1] + counts[..., 2])


FORMULAS = {"f1": f1, "precision": precision, "recall": recall}
# what each divides by (columns of the counts), and what it is if there is none of that: undefined
_DIVISORS = {
    "f1": ((1, 2), "neither gold nor predicted"),
    "precision": ((1,), "nothing predicted"),
    "recall": ((2,), "no gold"),
}


def span_scores(
    gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]
) -> dict[str, Score]:
    """Micro-averaged precision, recall and F1 in both readings: `f1` is conlleval's.

    What divides by nothing is undefined, where conlleval and seqeval print 0.
    """
    import numpy as np

    scores = {}
    for mode, suffix in (("conlleval", ""), ("strict", "_strict")):
        by_type = count_spans(gold, predicted, mode)  # type: ignore[arg-type]
        counts = sum(by_type.values(), np.zeros((len(gold), 3), dtype=np.int64))
        for name, formula in FORMULAS.items():
            about: dict[str, Any] = {
                "scheme": "IOB2",
                "mode": mode,
                "unit": "span",
                "average": "micro",
                "support": int(counts[:, 2].sum()),
            }
            if name == "f1":
                about["types"] = {
                    kind: row_of(table.sum(axis=0)) for kind, table in by_type.items()
                }
            value, reason = ratio(name, counts.sum(axis=0))
            if value is None:
                scores[name + suffix] = Score(None, {**about, "reason": reason})
            else:
                scores[name + suffix] = Score(value, about, counts, formula)
    return scores


def ratio(name: str, totals: "Array") -> tuple[float | None, str]:
    """One of `FORMULAS` of summed counts (right, predicted, gold); None and why if undefined."""
    columns, reason = _DIVISORS[name]
    if not sum(totals[column] for column in columns):
        return None, reason
    return float(FORMULAS[name](totals)), ""


def row_of(totals: "Array") -> dict[str, float | int | None]:
    """The scores of one type or label from its summed counts, None where one is undefined."""
    row: dict[str, float | int | None] = {name: ratio(name, totals)[0] for name in FORMULAS}
    return row | {"support": int(totals[2])}


def seqeval_f1(
    gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]], mode: Mode
) -> float:
    """Micro F1 as `seqeval` has it, scheme and mode explicit."""
    import warnings

    from seqeval.metrics import f1_score
    from seqeval.scheme import IOB2

    keys = {"mode": "strict", "scheme": IOB2} if mode == "strict" else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns where nothing is predicted: the value is 0
        return float(f1_score(_lists(gold), _lists(predicted), zero_division=0, **keys))


def _ratio(above: "Array", below: "Array") -> "Array":
    import numpy as np

    return np.where(below > 0, above / np.maximum(below, 1), 0.0)


def _lists(tags: Iterable[Sequence[str]]) -> list[list[str]]:
    return [list(sentence) for sentence in tags]
