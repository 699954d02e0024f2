"""The lowest rung: the same to every example, whatever it says."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from toolkit.baselines.base import Baseline, Fitted, Predict
from toolkit.errors import DataError, RecipeError
from toolkit.examples import Question, Tagged, Text
from toolkit.tasks.question_answering import Answered, Candidate
from toolkit.tasks.sequence_classification import Labelled, names_of
from toolkit.tasks.token_classification import Tags

if TYPE_CHECKING:
    from toolkit.tasks.question_answering import QuestionAnswering
    from toolkit.tasks.sequence_classification import SequenceClassification
    from toolkit.tasks.token_classification import TokenClassification


class Majority(Baseline):
    """What most training examples say: a label, a set of labels, the mean number, a tag.

    To a question it says that there is no answer. Of equally frequent labels the first is taken.
    """

    does = "says what most examples have"
    tasks = ("token-classification", "sequence-classification", "question-answering")
    tunes = False  # a threshold below a share that is the same for all would make it another label

    def learn(self, task: Any, examples: Sequence[Any]) -> Fitted:
        """The shares of the labels. RecipeError of questions where each has an answer."""
        fitted: Fitted = _WAYS[task.reads].learn(task, examples)
        return fitted

    def predictor(self, task: Any, fitted: Fitted) -> Predict:
        """The same for each example, or each of its words."""
        say = _WAYS[task.reads].say(task, fitted)
        return lambda examples: [say(example) for example in examples]


class _Tags:
    @staticmethod
    def learn(task: "TokenClassification", examples: Iterable[Tagged]) -> Fitted:
        counts = Counter(tag for example in examples for tag in example.tags or ())
        return _shares(counts, task.labels)

    @staticmethod
    def say(task: "TokenClassification", fitted: Fitted) -> Callable[[Tagged], Tags]:
        place, share = _first_largest(fitted)
        tag = task.labels[place]
        return lambda example: Tags((tag,) * len(example.words), (share,) * len(example.words))


class _Labels:
    @staticmethod
    def learn(task: "SequenceClassification", examples: Iterable[Text]) -> Fitted:
        if task.labels == "regression":
            return _mean([float(example.label) for example in examples])  # type: ignore[arg-type]
        counts: Counter[str] = Counter()
        sets: Counter[tuple[str, ...]] = Counter()
        known = set(task.classes)
        for example in examples:
            names = [name for name in names_of(example) if name in known]
            counts.update(names)
            sets[tuple(sorted(names, key=task.classes.index))] += 1
        if task.labels == "single":
            return _shares(counts, task.classes)
        usual = max(sorted(sets), key=lambda names: sets[names]) if sets else ()
        return _shares(counts, task.classes, sets.total())._replace(facts={"label": list(usual)})

    @staticmethod
    def say(task: "SequenceClassification", fitted: Fitted) -> Callable[[Text], Labelled]:
        if task.labels == "regression":
            said = Labelled(float(fitted.arrays["mean"][0]))
        else:
            shares = tuple(fitted.arrays["shares"].tolist())
            place, _ = _first_largest(fitted)
            is_multi = task.labels == "multi"
            said = Labelled(
                tuple(fitted.facts["label"]) if is_multi else task.classes[place], shares
            )
        return lambda example: said


class _Answers:
    @staticmethod
    def learn(task: "QuestionAnswering", examples: Iterable[Question]) -> Fitted:
        if not task.no_answer:
            raise RecipeError(
                "model.type: majority says 'no answer' to every question, and here each has one: "
                "sliding-window is the lowest rung"
            )
        counts = Counter("no" if not example.answers else "yes" for example in examples)
        return _shares(counts, ("no", "yes"))

    @staticmethod
    def say(task: "QuestionAnswering", fitted: Fitted) -> Callable[[Question], Answered]:
        share = float(fitted.arrays["shares"][0])
        said = Answered("", None, None, share, 0.0, (Candidate("", None, None, share),))
        return lambda example: said


_WAYS: dict[type, Any] = {Tagged: _Tags, Text: _Labels, Question: _Answers}


def _shares(counts: Counter[str], names: Sequence[str], total: int | None = None) -> Fitted:
    import numpy as np

    found = np.array([counts[name] for name in names], dtype=np.float64)
    total = int(found.sum()) if total is None else total
    if not total:
        raise DataError("data.train: holds nothing to count")
    return Fitted({"shares": found / total}, {})


def _mean(numbers: Sequence[float]) -> Fitted:
    import numpy as np

    if not numbers:
        raise DataError("data.train: holds nothing to count")
    return Fitted({"mean": np.array([np.mean(numbers)])}, {})


def _first_largest(fitted: Fitted) -> tuple[int, float]:
    shares = fitted.arrays["shares"]
    place = int(shares.argmax())
    return place, float(shares[place])
