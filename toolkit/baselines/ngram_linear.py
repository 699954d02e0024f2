"""Word and character n-grams with a linear model: the classifier that a network has to beat.

Logistic regression for one label or several, ridge regression for numbers, by scikit-learn; what
is kept of them are two matrices.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from pydantic import Field

from toolkit.baselines.base import Baseline, Fitted, Predict
from toolkit.baselines.ngrams import KINDS, Counts, Vectors, count
from toolkit.errors import DataError, RunError

if TYPE_CHECKING:
    import numpy as np

    from toolkit.examples import Text
    from toolkit.tasks.sequence_classification import SequenceClassification

Positive = Annotated[int, Field(ge=1)]
MOST_ITERATIONS = 1000
NEVER_SEEN = -30.0  # the score of a class that no training text has: its probability is nothing


class NgramLinear(Baseline):
    """N-grams and a linear model: logistic regression, or ridge regression for numbers."""

    does = "labels texts and pairs"
    tasks = ("sequence-classification",)
    reads = ("task.class_weights",)

    words: tuple[Positive, Positive] | None = (1, 2)  # shortest and longest n-gram; null: none
    characters: tuple[Positive, Positive] | None = (2, 4)  # the same inside words; null: none
    min_count: Positive = 2  # training texts that have an n-gram which is one of the features
    max_ngrams: Positive = 100_000  # of each kind, the most frequent
    penalty: Annotated[float, Field(gt=0)] = 0.1  # on the squares of the weights

    def faults(self) -> list[tuple[str, str]]:
        """Lengths that no n-gram has, or none at all."""
        if self.words is None and self.characters is None:
            return [("words", "found null, and characters is null too: expected one of them")]
        return [
            (kind, f"found {list(lengths)}, expected the shortest first")
            for kind, lengths in self._lengths().items()
            if lengths[0] > lengths[1]
        ]

    def learn(self, task: "SequenceClassification", examples: "Sequence[Text]") -> Fitted:
        """DataError where the training texts share no n-gram."""
        learned = [each for each in examples if _is_learned(task, each)]
        paired = any(each.pair is not None for each in learned)
        kinds = {
            kind: (lengths, count(kind, _texts(learned), lengths, self.min_count, self.max_ngrams))
            for kind, lengths in self._lengths().items()
        }
        if not any(counts.ngrams for _, counts in kinds.values()):
            raise DataError(
                f"data.train: no n-gram is in {self.min_count} of {len(learned)} texts "
                "(model.min_count)"
            )
        rows = Vectors(kinds, paired).of(learned)
        model = _fit(task, rows, [each.label for each in learned], self.penalty)
        arrays = {f"{kind}.weights": counts.weights for kind, (_, counts) in kinds.items()}
        arrays |= {"weights": model.weights.astype("float32"), "biases": model.biases}
        facts = {
            "classes": list(task.classes),
            "paired": paired,
            "ngrams": {kind: list(counts.ngrams) for kind, (_, counts) in kinds.items()},
        }
        said = (
            f"not converged after {MOST_ITERATIONS} iterations: a larger model.penalty needs fewer"
        )
        return Fitted(arrays, facts, () if model.is_done else (said,))

    def predictor(self, task: "SequenceClassification", fitted: Fitted) -> Predict:
        """The label of the scores, as the task reads those of a network with one window."""
        if list(task.classes) != fitted.facts["classes"]:
            raise RunError("task.classes: are not those that were learned")
        arrays = fitted.arrays
        kinds = {
            kind: (lengths, Counts(fitted.facts["ngrams"][kind], arrays[f"{kind}.weights"]))
            for kind, lengths in self._lengths().items()
        }
        vectors = Vectors(kinds, fitted.facts["paired"])
        weights, biases = arrays["weights"].astype("float64"), arrays["biases"]
        decode = task.model_copy(update={"combine": "mean"}).decode

        def labels(examples: Sequence[Any]) -> list[Any]:
            if not examples:
                return []
            scores = vectors.of(examples) @ weights + biases  # (examples, outputs)
            return [decode(each, (), [row]) for each, row in zip(examples, scores, strict=True)]

        return labels

    def _lengths(self) -> dict[str, tuple[int, int]]:
        found = {kind: getattr(self, kind) for kind in KINDS}
        return {kind: lengths for kind, lengths in found.items() if lengths is not None}


def _is_learned(task: "SequenceClassification", example: "Text") -> bool:
    """Whether a label is one of the classes; one that is not (`allow_unseen`) cannot be learned."""
    return not isinstance(example.label, str) or example.label in task.classes


def _texts(examples: "Sequence[Text]") -> Iterable[str]:
    for example in examples:
        yield example.text
        if example.pair is not None:
            yield example.pair


class _Linear(NamedTuple):
    """A linear model: scores are rows @ weights + biases."""

    weights: "np.ndarray[Any, Any]"  # (features, outputs)
    biases: "np.ndarray[Any, Any]"  # (outputs,)
    is_done: bool = True  # found before the iterations were over

    @classmethod
    def beside(cls, parts: "Sequence[_Linear]") -> "_Linear":
        """One with the outputs of all."""
        import numpy as np

        weights = np.concatenate([part.weights for part in parts], axis=1)
        biases = np.concatenate([part.biases for part in parts])
        return cls(weights, biases, all(part.is_done for part in parts))


def _fit(
    task: "SequenceClassification", rows: Any, labels: Sequence[Any], penalty: float
) -> _Linear:
    """The linear model of the task's kind of label."""
    import numpy as np

    if task.labels == "regression":
        from sklearn.linear_model import Ridge

        ridge = Ridge(alpha=penalty).fit(rows, np.array(labels, dtype=np.float64))
        return _Linear(ridge.coef_[:, None], np.array([ridge.intercept_]))
    if task.labels == "multi":
        columns = [np.array([name in label for label in labels]) for name in task.classes]
        return _Linear.beside([_yes_or_no(rows, column, penalty) for column in columns])
    return _one_of(task, rows, np.array([task.classes.index(label) for label in labels]), penalty)


