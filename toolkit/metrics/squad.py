"""Exact match and F1 of answers in text, as the official SQuAD scripts compute them.

Sources, linked from https://rajpurkar.github.io/SQuAD-explorer/:
`evaluate-v1.1.py` (Rajpurkar et al. 2016),
https://worksheets.codalab.org/rest/bundles/0xbcd57bee090b421c982906709c8c27e1/contents/blob/
`evaluate-v2.0.py` (Rajpurkar et al. 2018),
https://worksheets.codalab.org/rest/bundles/0x6b567e1cf2e041ec80d7098f031c5c9e/contents/blob/
The same rules in the same order of operations, so that a tie is a tie in both; but all values are
in [0, 1] where the scripts print percent.

Gold is the texts of all answers of each question, none where the context does not say; a
prediction is a text, "" for no answer. Every question has a prediction: what the scripts do with a
missing one (0 in v1.1, left out in v2.0) cannot occur.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from string import punctuation
from typing import TYPE_CHECKING, Any

from toolkit.metrics.regression import mean_of
from toolkit.metrics.score import Score

if TYPE_CHECKING:
    from toolkit.metrics.score import Array

_NO_PUNCTUATION = str.maketrans("", "", punctuation)  # ASCII only: “ and – stay
_READING: dict[str, Any] = {"answers": "best"}  # of the gold answers the one that suits best
_ARTICLE = re.compile(r"\b(a|an|the)\b")


def words_of(answer: str) -> list[str]:
    """The words that are compared: lower case, without punctuation (first) and articles (then)."""
    return _ARTICLE.sub(" ", answer.lower().translate(_NO_PUNCTUATION)).split()


def exact(gold: Sequence[str], predicted: Sequence[str]) -> float:
    """1 where the words are the same, none and none included."""
    return float(gold == predicted)


def f1(gold: Sequence[str], predicted: Sequence[str]) -> float:
    """F1 of the bags of words, 0 where they share none, as in v1.1: none and none is 0."""
    shared = (Counter(gold) & Counter(predicted)).total()
    if not shared:
        return 0.0
    precision, recall = shared / len(predicted), shared / len(gold)
    return 2 * precision * recall / (precision + recall)


def f1_or_neither(gold: Sequence[str], predicted: Sequence[str]) -> float:
    """F1 as in v2.0: where gold or prediction has no words, 1 if both have none."""
    return f1(gold, predicted) if gold and predicted else exact(gold, predicted)


def squad_scores(gold: Sequence[Sequence[str]], predicted: Sequence[str]) -> dict[str, Score]:
    """`exact` and `f1` of SQuAD v1.1, where every question has an answer."""
    assert all(gold), "SQuAD v1.1 has no questions without an answer"
    about = {"scheme": "SQuAD v1.1", "unit": "question", "average": "macro", **_READING}
    return {
        "exact": mean_of(_best(exact, gold, predicted), about),
        "f1": mean_of(_best(f1, gold, predicted), about),
    }


def squad_v2_scores(
    gold: Sequence[Sequence[str]],
    predicted: Sequence[str],
    no_answer: Sequence[float] | None = None,
    threshold: float = 1.0,
) -> dict[str, Score]:
    """`exact` and `f1` of SQuAD v2.0: of all questions, of those with an answer and without one.

    `no_answer` says of each question how sure the system is that it has no answer: above
    `threshold` it is scored as if it had given none. With `no_answer` come `best_exact`,
    `best_exact_thresh`, `best_f1` and `best_f1_thresh`: the threshold that would have been best.
    For the search, `predicted` should hold what the system would answer if it had to.
    """
    import numpy as np

    has_answer = np.array([bool(answers) for answers in gold], dtype=bool)
    # a gold answer of punctuation and articles alone counts as no answer, but not for the breakdown
    gold = [[text for text in answers if words_of(text)] or [""] for answers in gold]
    about = {"scheme": "SQuAD v2.0", "unit": "question", "average": "macro", **_READING}
    said = about if no_answer is None else {**about, "threshold": threshold}
    scores: dict[str, Score] = {}
    best: dict[str, Score] = {}
    for name, measure in (("exact", exact), ("f1", f1_or_neither)):
        values = _best(measure, gold, predicted)
        if no_answer is not None:
            sure = np.array(no_answer, dtype=np.float64)
            best |= _best_threshold(name, values, predicted, sure, has_answer, about)
            values = np.where(sure > threshold, ~has_answer, values)
        scores[name] = mean_of(values, said)
        for group, among, reason in (
            ("hasans", has_answer, "no question with an answer"),
            ("noans", ~has_answer, "no question without an answer"),
        ):
            scores[f"{group}_{name}"] = mean_of(values, said, among, reason)
    return {**scores, **best}


def _best(
    measure: Callable[[Sequence[str], Sequence[str]], float],
    gold: Sequence[Sequence[str]],
    predicted: Sequence[str],
) -> "Array":
    """The measure of each prediction against the gold answer that suits it best."""
    import numpy as np

    rows = (
        max(measure(words_of(text), words_of(guess)) for text in answers)
        for answers, guess in zip(gold, predicted, strict=True)
    )
    return np.fromiter(rows, dtype=np.float64)


def _best_threshold(
    name: str,
    values: "Array",
    predicted: Sequence[str],
    sure: "Array",
    has_answer: "Array",
    about: dict[str, Any],
) -> dict[str, Score]:
    """The best mean over all thresholds, and the first threshold that gives it (0 for none at all).

    As the script: from "no answer" to every question, answers are let in from the least sure
    "no answer" on. It may stop between two questions that are equally sure, in the order given,
    where no threshold can; the mean at such a threshold is another.
    """
    import numpy as np

    about = {**about, "search": "over the thresholds of this split"}
    names = (f"best_{name}", f"best_{name}_thresh")
    if not len(values):
        return {key: Score(None, {**about, "support": 0, "reason": "no examples"}) for key in names}
    about["support"] = len(values)
    answered = np.array([bool(guess) for guess in predicted])
    gain = np.where(has_answer, values, np.where(answered, -1.0, 0.0))
    order = sure.argsort(kind="stable")
    running = np.cumsum([(~has_answer).sum(), *gain[order]])
    place = int(running.argmax())  # the first of the best, as the script's `>`
    threshold = float(sure[order][place - 1]) if place else 0.0
    found = (float(running[place]) / len(values), threshold)
    return {key: Score(value, about) for key, value in zip(names, found, strict=True)}
