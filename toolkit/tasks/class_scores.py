"""The scores of sequence classification, and the thresholds of several labels."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from toolkit.metrics.classification import classification_scores, multilabel_scores
from toolkit.metrics.regression import regression_scores
from toolkit.metrics.score import Score

if TYPE_CHECKING:
    from toolkit.examples import Text
    from toolkit.tasks.sequence_classification import Labelled


def scores_of(
    labels: str,
    classes: Sequence[str],
    examples: "Sequence[Text]",
    predictions: "Sequence[Labelled]",
) -> Mapping[str, Score | float]:
    """The scores of a split. Gold labels that are no class join the label set: always wrong."""
    import numpy as np

    gold: list[Any] = [example.label for example in examples]
    predicted: list[Any] = [prediction.label for prediction in predictions]
    if labels == "regression":
        return regression_scores(gold, predicted)
    several = labels == "multi"
    seen = {name for label in gold for name in (label if several else (label,))}
    known = [*classes, *sorted(seen - set(classes))]
    probabilities = np.zeros((len(examples), len(known)))
    if predictions:
        probabilities[:, : len(classes)] = [prediction.scores for prediction in predictions]
    scorer = multilabel_scores if several else classification_scores
    return scorer(gold, predicted, known, probabilities)


def official_scores(
    labels: str,
    classes: Sequence[str],
    examples: "Sequence[Text]",
    predictions: "Sequence[Labelled]",
) -> dict[str, float]:
    """The same scores by scikit-learn and SciPy, from labels and probabilities alone.

    Of what is undefined they have 0, NaN or an error; those are left out or not to be looked at.
    """
    import warnings

    if len(examples) < 2:
        return {}
    gold: list[Any] = [example.label for example in examples]
    predicted: list[Any] = [prediction.label for prediction in predictions]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they warn where a score is undefined
        if labels == "regression":
            return _official_regression(gold, predicted)
        return _official_classes(labels, classes, gold, predicted, predictions)


def _official_regression(gold: Sequence[float], predicted: Sequence[float]) -> dict[str, float]:
    from scipy import stats
    from sklearn import metrics

    if not all(map(math.isfinite, [*gold, *predicted])):
        return {}
    return {
        "pearson": float(stats.pearsonr(gold, predicted).statistic),
        "spearman": float(stats.spearmanr(gold, predicted).statistic),
        "mean_squared_error": float(metrics.mean_squared_error(gold, predicted)),
    }


def _official_classes(
    labels: str,
    classes: Sequence[str],
    gold: Sequence[Any],
    predicted: Sequence[Any],
    predictions: "Sequence[Labelled]",
) -> dict[str, float]:
    import numpy as np
    from sklearn import metrics

    several = labels == "multi"
    rows = [set(label) if several else {label} for label in gold]
    guesses = [set(label) if several else {label} for label in predicted]
    known = [*classes, *sorted(set().union(*rows) - set(classes))]
    truth = np.array([[name in row for name in known] for row in rows], dtype=int)
    guess = np.array([[name in row for name in known] for row in guesses], dtype=int)
    if len(known) < 2:  # which scikit-learn takes for something else
        return {}
    supported = [column for column in range(len(known)) if truth[:, column].any()]

    def f1(average: str, columns: Sequence[int] | None = None, empty: float = 0.0) -> float:
        score = metrics.f1_score(truth, guess, average=average, labels=columns, zero_division=empty)
        return float(score)

    found = {
        "macro_f1": f1("macro", supported or None),
        "macro_f1_all": f1("macro"),
        "micro_f1": f1("micro"),
        "weighted_f1": f1("weighted"),
    }
    accuracy = float(metrics.accuracy_score(truth, guess))
    if several:
        found |= {"subset_accuracy": accuracy, "samples_f1": f1("samples", empty=1.0)}
    else:
        matthews = metrics.matthews_corrcoef(truth.argmax(axis=1), guess.argmax(axis=1))
        found |= {"accuracy": accuracy, "matthews": float(matthews)}
    sure = np.zeros(truth.shape)
    sure[:, : len(classes)] = [prediction.scores for prediction in predictions]
    mixed = [column for column in supported if not truth[:, column].all()]
    if not several and len(known) == 2:
        mixed = [column for column in mixed if column == 1]
    if mixed:
        areas = [metrics.roc_auc_score(truth[:, each], sure[:, each]) for each in mixed]
        found["roc_auc"] = float(np.mean(areas))
    return found


def tuned_thresholds(
    gold: Sequence[Sequence[str]], scores: Sequence[Sequence[float]], classes: Sequence[str]
) -> tuple[float, ...]:
    """For each class the threshold with the best F1, halfway between two scores; else 0.5."""
    import numpy as np

    table = np.array(scores).reshape(len(gold), len(classes))
    thresholds = []
    for column, name in enumerate(classes):
        truth = np.array([name in labels for labels in gold])
        order = np.argsort(-table[:, column], kind="stable")
        ranked, right = table[order, column], truth[order].cumsum()
        f1 = 2 * right / (np.arange(1, len(truth) + 1) + max(1, truth.sum()))
        # a threshold cannot part equal scores: only the last of a run of equals can be a cut
        can_cut = np.append(ranked[:-1] > ranked[1:], True)
        if not truth.any():
            thresholds.append(0.5)
            continue
        best = int(np.where(can_cut, f1, -1.0).argmax())
        below = ranked[best + 1] if best + 1 < len(ranked) else 0.0
        thresholds.append(round(float((ranked[best] + below) / 2), 6))
    return tuple(thresholds)