def _one_of(
    task: "SequenceClassification", rows: Any, numbers: "np.ndarray[Any, Any]", penalty: float
) -> _Linear:
    """The scores of all classes, whether the examples have them or not."""
    import numpy as np

    weights = np.zeros((rows.shape[1], len(task.classes)))
    biases = np.full((len(task.classes),), NEVER_SEEN)
    present = np.unique(numbers)
    if len(present) == 1:
        biases[present] = 0.0
        return _Linear(weights, biases)
    weighs = {} if isinstance(task.class_weights, str) else task.class_weights
    of_number = {number: weighs.get(task.classes[number], 1.0) for number in present.tolist()}
    found = _logistic(rows, numbers, penalty, of_number)
    weights[:, present], biases[present] = found.weights, found.biases
    return _Linear(weights, biases, found.is_done)


def _yes_or_no(rows: Any, truth: "np.ndarray[Any, Any]", penalty: float) -> _Linear:
    """The log-odds of one label among several."""
    import numpy as np

    if truth.any() and not truth.all():
        both = _logistic(rows, truth.astype(np.int64), penalty)
        odds, bias = both.weights @ (-1.0, 1.0), both.biases @ (-1.0, 1.0)
        return _Linear(odds[:, None], np.array([bias]), both.is_done)
    always = -NEVER_SEEN if truth.all() else NEVER_SEEN
    return _Linear(np.zeros((rows.shape[1], 1)), np.array([always]))


def _logistic(
    rows: Any,
    numbers: "np.ndarray[Any, Any]",
    penalty: float,
    class_weights: Mapping[int, float] | None = None,
) -> _Linear:
    """The scores of the classes that are there, two at least."""
    import warnings

    import numpy as np
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it did not converge is said by us
        model = LogisticRegression(
            C=1 / penalty, max_iter=MOST_ITERATIONS, class_weight=class_weights
        ).fit(rows, numbers)
    found, biases = model.coef_.T, model.intercept_
    if found.shape[1] == 1:  # of two classes the log-odds of the second
        found = np.concatenate([np.zeros_like(found), found], axis=1)
        biases = np.array([0.0, biases[0]])
    return _Linear(found, biases, bool(model.n_iter_.max() < MOST_ITERATIONS))
