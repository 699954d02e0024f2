"""Token classification: one tag a word. Named entities (IOB2 spans), parts of speech, any tags.

Everything about the task is here: labels, windows, head and loss, decoding, scores. The label of
a word sits on its first piece; every gold word has exactly one target and gets exactly one
prediction, from the window in which it has most context.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from toolkit.examples import Tagged
from toolkit.heads.standard import StandardHead
from toolkit.metrics.score import Score
from toolkit.metrics.spans import seqeval_f1, span_scores, spans_of
from toolkit.metrics.tokens import accuracy
from toolkit.tasks.base import Task
from toolkit.windows import IGNORED, Window, word_windows

if TYPE_CHECKING:
    import numpy as np
    from torch import nn
    from transformers import PreTrainedTokenizerFast


class Tags(NamedTuple):
    """The prediction for a sentence: a tag for each word, and how sure the model is of it."""

    tags: tuple[str, ...]
    scores: tuple[float, ...]  # the probability of the chosen tag, in [0, 1]


class TokenClassification(Task):
    """One tag a word."""

    labels: tuple[str, ...] = ()  # learned from the training split where it is empty
    allow_unseen: bool = False  # dev or test may hold labels that train lacks: always wrong
    dropout: float = 0.1  # before the linear layer, where the head is not the checkpoint's own

    reads = Tagged
    sample = "ner"

    @property
    def metric(self) -> str:  # type: ignore[override]
        """Span F1 where the labels are spans, accuracy where they are plain tags."""
        return "f1" if self.has_spans else "accuracy"

    @property
    def has_spans(self) -> bool:
        """Whether the labels are IOB2 spans."""
        return all(label == "O" or label[:2] in ("B-", "I-") for label in self.labels)

    def learn(self, examples: Sequence[Tagged]) -> Self:
        """With the labels of the examples, closed: a type that was seen can begin and go on."""
        if self.labels:
            return self
        seen = {tag for example in examples for tag in example.tags or ()}
        if all(tag == "O" or tag[:2] in ("B-", "I-") for tag in seen):
            types = sorted({tag[2:] for tag in seen if tag != "O"})
            labels = ["O", *(f"{prefix}-{kind}" for kind in types for prefix in "BI")]
        else:
            labels = sorted(seen)
        return self.model_copy(update={"labels": tuple(labels)})

    def faults_of(self, examples: Sequence[Tagged]) -> list[str]:
        """Labels that are not among the task's, with how often and where first."""
        if self.allow_unseen:
            return []
        first: dict[str, str] = {}
        count: Counter[str] = Counter()
        for example in examples:
            for tag in example.tags or ():
                if tag not in self.labels:
                    first.setdefault(tag, example.id)
                    count[tag] += 1
        return [
            f"label {tag!r} ({count[tag]} times, first in sentence {place}) is not in the training "
            "split: map it with data.label_map, or allow it with task.allow_unseen"
            for tag, place in first.items()
        ]

    def windows(
        self, example: Tagged, tokenizer: "PreTrainedTokenizerFast", max_length: int, overlap: int
    ) -> list[Window]:
        """Windows of whole words. `where` is the (word, position of its first piece) pairs."""
        windows = word_windows(tokenizer, example.words, max_length, overlap)
        if example.tags is None:
            return windows
        return [window._replace(targets=self._targets(window, example.tags)) for window in windows]

    def _targets(self, window: Window, tags: Sequence[str]) -> dict[str, list[int]]:
        labels = [IGNORED] * window.length
        for word, place in window.where:
            # a tag that is no label (`allow_unseen`) cannot be learned, and is scored as wrong
            labels[place] = self.labels.index(tags[word]) if tags[word] in self.labels else IGNORED
        return {"labels": labels}

    def head(self, width: int) -> "nn.Module":
        """A linear layer over every token; cross-entropy summed over the words."""
        from toolkit import losses
        from toolkit.heads.base import Head
        from toolkit.heads.linear import TokenScorer

        return Head(
            TokenScorer(width, len(self.labels), self.dropout),
            lambda scores, targets: losses.cross_entropy(scores, targets["labels"]),
        )

    def standard_head(self) -> StandardHead:
        """The families' own token classifier."""
        return StandardHead("AutoModelForTokenClassification", self.labels)

    def decode(
        self, example: Tagged, windows: Sequence[Window], scores: Sequence["np.ndarray[Any, Any]"]
    ) -> Tags:
        """The most probable tag of each word, from the window that answers for it."""
        import numpy as np

        tags, certain = [""] * len(example.words), [0.0] * len(example.words)
        for window, table in zip(windows, scores, strict=True):
            if not window.where:
                continue
            words, places = zip(*window.where, strict=True)
            rows = table[list(places)].astype(np.float64)  # (words, labels)
            best = rows.argmax(axis=1)
            chosen = rows[np.arange(len(best)), best]
            total = np.exp(rows - chosen[:, None]).sum(axis=1)
            for word, label, sum_of_exp in zip(words, best, total, strict=True):
                tags[word], certain[word] = self.labels[label], float(1 / sum_of_exp)
        assert all(tags), "a word without a prediction"
        return Tags(tuple(tags), tuple(certain))

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

    def gold(self, example: Tagged) -> list[str] | None:
        """The gold tags."""
        return None if example.tags is None else list(example.tags)

    def record(self, example: Tagged, prediction: Tags) -> dict[str, Any]:
        """Words, tags, the probability of each and the spans that the tags make."""
        record: dict[str, Any] = {
            "words": list(example.words),
            "prediction": list(prediction.tags),
            "score": [round(score, 6) for score in prediction.scores],
        }
        if self.has_spans:
            record["spans"] = [
                {"type": kind, "start": start, "end": end, "words": list(example.words[start:end])}
                for kind, start, end in spans_of(prediction.tags)
            ]
        return record

    def render(self, example: Tagged, prediction: Tags) -> str:
        """`[Ada Lovelace](PER) lived in [London](LOC) .`, or `word/TAG` where tags are plain."""
        if not self.has_spans:
            pairs = zip(example.words, prediction.tags, strict=True)
            return " ".join(f"{word}/{tag}" for word, tag in pairs)
        pieces, gaps = [], _gaps(example)
        opens = {span.start: span for span in spans_of(prediction.tags)}
        closes = {span.end - 1: span for span in opens.values()}
        for place, word in enumerate(example.words):
            start = "[" if place in opens else ""
            end = f"]({closes[place].type})" if place in closes else ""
            pieces.append(f"{gaps[place]}{start}{word}{end}")
        return "".join(pieces)


def _gaps(example: Tagged) -> list[str]:
    """What stands before each word: as in the text where there was one, a space otherwise."""
    if example.text is None:
        return ["", *[" "] * (len(example.words) - 1)]
    gaps, at = [], 0
    for word in example.words:
        start = example.text.index(word, at)
        gaps.append(example.text[at:start])
        at = start + len(word)
    return gaps
