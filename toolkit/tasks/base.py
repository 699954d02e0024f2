"""What a task is: everything that the trainer asks about a problem, in one object.

A task's fields are the keys of the recipe's `task` block. What it learns from the training
examples becomes a field too (`learn`), so that the filled recipe rebuilds it without data.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple, Self

from pydantic import Field

from toolkit.cases import Case, plain_case
from toolkit.examples import Labels
from toolkit.heads.standard import StandardHead
from toolkit.metrics.score import Score
from toolkit.recipe.block import Block
from toolkit.windows import Window

if TYPE_CHECKING:
    import numpy as np
    from torch import nn
    from transformers import PreTrainedTokenizerFast

    from toolkit.recipe.distill import Distill
    from toolkit.tasks.lessons import Lessons

Share = Annotated[float, Field(ge=0, lt=1)]


class Packed(NamedTuple):
    """Examples that were put together or cut apart, and a sentence that counts it."""

    examples: Sequence[Any]
    note: str = ""


class Task(Block, ABC):
    """A problem: its examples, labels, windows, head and loss, decoding and score."""

    reads: ClassVar[type]  # the class of its examples, with `of` for what a user types
    metric: ClassVar[str]  # the score that chooses the best checkpoint: larger is better
    reads_summary: ClassVar[bool] = True  # its head scores a window by its summary
    sample: ClassVar[str | None] = None  # the shipped data set that may stand in for an own one
    unit: ClassVar[str] = "label"  # what `labels_of` counts
    parts: ClassVar[tuple[str, ...]] = ("text",)  # what the `texts` of an example are called

    network_keys: ClassVar[tuple[str, ...]] = ()  # that only windows, head or loss read

    @property
    def typed(self) -> tuple[str, ...]:
        """What a user gives for an example: a name for each of its texts, one or two."""
        return ("text",)

    @property
    def label_kind(self) -> Labels | None:
        """What a column of labels holds for this task; None: what the data block says."""
        return None

    @abstractmethod
    def learn(self, examples: Sequence[Any]) -> Self:
        """A copy whose fields hold what the training examples say (labels, weights, …)."""

    def texts(self, example: Any) -> Iterable[str | Sequence[str]]:
        """The texts that build a word vocabulary: strings, or sequences of words."""
        return [example.words]

    def learn_vocabulary(self, tokenizer: "PreTrainedTokenizerFast") -> Self:
        """A copy whose fields hold what the tokenizer says, where the head depends on it."""
        return self

    def pack(
        self, examples: Sequence[Any], tokenizer: "PreTrainedTokenizerFast", max_length: int
    ) -> Packed:
        """The examples as the model reads them, where they are not read one by one.

        What is packed stays as it is when it is packed again.
        """
        return Packed(examples)

    @abstractmethod
    def windows(
        self, example: Any, tokenizer: "PreTrainedTokenizerFast", max_length: int, overlap: int
    ) -> list[Window]:
        """The windows of an example, none longer than `max_length` tokens; targets if it has gold.

        Neighbours share about `overlap` tokens. Nothing of the example may be left out.
        """

    def vary(self, window: Window, tokenizer: "PreTrainedTokenizerFast", seed: int) -> Window:
        """A window as a training step reads it, the same for the same seed.

        It may need `where`, and put in tokens that no window has: the windows of a task that
        overrides this are kept as they are, with the whole vocabulary.
        """
        return window

    @property
    def varies(self) -> bool:
        """Whether training steps read windows in other ways than they are."""
        return type(self).vary is not Task.vary

    @abstractmethod
    def head(self, width: int) -> "nn.Module":
        """A module that maps (Encoded, targets or None) to an Output, its loss summed."""

    @abstractmethod
    def decode(
        self, example: Any, windows: Sequence[Window], scores: Sequence["np.ndarray[Any, Any]"]
    ) -> Any:
        """The prediction for an example from the scores of its windows, one array a window."""

    @abstractmethod
    def score(
        self, examples: Sequence[Any], predictions: Sequence[Any]
    ) -> Mapping[str, Score | float]:
        """Every score of a split, by name."""

    def blind(self, prediction: Any) -> Any:
        """A prediction without what gold alone could tell of it (a likelihood of the gold)."""
        return prediction

    def stand_in(self) -> tuple[Self, str]:
        """The task as the shipped data set has it, and a sentence where that is another kind."""
        return self, ""

    def small_data_training(self, usual: Mapping[str, int | float]) -> Mapping[str, int | float]:
        """The `train` settings that suit the shipped data set, from those that suit the encoder."""
        return usual

    def lessons(self, teacher: Self, settings: "Distill") -> "Lessons | None":
        """How a student of this learned task learns from a teacher's; None: it cannot."""
        return None

    def num_left_out(self, windows: Sequence[Window]) -> int:
        """How much of an example its windows leave out, where the recipe allows that."""
        return 0

    def tune(self, examples: Sequence[Any], predictions: Sequence[Any]) -> Self:
        """A copy with what the development split says (thresholds), as the best weights see it."""
        return self

    def misfits(self, examples: Sequence[Any]) -> list[str]:
        """Examples that, gold or not, are of another form than those that were learned from."""
        return []

    def faults_of(self, examples: Sequence[Any]) -> list[str]:
        """What is wrong with labelled examples for this (learned) task, `place: what` each."""
        return []

    def faults_of_splits(self, splits: Mapping[str, Sequence[Any]]) -> list[str]:
        """What is wrong with splits, by their dotted keys; with a fault nothing is trained."""
        return [
            f"{key}: {fault}"
            for key, examples in splits.items()
            for fault in self.faults_of(examples)
        ]

    def notes_of(self, examples: Sequence[Any], windows: Sequence[Sequence[Window]]) -> list[str]:
        """What of the gold is not learned as it stands, a sentence each with how often."""
        pairs = zip(examples, windows, strict=True)
        counts = Counter(odd for example, group in pairs for odd in self.oddities(example, group))
        return self.notes_on(counts, len(examples))

    def oddities(self, example: Any, windows: Sequence[Window]) -> Iterable[str]:
        """What of an example's gold its windows do not teach as it stands, a word each."""
        return ()

    def notes_on(self, counts: Mapping[str, int], total: int) -> list[str]:
        """A sentence for each kind of `oddities`, by how many of the examples have it."""
        return []

    def labels_of(self, example: Any) -> Iterable[str | float]:
        """The gold labels of an example that an audit counts: names, or numbers."""
        found = getattr(example, "tags", None) or getattr(example, "label", None)
        return () if found is None else found if isinstance(found, tuple) else (found,)

    def score_of_always(self, label: str) -> str | None:
        """The score that is a label's share if it is always predicted; None: it cannot be."""
        return "accuracy"

    def entities_of(self, example: Any) -> Iterable[tuple[str, str]]:
        """The (type, text) of what is named in an example: an audit asks whether it is new."""
        return ()

    def standard_head(self) -> StandardHead | None:
        """The head that a pretrained family brings for this task; None where there is none."""
        return None

    def official(self, examples: Sequence[Any], predictions: Sequence[Any]) -> Mapping[str, float]:
        """Scores of `score` as the field's own scorer has them: final scores must be equal."""
        return {}

    def for_evaluate(
        self, examples: Sequence[Any], predictions: Sequence[Any], *, as_numbers: bool
    ) -> tuple[list[Any], list[Any]]:
        """What a metric of the `evaluate` library takes: predictions, references.

        `as_numbers` where it takes whole numbers: labels by their place among the task's then.
        """
        pairs = zip(examples, predictions, strict=True)
        guess = [self.record(example, prediction)["prediction"] for example, prediction in pairs]
        return guess, [self.gold(example) for example in examples]

    def gold(self, example: Any) -> Any:
        """The gold label of an example as JSON can hold it."""
        return None

    def record(self, example: Any, prediction: Any) -> dict[str, Any]:
        """A prediction as JSON can hold it."""
        return {"prediction": prediction}

    def case(self, record: Mapping[str, Any]) -> Case:
        """A line of predictions (`gold` and `record`) as a person reads it.

        KeyError, TypeError or ValueError for what is no such line.
        """
        return plain_case(record)

    def recorded(self, record: Mapping[str, Any]) -> Any | None:
        """The prediction that a `record` holds, but for digits that were rounded off.

        None where it does not hold all that scores need: it is predicted again then.
        """
        return None

    def render(self, example: Any, prediction: Any) -> str:
        """A prediction as a line that a person reads."""
        return str(prediction)
