"""Token classification: one tag a word. Named entities (IOB2 spans), parts of speech, any tags.

Everything about the task is here: labels, windows, head and loss, decoding, scores. The label of
a word sits on its first piece; every gold word has exactly one target and gets exactly one
prediction, from the window in which it has most context.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self

from toolkit.cases import Case
from toolkit.examples import Tagged
from toolkit.heads.standard import StandardHead
from toolkit.metrics.score import Score
from toolkit.metrics.spans import seqeval_f1, span_scores, spans_of
from toolkit.metrics.tokens import accuracy
from toolkit.tasks.base import Share, Task
from toolkit.tasks.marked_text import marked_text, places_of
from toolkit.tasks.tag_cases import span_case, tag_case
from toolkit.tasks.tag_faults import illegal_tags, unseen_labels
from toolkit.tasks.transitions import are_spans, legal_transitions, unreachable
from toolkit.windows import IGNORED, Window, word_windows

if TYPE_CHECKING:
    import numpy as np
    from torch import nn
    from transformers import PreTrainedTokenizerFast

    from toolkit.recipe.distill import Distill
    from toolkit.tasks.lessons import Lessons


class Tags(NamedTuple):
    """The prediction for a sentence: a tag for each word, and how sure the model is of it."""

    tags: tuple[str, ...]
    scores: tuple[float, ...]  # the probability of the chosen tag, in [0, 1]


class TokenClassification(Task):
    """One tag a word."""

    labels: tuple[str, ...] = ()  # learned from the training split where it is empty
    allow_unseen: bool = False  # dev or test may hold labels that train lacks: always wrong
    dropout: Share = 0.1  # before the linear layer, where the head is not the checkpoint's own
    decoding: Literal["argmax", "constrained", "crf"] = (
        "argmax"  # each word alone; constrained: the best legal sequence; crf: by a head of ours
    )

    reads = Tagged
    reads_summary = False
    sample = "ner"
    network_keys = ("dropout", "decoding")

    @property
    def metric(self) -> str:  # type: ignore[override]
        """Span F1 where the labels are spans, accuracy where they are plain tags."""
        return "f1" if self.has_spans else "accuracy"

    @property
    def unit(self) -> str:  # type: ignore[override]
        """Spans are counted where the labels are spans, else words."""
        return "span" if self.has_spans else "word"

    @property
    def has_spans(self) -> bool:
        """Whether the labels are IOB2 spans."""
        return _are_spans(self.labels)

    def faults(self) -> list[tuple[str, str]]:
        """Labels that no sequence can hold where illegal ones are ruled out."""
        odd = [] if self.decoding == "argmax" else unreachable(self.labels)
        message = "found {!r} without 'B-{}', which decoding: {} needs before it"
        return [("labels", message.format(each, each[2:], self.decoding)) for each in odd]

    def learn(self, examples: Iterable[Tagged]) -> Self:
        """With the labels of the examples, closed: a type that was seen can begin and go on."""
        if self.labels:
            return self
        seen = {tag for example in examples for tag in example.tags or ()}
        if are_spans(seen):
            types = sorted({tag[2:] for tag in seen if tag != "O"})
            labels = ["O", *(f"{prefix}-{kind}" for kind in types for prefix in "BI")]
        else:
            labels = sorted(seen)
        return self.model_copy(update={"labels": tuple(labels)})

    def faults_of(self, examples: Sequence[Tagged]) -> list[str]:
        """What cannot be learned or scored, each with how often and where first."""
        faults = illegal_tags(examples) if self.decoding == "crf" and self.has_spans else []
        return faults if self.allow_unseen else faults + unseen_labels(examples, self.labels)

    def labels_of(self, example: Tagged) -> list[str]:
        """The types of the spans, or the tags where they are plain."""
        if not self.has_spans:
            return list(example.tags or ())
        return [span.type for span in spans_of(example.tags or ())]

    def entities_of(self, example: Tagged) -> list[tuple[str, str]]:
        """The spans, where the labels are spans."""
        spans = spans_of(example.tags or ()) if self.has_spans else []
        return [(span.type, " ".join(example.words[span.start : span.end])) for span in spans]

    def windows(
        self, example: Tagged, tokenizer: "PreTrainedTokenizerFast", max_length: int, overlap: int
    ) -> list[Window]:
        """Windows of whole words. `where` is the (word, position of its first piece) pairs."""
        windows = word_windows(tokenizer, example.words, max_length, overlap)
        if example.tags is None:
            return windows
        return [window._replace(targets=self._targets(window, example.tags)) for window in windows]

    def _targets(self, window: Window, tags: Sequence[str]) -> dict[str, Any]:
        labels, words = [IGNORED] * window.length, [IGNORED] * window.length
        numbers = {label: number for number, label in enumerate(self.labels)}
        for word, place in window.where:
            # a tag that is no label (`allow_unseen`) cannot be learned, and is scored as wrong
            labels[place] = numbers.get(tags[word], IGNORED)
            words[place] = word
        if self.decoding != "crf":
            return {"labels": labels}
        edges = float(0 in words), float(len(tags) - 1 in words)
        return {"labels": labels, "words": words, "edges": edges}

    def head(self, width: int) -> "nn.Module":
        """A linear layer over every token; cross-entropy, or a CRF's loss, summed over words."""
        from toolkit import losses
        from toolkit.heads import crf
        from toolkit.heads.base import Head
        from toolkit.heads.linear import TokenScorer

        if self.decoding == "crf":
            scorer = crf.CrfScorer(width, legal_transitions(self.labels), self.dropout)
            return Head(scorer, crf.negative_log_likelihood)
        return Head(
            TokenScorer(width, len(self.labels), self.dropout),
            lambda scores, targets: losses.cross_entropy(scores, targets["labels"]),
        )

    def standard_head(self) -> StandardHead | None:
        """The families' own token classifier; a CRF is a head of ours."""
        if self.decoding == "crf":
            return None
        return StandardHead("AutoModelForTokenClassification", self.labels)

    def decode(
        self, example: Tagged, windows: Sequence[Window], scores: Sequence["np.ndarray[Any, Any]"]
    ) -> Tags:
        """The tag of each word, scored in the window that answers for it; see `decoding`.

        Sequences are those of the whole sentence, over all its windows. A tag's score is its
        probability: of a CRF the marginal one, else that of the word by itself.
        """
        import numpy as np

        from toolkit.tasks import chain

        if not example.words:
            return Tags((), ())
        rows = self.emissions(example, windows, scores)
        transitions = self.transitions(scores)
        path = rows.argmax(axis=1) if transitions is None else chain.best_path(rows, transitions)
        probabilities = self.probabilities(rows, transitions)
        certain = probabilities[np.arange(len(path)), path]
        return Tags(tuple(self.labels[label] for label in path), tuple(certain.tolist()))

    def emissions(
        self, example: Tagged, windows: Sequence[Window], scores: Sequence["np.ndarray[Any, Any]"]
    ) -> "np.ndarray[Any, Any]":
        """The scores (words, labels) of each word, from the window that answers for it."""
        import numpy as np

        rows = np.empty((len(example.words), len(self.labels)))
        for window, table in zip(windows, scores, strict=True):
            for word, place in window.where:
                rows[word] = table[self.num_above + place]
        answered = sum(len(window.where) for window in windows)
        assert answered == len(example.words), "a word without a prediction"
        return rows

    def transitions(
        self, scores: Sequence["np.ndarray[Any, Any]"]
    ) -> "np.ndarray[Any, Any] | None":
        """What a sequence of labels is scored by, (labels + 2, labels); None: nothing."""
        from toolkit.tasks import chain

        if self.decoding == "argmax":
            return None
        barriers = chain.barriers(self.labels)
        # a CRF's are the same above every window
        return barriers + scores[0][: self.num_above] if self.num_above else barriers

    @property
    def num_above(self) -> int:
        """Rows of transitions above the emissions in a window's scores: a CRF has them."""
        return len(self.labels) + 2 if self.decoding == "crf" else 0

    def probabilities(
        self, rows: "np.ndarray[Any, Any]", transitions: "np.ndarray[Any, Any] | None"
    ) -> "np.ndarray[Any, Any]":
        """Of each label of each word, (words, labels): of a CRF the marginal ones."""
        from toolkit.tasks import chain

        if transitions is None or self.decoding != "crf":
            return chain.softmax(rows)
        return chain.marginals(rows, transitions)

    def lessons(self, teacher: Self, settings: "Distill") -> "Lessons":
        """The scores of each word are matched."""
        from toolkit.tasks.tag_lessons import TagLessons

        return TagLessons(self, teacher, settings)

    def score(
        self, examples: Sequence[Tagged], predictions: Sequence[Tags]
    ) -> Mapping[str, Score | float]:
        """Span scores in both readings where the labels are spans; the accuracy of the tags."""
        gold = [example.tags or () for example in examples]
        predicted = [prediction.tags for prediction in predictions]
        spans = span_scores(gold, predicted) if self.has_spans else {}
        return {**spans, "accuracy": accuracy(gold, predicted)}

    def official(
        self, examples: Sequence[Tagged], predictions: Sequence[Tags]
    ) -> Mapping[str, float]:
        """Both F1 as seqeval has them."""
        if not self.has_spans:
            return {}
        gold = [example.tags or () for example in examples]
        predicted = [prediction.tags for prediction in predictions]
        return {
            "f1": seqeval_f1(gold, predicted, "conlleval"),
            "f1_strict": seqeval_f1(gold, predicted, "strict"),
        }

    def for_evaluate(
        self, examples: Sequence[Tagged], predictions: Sequence[Tags], *, as_numbers: bool
    ) -> tuple[list[Any], list[Any]]:
        """The tags of each sentence, by name or place; one that is no label has the next place."""
        guess = [list(prediction.tags) for prediction in predictions]
        truth = [list(example.tags or ()) for example in examples]
        if not as_numbers:
            return guess, truth
        place = {label: number for number, label in enumerate(self.labels)}
        rows = [
            [[place.get(tag, len(place)) for tag in row] for row in side] for side in (guess, truth)
        ]
        return rows[0], rows[1]

    def gold(self, example: Tagged) -> list[str] | None:
        """The gold tags."""
        return None if example.tags is None else list(example.tags)

    def record(self, example: Tagged, prediction: Tags) -> dict[str, Any]:
        """Words, tags, the probability of each and the spans that the tags make.

        `start` and `end` count words; `characters` says where a span is in the text, if it has one.
        """
        record: dict[str, Any] = {
            "words": list(example.words),
            "prediction": list(prediction.tags),
            "score": [round(score, 6) for score in prediction.scores],
        }
        if self.has_spans:
            places = places_of(example)
            record["spans"] = [
                {"type": kind, "start": start, "end": end, "words": list(example.words[start:end])}
                | ({"characters": [places[start][0], places[end - 1][1]]} if places else {})
                for kind, start, end in spans_of(prediction.tags)
            ]
        return record

    def case(self, record: Mapping[str, Any]) -> Case:
        """A sentence with its spans, or with the words whose tags are wrong."""
        return span_case(record) if self.has_spans else tag_case(record)

    def recorded(self, record: Mapping[str, Any]) -> Tags:
        """The tags and their probabilities."""
        return Tags(tuple(record["prediction"]), tuple(record["score"]))

    def render(self, example: Tagged, prediction: Tags) -> str:
        """`[Ada Lovelace](PER) lived in [London](LOC) .`, or `word/TAG` where tags are plain."""
        if self.has_spans:
            return marked_text(example, spans_of(prediction.tags))
        pairs = zip(example.words, prediction.tags, strict=True)
        return " ".join(f"{word}/{tag}" for word, tag in pairs)


@lru_cache(maxsize=8)  # asked for every example
def _are_spans(labels: tuple[str, ...]) -> bool:
    return are_spans(labels)
