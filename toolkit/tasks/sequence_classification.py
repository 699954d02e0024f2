"""Sequence classification: one label a text or pair, several, or a number.

Everything about the task is here: classes, windows, head and loss, decoding, scores. A text that
does not fit becomes overlapping windows, and the scores of its windows are combined before the
loss, as they are in prediction: the loss counts texts, however many windows they take.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, Self

from pydantic import Field

from toolkit.cases import Case
from toolkit.examples import Labels, Text
from toolkit.heads.standard import StandardHead
from toolkit.metrics.score import Score
from toolkit.registry import nearest
from toolkit.tasks.base import Share, Task
from toolkit.tasks.class_cases import class_case
from toolkit.tasks.class_scores import official_scores, scores_of, tuned_thresholds
from toolkit.windows import IGNORED, Window, pair_windows, text_windows

if TYPE_CHECKING:
    import numpy as np
    from torch import nn
    from transformers import PreTrainedTokenizerFast

    from toolkit.recipe.distill import Distill
    from toolkit.tasks.lessons import Lessons

Weight = Annotated[float, Field(gt=0)]


class Labelled(NamedTuple):
    """The prediction for a text, and the probability of each class in the order of `classes`."""

    label: str | tuple[str, ...] | float
    scores: tuple[float, ...] = ()


class SequenceClassification(Task):
    """A label for a text or a pair of texts."""

    labels: Labels = "single"  # one label a text; multi: several or none; regression: a number
    classes: tuple[str, ...] = ()  # learned from the training split where it is empty
    pairs: bool | None = None  # texts come in twos; learned, null after training on both forms
    allow_unseen: bool = False  # dev or test may hold labels that train lacks: always wrong
    combine: Literal["mean", "max", "attention"] = "mean"  # the scores of a long text's windows
    truncate: bool = False  # read only the first window of a long text; counted in the results
    class_weights: Literal["none", "balanced"] | Mapping[str, Weight] = "none"  # in the loss
    label_smoothing: Share = 0.0  # spread evenly over the classes
    thresholds: tuple[float, ...] = ()  # of multi, a class each; tuned on dev where it is empty
    dropout: Share = 0.1  # before the linear layer, where the head is not the checkpoint's own

    reads = Text
    sample = "tickets"
    network_keys = ("combine", "truncate", "class_weights", "label_smoothing", "dropout")
    parts = ("first text", "second text")

    @property
    def metric(self) -> str:  # type: ignore[override]
        """Accuracy; for several labels micro F1; for numbers Pearson's correlation."""
        return {"single": "accuracy", "multi": "micro_f1", "regression": "pearson"}[self.labels]

    @property
    def label_kind(self) -> Labels:
        """As `labels` says."""
        return self.labels

    @property
    def typed(self) -> tuple[str, ...]:
        """One text, or the two of a pair."""
        return ("text", "pair") if self.pairs else ("text",)

    def faults(self) -> list[tuple[str, str]]:
        """Faults between fields."""
        faults = []
        if self.labels != "single" and self.class_weights != "none":
            faults.append(("class_weights", f"for single labels, not for labels: {self.labels}"))
        if self.labels == "regression" and self.label_smoothing:
            faults.append(("label_smoothing", "there are no classes to smooth in a regression"))
        if self.labels != "multi" and self.thresholds:
            faults.append(("thresholds", f"for labels: multi, not for labels: {self.labels}"))
        return faults + (self._faults_of_classes() if self.classes else [])

    def _faults_of_classes(self) -> list[tuple[str, str]]:
        """Weights and thresholds of other classes than there are."""
        known = ", ".join(self.classes)
        weights = () if isinstance(self.class_weights, str) else self.class_weights
        faults = [
            ("class_weights", f"found {name!r}, expected {known}.{nearest(name, self.classes)}")
            for name in weights
            if name not in self.classes
        ]
        if self.thresholds and len(self.thresholds) != len(self.classes):
            message = f"found {len(self.thresholds)}, expected {len(self.classes)}: of {known}"
            faults.append(("thresholds", message))
        return faults

    def learn(self, examples: Iterable[Text]) -> Self:
        """With the form of the examples, their classes, and balanced weights as numbers."""
        forms: set[bool] = set()
        counts: Counter[str] = Counter()
        for example in examples:
            forms.add(example.pair is not None)
            for name in names_of(example):
                counts[name] += 1
        pairs = forms.pop() if self.pairs is None and len(forms) == 1 else self.pairs
        return self.model_copy(update={"pairs": pairs, **self._learned_classes(counts)})

    def _learned_classes(self, counts: Counter[str]) -> dict[str, Any]:
        if self.labels == "regression":
            return {}
        learned: dict[str, Any] = {"classes": self.classes or tuple(sorted(counts))}
        if self.class_weights == "balanced":
            # as scikit-learn's compute_class_weight: examples / (classes * examples of the class)
            counts = Counter({name: counts[name] for name in learned["classes"] if counts[name]})
            total, kinds = sum(counts.values()), len(counts)
            learned["class_weights"] = {
                name: round(total / (kinds * count), 6) for name, count in sorted(counts.items())
            }
        return learned

    def misfits(self, examples: Sequence[Text]) -> list[str]:
        """Single texts where pairs were learned, and the other way round."""
        if self.pairs is None:
            return []
        wrong = [
            example.id or str(number)
            for number, example in enumerate(examples)
            if (example.pair is not None) != self.pairs
        ]
        if not wrong:
            return []
        found, expected = ("one text", "two") if self.pairs else ("two texts", "one")
        return [
            f"{len(wrong)} of {len(examples)} examples have {found}, expected {expected} as in "
            f"the training split (first: example {wrong[0]})"
        ]

    def faults_of(self, examples: Sequence[Text]) -> list[str]:
        """Labels of another kind than the task's, or that are not among its classes."""
        if misfits := self.misfits(examples):
            return misfits
        wrong = [example.id for example in examples if not self._fits(example.label)]
        if wrong:
            kind = {"single": "one label", "multi": "a list of labels", "regression": "a number"}
            return [
                f"{len(wrong)} labels are not {kind[self.labels]}, as task.labels: {self.labels} "
                f"expects (first: example {wrong[0]})"
            ]
        if self.allow_unseen:
            return []
        counts = Counter(name for example in examples for name in names_of(example))
        return [
            f"label {name!r} ({number} times) is not in the training split: map it with "
            "label_map, or allow it with task.allow_unseen"
            for name, number in counts.items()
            if name not in self.classes and self.labels != "regression"
        ]

    def labels_of(self, example: Text) -> tuple[str | float, ...]:
        """The labels by name, or the number."""
        is_number = isinstance(example.label, (int, float))
        return (float(example.label),) if is_number else names_of(example)  # type: ignore[arg-type]

    def stand_in(self) -> tuple[Self, str]:
        """With the labels of the shipped tickets: one a text."""
        weights = "none" if self.class_weights == "none" else "balanced"
        update = {"labels": "single", "classes": (), "pairs": None, "thresholds": ()}
        update["class_weights"] = weights
        said = "" if self.labels == "single" else f"task.labels: single instead of {self.labels}"
        return self.model_copy(update=update), said

    def texts(self, example: Text) -> list[str]:
        """The text, and the second one of a pair."""
        return [example.text] if example.pair is None else [example.text, example.pair]

    def windows(
        self, example: Text, tokenizer: "PreTrainedTokenizerFast", max_length: int, overlap: int
    ) -> list[Window]:
        """Windows of the text; `where` is how many of them were left out by `truncate`."""
        if example.pair is None:
            found = text_windows(tokenizer, example.text, max_length, overlap)
        else:
            found = pair_windows(tokenizer, example.text, example.pair, max_length, overlap)
        kept = found[:1] if self.truncate else found
        target = None if example.label is None else self._target(example.label)
        return [
            window._replace(
                where=len(found) - len(kept),
                targets=None
                if target is None
                else {"label": target, "is_first": float(number == 0)},
            )
            for number, window in enumerate(kept)
        ]

    def num_left_out(self, windows: Sequence[Window]) -> int:
        """How many windows of an example `truncate` left out."""
        return sum(window.where for window in windows)

    def head(self, width: int) -> "nn.Module":
        """A linear layer over the summary of each window; windows are combined in the loss."""
        from toolkit.heads.base import Head
        from toolkit.heads.linear import TextScorer
        from toolkit.tasks.class_losses import loss_of

        extra = 1 if self.combine == "attention" else 0  # how much a window matters
        return Head(TextScorer(width, self.num_scores + extra, self.dropout), loss_of(self))

    def lessons(self, teacher: Self, settings: "Distill") -> "Lessons":
        """The combined scores of a text are matched."""
        from toolkit.tasks.class_lessons import ClassLessons

        return ClassLessons(self, teacher, settings)

    @property
    def num_scores(self) -> int:
        """Scores of a window: one a class, or the number itself."""
        return 1 if self.labels == "regression" else len(self.classes)

    def standard_head(self) -> StandardHead | None:
        """The families' own text classifier; attention over windows needs a head of ours."""
        if self.combine == "attention":
            return None
        kind = {
            "single": "single_label_classification",
            "multi": "multi_label_classification",
            "regression": "regression",
        }[self.labels]
        return StandardHead(
            "AutoModelForSequenceClassification",
            self.classes if self.labels != "regression" else ("value",),
            config=(("problem_type", kind),),
        )

    def decode(
        self, example: Text, windows: Sequence[Window], scores: Sequence["np.ndarray[Any, Any]"]
    ) -> Labelled:
        """The label of the combined scores."""
        import numpy as np

        row = combined(np.stack([table.astype(np.float64) for table in scores]), self.combine)
        if self.labels == "regression":
            return Labelled(float(row[0]))
        if self.labels == "multi":
            certain = 1 / (1 + np.exp(-row))
            limits = self.thresholds or (0.5,) * len(self.classes)
            chosen = zip(self.classes, certain, limits, strict=True)
            return Labelled(
                tuple(name for name, score, limit in chosen if score >= limit),
                tuple(float(score) for score in certain),
            )
        certain = np.exp(row - row.max())
        certain /= certain.sum()
        return Labelled(self.classes[int(row.argmax())], tuple(float(score) for score in certain))

    def tune(self, examples: Sequence[Text], predictions: Sequence[Labelled]) -> Self:
        """With the thresholds that give each class its best F1 on the development split."""
        if self.labels != "multi" or self.thresholds:
            return self
        gold = [names_of(example) for example in examples]
        scores = [prediction.scores for prediction in predictions]
        return self.model_copy(update={"thresholds": tuned_thresholds(gold, scores, self.classes)})

    def score(
        self, examples: Sequence[Text], predictions: Sequence[Labelled]
    ) -> Mapping[str, Score | float]:
        """The scores that the kind of label has."""
        return scores_of(self.labels, self.classes, examples, predictions)

    def official(
        self, examples: Sequence[Text], predictions: Sequence[Labelled]
    ) -> Mapping[str, float]:
        """The scores as scikit-learn and SciPy have them."""
        return official_scores(self.labels, self.classes, examples, predictions)

    def for_evaluate(
        self, examples: Sequence[Text], predictions: Sequence[Labelled], *, as_numbers: bool
    ) -> tuple[list[Any], list[Any]]:
        """Labels by name or place, several labels as lists of names or rows of 0 and 1.

        A gold label that is no class has the place behind them, and no column.
        """
        sides = [each.label for each in predictions], [each.label for each in examples]
        if not as_numbers or self.labels == "regression":
            guess, truth = ([self._as_json(label) for label in side] for side in sides)
        elif self.labels == "multi":
            guess, truth = (
                [[int(name in label) for name in self.classes] for label in side]  # type: ignore[operator]
                for side in sides
            )
        else:
            place = {name: number for number, name in enumerate(self.classes)}
            guess, truth = ([place.get(str(label), len(place)) for label in side] for side in sides)
        return guess, truth

    def gold(self, example: Text) -> Any:
        """The gold label."""
        return self._as_json(example.label)

    def record(self, example: Text, prediction: Labelled) -> dict[str, Any]:
        """The text, its label, and the probability of each class."""
        label = prediction.label
        record: dict[str, Any] = {"text": example.text}
        if example.pair is not None:
            record["pair"] = example.pair
        record["prediction"] = self._as_json(label)
        if prediction.scores:
            rounded = (round(score, 6) for score in prediction.scores)
            record["score"] = dict(zip(self.classes, rounded, strict=True))
        return record

    def case(self, record: Mapping[str, Any]) -> Case:
        """A text with its labels, or its number."""
        return class_case(record)

    def recorded(self, record: Mapping[str, Any]) -> Labelled:
        """The label and the probability of each class."""
        label, scores = record["prediction"], record.get("score", {})
        return Labelled(
            tuple(label) if isinstance(label, list) else label,
            tuple(scores[name] for name in self.classes if name in scores),
        )

    def render(self, example: Text, prediction: Labelled) -> str:
        """`label (0.93)`, `label, label`, or the number."""
        label = prediction.label
        if isinstance(label, float):
            return f"{label:.4f}"
        if isinstance(label, tuple):
            return ", ".join(label) or "(none)"
        return f"{label} ({max(prediction.scores):.2f})"

    @staticmethod
    def _as_json(label: Any) -> Any:
        return list(label) if isinstance(label, tuple) else label

    def _fits(self, label: object) -> bool:
        if label is None or self.labels == "multi":
            return label is None or isinstance(label, tuple)
        return isinstance(label, str if self.labels == "single" else (int, float))

    def _target(self, label: str | tuple[str, ...] | float) -> float | tuple[float, ...]:
        if self.labels == "multi":
            return tuple(float(name in label) for name in self.classes)  # type: ignore[operator]
        if self.labels == "regression":
            return float(label)  # type: ignore[arg-type]
        # a label that is no class (`allow_unseen`) cannot be learned, and is scored as wrong
        return self.classes.index(str(label)) if label in self.classes else IGNORED


def names_of(example: Text) -> tuple[str, ...]:
    """The labels of an example by name; none of an example without gold or with a number."""
    if isinstance(example.label, str):
        return (example.label,)
    return example.label if isinstance(example.label, tuple) else ()


def combined(scores: "np.ndarray[Any, Any]", how: str) -> "np.ndarray[Any, Any]":
    """The scores (labels,) of a text from those of its windows (windows, labels).

    With `attention` the last column is how much a window matters, and is used up.
    """
    import numpy as np

    result: np.ndarray[Any, Any]
    if how == "max":
        result = scores.max(axis=0)
    elif how == "mean":
        result = scores.mean(axis=0)
    else:
        weights = np.exp(scores[:, -1] - scores[:, -1].max())
        result = (weights / weights.sum()) @ scores[:, :-1]
    return result
