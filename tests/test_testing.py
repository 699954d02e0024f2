"""The contract test must find what it claims to find: each broken task below breaks one promise."""

import pytest
import torch

from toolkit import Tagged, check_task
from toolkit.cases import Mark, Passage
from toolkit.heads.base import Head, Output
from toolkit.heads.linear import TokenScorer
from toolkit.tasks.token_classification import Tags, TokenClassification
from toolkit.windows import Window

SENTENCES = [
    Tagged(("Ada", "met", "Bob", "."), ("B-PER", "O", "B-PER", "O")),
    Tagged(("in", "Rome"), ("O", "B-LOC")),
    Tagged(("we", "walked", "from", "Rome", "to", "Pisa", "and", "back", "to", "Rome"), (
        "O", "O", "O", "B-LOC", "O", "B-LOC", "O", "O", "O", "B-LOC")),
]  # fmt: skip


class MeanLoss(TokenClassification):
    def head(self, width):
        def loss(scores, targets):
            labels = targets["labels"]
            mean = torch.nn.functional.cross_entropy(
                scores.flatten(0, 1), labels.flatten(), ignore_index=-100
            )
            return mean, (labels != -100).sum()

        return Head(TokenScorer(width, len(self.labels), 0.0), loss)


class CountsWindows(TokenClassification):
    def head(self, width):
        head = super().head(width)
        inner = head.loss
        head.loss = lambda scores, targets: (inner(scores, targets)[0], torch.tensor(1))
        return head


class ReadsPadding(TokenClassification):
    def head(self, width):
        head = super().head(width)
        scorer = head.scorer

        class Mixed(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.scorer = scorer

            def forward(self, encoded):
                return self.scorer(encoded) + encoded.tokens.shape[1]

        head.scorer = Mixed()
        return head


class ForgetsTags(TokenClassification):
    def recorded(self, record):
        return Tags(("B-PER",) * len(record["words"]), tuple(record["score"]))


class TooLong(TokenClassification):
    def windows(self, example, tokenizer, max_length, overlap):
        return super().windows(example, tokenizer, max_length * 100, overlap)[:1] * 1 or []

    def learn(self, examples):
        return super().learn(examples)


class NeedsGold(TokenClassification):
    def windows(self, example, tokenizer, max_length, overlap):
        found = super().windows(example, tokenizer, max_length, overlap)
        return [Window(w.inputs, w.targets or {"labels": [0] * w.length}, w.where) for w in found]


class LearnsInPlace(TokenClassification):
    def learn(self, examples):
        super().learn(examples)


class BareLoss(TokenClassification):
    def head(self, width):
        head = super().head(width)
        inner = head.loss
        head.loss = lambda scores, targets: inner(scores, targets)[0]
        return head


class ReadsGold(TokenClassification):
    def windows(self, example, tokenizer, max_length, overlap):
        assert len(example.tags) == len(example.words)
        return super().windows(example, tokenizer, max_length, overlap)


class ScoresAnother(TokenClassification):
    def score(self, examples, predictions):
        return {"right": 1.0}


class CannotLearn(TokenClassification):
    def head(self, width):
        class Zero(torch.nn.Module):
            def __init__(self, num):
                super().__init__()
                self.weight = torch.nn.Parameter(torch.zeros(width, num))

            def forward(self, encoded):
                return encoded.tokens @ (self.weight * 0)

        head = super().head(width)
        head.scorer = Zero(len(self.labels))
        return head


class ForgetsWhatItLearned(TokenClassification):
    def windows(self, example, tokenizer, max_length, overlap):
        return super().windows(example, tokenizer, max_length, overlap)

    def head(self, width):
        class Odd(torch.nn.Module):
            def __init__(self, num):
                super().__init__()
                self.linear = torch.nn.Linear(width, num)
                self.shift = torch.randn(num) * 50  # no buffer: lost when saved

            def forward(self, encoded):
                return self.linear(encoded.tokens) + self.shift

        head = super().head(width)
        head.scorer = Odd(len(self.labels))
        return head


class CheatsWithGold(TokenClassification):
    def decode(self, example, windows, scores):
        found = super().decode(example, windows, scores)
        return Tags(example.tags or found.tags, found.scores)


class UnusedWeights(TokenClassification):
    def head(self, width):
        head = super().head(width)
        head.extra = torch.nn.Linear(2, 2)
        return head


class WritesObjects(TokenClassification):
    def record(self, example, prediction):
        return {**super().record(example, prediction), "tags": set(prediction.tags)}


class ReadsOtherLines(TokenClassification):
    def record(self, example, prediction):
        return {"prediction": list(prediction.tags)}


class MarksNothing(TokenClassification):
    def case(self, record):
        found = super().case(record)
        return found._replace(passages=(Passage("words", "a", (Mark(0, 2, "PER", "right"),)),))


@pytest.mark.parametrize(
    ("task", "sentence"),
    [
        (LearnsInPlace, "`learn` gives NoneType, expected a copy of the task"),
        (BareLoss, "expected the sum over targets and how many there are"),
        (ReadsGold, "without gold cannot be predicted"),
        (ScoresAnother, "`score` gives right, and not the metric"),
        (MeanLoss, "not a sum"),
        (CountsWindows, "count is not a sum"),
        (ReadsPadding, "padding changes"),
        (TooLong, "tokens, where 24 fit"),
        (NeedsGold, "without gold has a window with targets"),
        (CannotLearn, "learned by heart"),
        (ForgetsWhatItLearned, "saved and loaded"),
        (CheatsWithGold, "gold is taken away"),
        (UnusedWeights, "no part in the loss"),
        (ForgetsTags, "written and read back"),
        (WritesObjects, "written and read again"),
        (ReadsOtherLines, "read again by `case`: KeyError"),
        (MarksNothing, "not in its text"),
    ],
)
def test_a_broken_promise_is_found(task, sentence):
    examples = SENTENCES
    if task is TooLong:
        examples = [*SENTENCES, Tagged(("word",) * 60, ("O",) * 60)]
    with pytest.raises(AssertionError, match=sentence):
        check_task(task(dropout=0.0), examples)


def test_one_example_is_too_few():
    with pytest.raises(AssertionError, match="two examples"):
        check_task(TokenClassification(), SENTENCES[:1])


def test_output_may_have_no_loss():
    assert Output(torch.zeros(1)).loss is None
