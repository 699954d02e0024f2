"""The scores of answers, and the search for the threshold on "no answer"."""

from collections.abc import Sequence

from toolkit.metrics.score import Score
from toolkit.metrics.squad import squad_scores, squad_v2_scores

Gold = Sequence[Sequence[str]]  # the texts of the gold answers of each question


def scores_of(gold: Gold, said: Sequence[str]) -> dict[str, Score]:
    """The official scores: of SQuAD v1.1 where every question has an answer, else of v2.0."""
    return squad_scores(gold, said) if all(gold) else squad_v2_scores(gold, said)


def scores_with_none(
    gold: Gold, said: Sequence[str], forced: Sequence[str], sure: Sequence[float], threshold: float
) -> dict[str, Score]:
    """The official scores of SQuAD v2.0, and `best_f1`, that of the threshold that is best here.

    `said` are the answers at `threshold`; for the others see `best_threshold`.
    """
    scores = {
        name: score._replace(about={**score.about, "threshold": threshold})
        for name, score in squad_v2_scores(gold, said).items()
    }
    if not gold:
        return scores
    best = squad_v2_scores(gold, forced, sure, best_threshold(gold, forced, sure))["f1"]
    about = {**best.about, "search": "over the thresholds of this split"}
    return {**scores, "best_f1": best._replace(about=about)}


def best_threshold(gold: Gold, forced: Sequence[str], sure: Sequence[float]) -> float:
    """The threshold on `sure` of the best F1, by the search of the official v2.0 script.

    `forced` holds what is answered if there has to be an answer, `sure` how sure it is that there
    is none. Two differences: the threshold lies half-way to the next question, since a score is
    never the same to the last digit, and below all questions where it is best to answer none, for
    which the script, made for probabilities, says 0.
    """
    found = squad_v2_scores(gold, forced, sure)
    num_unanswerable = sum(not answers for answers in gold)
    if found["best_f1"].value == num_unanswerable / len(gold):
        return min(sure) - 1.0
    threshold = found["best_f1_thresh"].value
    assert threshold is not None
    above = [each for each in sure if each > threshold]
    return (threshold + min(above)) / 2 if above else threshold
