"""Scores of classification: one label an example, or any number of them.

All is said over a fixed label set, which the caller gives. Tested equal to scikit-learn with
`labels=` that set and `zero_division=0` for each label, but for what scikit-learn leaves open:

`macro_f1` averages over the labels that have gold in the split ("labels": "supported"), so that a
perfect system has 1 and a stray prediction does not change what is averaged. `macro_f1_all`
averages over the whole set ("labels": "all"), as `f1_score(average="macro", labels=…)` does: a
label that the split lacks counts as 0. Without such labels the two are equal.
What is undefined is None with a reason, where scikit-learn has 0 or NaN.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from toolkit.errors import DataError
from toolkit.metrics.regression import mean_of, ranks
from toolkit.metrics.score import Score
from toolkit.metrics.spans import f1, row_of

if TYPE_CHECKING:
    from toolkit.metrics.score import Array


def classification_scores(
    gold: Sequence[str],
    predicted: Sequence[str],
    labels: Sequence[str],
    probabilities: "Array | None" = None,
) -> dict[str, Score]:
    """Accuracy, F1 averages and Matthews correlation; ROC-AUC with `probabilities`.

    `probabilities` (examples, labels) may be any scores that rise with a label's probability. Of
    two labels the second is the positive one. Raises DataError for a label that is not in `labels`.
    """
    truth = _table([[label] for label in gold], labels)
    guess = _table([[label] for label in predicted], labels)
    averages = _averages(truth, guess, labels, "example")
    micro = averages["micro_f1"]
    averages["micro_f1"] = micro._replace(about={**micro.about, "equals": "accuracy"})
    scores = {
        "accuracy": mean_of((truth & guess).sum(axis=1), {"unit": "example"}),
        **averages,
        "matthews": _matthews_score(truth, guess),
    }
    if probabilities is not None:
        first = 1 if len(labels) == 2 else 0
        scores["roc_auc"] = roc_auc(truth[:, first:], probabilities[:, first:], labels[first:])
    return scores


def multilabel_scores(
    gold: Sequence[Collection[str]],
    predicted: Sequence[Collection[str]],
    labels: Sequence[str],
    probabilities: "Array | None" = None,
) -> dict[str, Score]:
    """Subset accuracy, F1 over examples and over labels; ROC-AUC with `probabilities`.

    An example without a label for which none is predicted is right: its F1 is 1 (scikit-learn's
    `zero_division=1`). Raises DataError for a label that is not in `labels`.
    """
    import numpy as np

    truth, guess = _table(gold, labels), _table(predicted, labels)
    by_example = _by_label(_counts(truth, guess)).sum(axis=1)  # (examples, 3)
    empty = by_example[:, 1:].sum(axis=1) == 0
    about = {"unit": "example", "average": "samples", "both_empty": int(empty.sum())}
    scores = {
        "subset_accuracy": mean_of((truth == guess).all(axis=1), {"unit": "example"}),
        "samples_f1": mean_of(np.where(empty, 1.0, f1(by_example)), about),
        **_averages(truth, guess, labels, "label of an example"),
    }
    if probabilities is not None:
        scores["roc_auc"] = roc_auc(truth, probabilities, labels)
    return scores


def roc_auc(truth: "Array", scores: "Array", labels: Sequence[str]) -> Score:
    """Area under the ROC curve of each label against the rest, averaged; in [0, 1].

    `truth` (examples, labels) booleans, `scores` (examples, labels): the chance that an example
    with the label scores above one without, ties half (Mann and Whitney 1947). A label that no
    example or every example has is left out of the average.
    """
    import numpy as np

    assert scores.shape == truth.shape, "not one score for each example and label"
    areas: dict[str, float] = {}
    for label, has, column in zip(labels, truth.T, scores.T, strict=True):
        pairs = int(has.sum()) * int((~has).sum())
        if pairs:
            lowest = has.sum() * (has.sum() + 1) / 2
            areas[label] = float((ranks(column)[has].sum() - lowest) / pairs)
    about: dict[str, Any] = {"unit": "example", "support": len(truth)}
    if len(labels) == 1:
        about |= {"average": "binary", "positive": labels[0]}
    else:
        left_out = [label for label in labels if label not in areas]
        about |= {"average": "macro, one label against the rest", "labels": "supported"}
        about |= {"left_out": left_out, "per_label": areas}
    if np.isnan(scores).any():
        return Score(None, {**about, "reason": "a score is not a number"})
    if not areas:
        return Score(None, {**about, "reason": "no label with examples for and against it"})
    mean = sum(areas.values()) / len(areas)
    return Score(mean, about, weighted=lambda times: _weighted_areas(truth, scores, times))


def _weighted_areas(truth: "Array", scores: "Array", times: "Array") -> "Array":
    """The mean area where each example is there `times` (resamples, examples)."""
    import numpy as np

    total, number = np.zeros(len(times)), np.zeros(len(times))
    for has, column in zip(truth.T, scores.T, strict=True):
        order = column.argsort(kind="stable")
        ends = np.flatnonzero(np.append(np.diff(column[order]) > 0, True))  # of equal scores
        with_label = np.cumsum(times[:, order] * has[order], axis=1)[:, ends]  # (resamples, ends)
        without = np.cumsum(times[:, order] * ~has[order], axis=1)[:, ends]
        here = np.diff(with_label, axis=1, prepend=0)
        below = without - np.diff(without, axis=1, prepend=0) / 2  # ties count half
        pairs = with_label[:, -1] * without[:, -1]
        total += (here * below).sum(axis=1) / np.maximum(pairs, 1)
        number += pairs > 0
    return np.where(number > 0, total / np.maximum(number, 1), np.nan)


def macro_f1(counts: "Array") -> "Array":
    """The mean F1 of the labels that have gold; `counts` (…, 3 x labels) as `_counts`."""
    has_gold = _by_label(counts)[..., 2] > 0
    mean: Array = (f1(_by_label(counts)) * has_gold).sum(-1) / has_gold.sum(-1).clip(min=1)
    return mean


def macro_f1_all(counts: "Array") -> "Array":
    """The mean F1 of all labels, 0 for one that is neither in gold nor predicted."""
    mean: Array = f1(_by_label(counts)).mean(axis=-1)
    return mean


def weighted_f1(counts: "Array") -> "Array":
    """The mean F1 of the labels, each as often as it is in gold."""
    gold = _by_label(counts)[..., 2]
    mean: Array = (f1(_by_label(counts)) * gold).sum(-1) / gold.sum(-1).clip(min=1)
    return mean


def matthews(counts: "Array") -> "Array":
    """Gorodkin's R_K (2004), Matthews correlation for any number of labels, in [-1, 1].

    0 where gold or predictions have one label only, as scikit-learn has it: for resamples.
    """
    import numpy as np

    right, guess, truth = np.moveaxis(_by_label(counts), -1, 0)  # (…, labels)
    n = truth.sum(axis=-1)
    shared = right.sum(axis=-1) * n - (guess * truth).sum(axis=-1)
    # one root of the product: two of equal numbers can give a correlation above 1
    sides = [n * n - (each**2).sum(axis=-1) for each in (guess, truth)]
    spread = np.sqrt(np.multiply(*sides, dtype=np.float64))
    return np.where(spread > 0, shared / np.where(spread > 0, spread, 1), 0.0)


def _averages(truth: "Array", guess: "Array", labels: Sequence[str], unit: str) -> dict[str, Score]:
    counts = _counts(truth, guess)
    rows = {
        label: row_of(row) for label, row in zip(labels, _by_label(counts.sum(axis=0)), strict=True)
    }
    absent = [label for label, row in rows.items() if not row["support"]]
    supported = {"labels": "supported", "left_out": absent}
    about = {"unit": unit, "support": int(truth.sum())}
    reason = "" if truth.any() else "no gold labels" if len(truth) else "no examples"
    by_example = _by_label(counts).sum(axis=1)  # (examples, 3)
    macro = about | {"average": "macro"}
    macro_all = about | {"average": "macro, labels without gold too", "labels": "all"}
    return {
        "macro_f1": _score(macro_f1, counts, macro | supported | {"per_label": rows}, reason),
        "macro_f1_all": _score(macro_f1_all, counts, macro_all, reason),
        "micro_f1": _score(f1, by_example, about | {"average": "micro", "labels": "all"}, reason),
        "weighted_f1": _score(
            weighted_f1, counts, about | {"average": "weighted by support"} | supported, reason
        ),
    }


def _matthews_score(truth: "Array", guess: "Array") -> Score:
    reason = "" if len(truth) else "no examples"
    for side, table in (("gold", truth), ("predicted", guess)):
        if table.any(axis=0).sum() == 1:
            reason = reason or f"only one label is {side}"
    about = {"unit": "example", "support": len(truth), "reading": "R_K"}
    return _score(matthews, _counts(truth, guess), about, reason)


def _score(
    formula: "Callable[[Array], Array]", counts: "Array", about: Mapping[str, Any], reason: str
) -> Score:
    if reason:
        return Score(None, {**about, "reason": reason})
    return Score(float(formula(counts.sum(axis=0))), about, counts, formula)


def _table(chosen: Sequence[Collection[str]], labels: Sequence[str]) -> "Array":
    """Which example has which label: booleans (examples, labels)."""
    import numpy as np

    column = {label: place for place, label in enumerate(labels)}
    assert len(column) == len(labels), "a label twice"
    strange = Counter(label for row in chosen for label in row if label not in column)
    if strange:
        known = ", ".join(labels[:20]) + (", …" if len(labels) > 20 else "")
        raise DataError(
            f"label {label!r} ({times} times) is not in the label set: {known}"
            for label, times in strange.items()
        )
    table = np.zeros((len(chosen), len(labels)), dtype=bool)
    for row, names in enumerate(chosen):
        table[row, [column[name] for name in names]] = True
    return table


def _counts(truth: "Array", guess: "Array") -> "Array":
    """Whole numbers (examples, 3 x labels): for each label right, predicted, gold.

    Bytes: a table of 5,500 examples and 151 labels is 2.5 MB. Sums of it are 64 bits wide.
    """
    import numpy as np

    table = np.stack([truth & guess, guess, truth], axis=-1).astype(np.int8)
    return table.reshape(len(truth), 3 * truth.shape[1])


def _by_label(counts: "Array") -> "Array":
    return counts.reshape(*counts.shape[:-1], counts.shape[-1] // 3, 3)  # (…, labels, 3)
