"""The scores of sequence classification, and the thresholds of several labels."""

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
