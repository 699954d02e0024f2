"""Extractive question answering: the characters of a context that answer a question, or none.

SQuAD v1.1 and v2.0. Everything about the task is here and in three files beside it: what a window
holds (`question_windows`), the search for the best answers (`answer_spans`), and their scores.

A window is taught the first gold answer that it holds whole. Where the task has "no answer", a
window without one is taught to say so, at its first token, as the official script does; where it
has not, such a window is taught nothing. The script teaches the first token there too: on windows
of 96 tokens (900 questions, three seeds) that was slower to learn and no better in the end.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, Self

from pydantic import Field

from toolkit.cases import Case
from toolkit.examples import Answer, Question
from toolkit.heads.standard import StandardHead
from toolkit.metrics.score import Score
from toolkit.tasks.answer_cases import answer_case
from toolkit.tasks.answer_scores import best_threshold, scores_of, scores_with_none
from toolkit.tasks.answer_targets import notes_on, oddities_of, with_targets
from toolkit.tasks.base import Share, Task
from toolkit.tasks.question_windows import question_windows
from toolkit.windows import Window

if TYPE_CHECKING:
    import numpy as np
    from torch import nn
    from transformers import PreTrainedTokenizerFast

    from toolkit.recipe.distill import Distill
    from toolkit.tasks.answer_spans import Found
    from toolkit.tasks.lessons import Lessons

Positive = Annotated[int, Field(ge=1)]
FIRST_THRESHOLD = 0.0  # until one is tuned: "no answer" where it scores better than every answer
BESIDE = 40  # characters of context that are shown on each side of an answer


class Candidate(NamedTuple):
    """One of the best answers to a question; the text is "" for no answer."""

    text: str
    start: int | None  # its first character in the context
    end: int | None  # behind its last
    score: float  # its probability among the candidates, in [0, 1]


class Answered(NamedTuple):
    """The prediction for a question; the text is "" for no answer."""

    text: str
    start: int | None
    end: int | None
    score: float  # its probability among the candidates, in [0, 1]
    no_answer_score: float | None  # of "no answer" over the best answer; None: not considered
    n_best: tuple[Candidate, ...]  # best first, no answer among them where it is considered

    @property
    def best_text(self) -> str:
        """What the answer is if there has to be one."""
        return next((each.text for each in self.n_best if each.start is not None), "")


class QuestionAnswering(Task):
    """The part of a context that answers a question."""

    no_answer: bool | Literal["auto"] = "auto"  # may be said; auto: if a training question has none
    threshold: float | None = None  # no answer above this no_answer_score; null: tuned on dev
    max_answer_length: Positive = 30  # tokens
    n_best: Positive = 20  # answers that are kept, best first
    dropout: Share = 0.1  # before the linear layer, where the head is not the checkpoint's own

    reads = Question
    reads_summary = False
    sample = "qa"
    network_keys = ("max_answer_length", "n_best", "dropout")
    unit = "question"
    parts = ("question", "context")

    @property
    def metric(self) -> str:  # type: ignore[override]
        """F1; while a threshold is still to be tuned, the F1 that it will reach."""
        return "best_f1" if self.no_answer and self.threshold is None else "f1"

    def faults(self) -> list[tuple[str, str]]:
        """Faults between fields."""
        if self.no_answer is False and self.threshold is not None:
            return [("threshold", f"found {self.threshold}, but no_answer is false: leave it out")]
        return []

    @property
    def typed(self) -> tuple[str, ...]:
        """Question and context."""
        return ("question", "context")

    def learn(self, examples: Iterable[Question]) -> Self:
        """With `no_answer` decided."""
        if self.no_answer != "auto":
            return self
        found = any(example.answers == () for example in examples)
        return self.model_copy(update={"no_answer": found})

    def faults_of(self, examples: Sequence[Question]) -> list[str]:
        """Answers that are not in the context where they say they are."""
        return [
            f"question {example.id or example.question!r}: the answer {answer.text!r} is not at "
            f"character {answer.start} of its context"
            for example in examples
            for answer in example.answers or ()
            if not _is_in_place(example.context, answer)
        ]

    def labels_of(self, example: Question) -> tuple[str, ...]:
        """Whether the context has an answer."""
        if example.answers is None:
            return ()
        return ("answer",) if example.answers else ("no answer",)

    def score_of_always(self, label: str) -> str | None:
        """Never answering can be right; that there is an answer does not say which."""
        return "exact" if label == "no answer" else None

    def small_data_training(self, usual: Mapping[str, int | float]) -> Mapping[str, int | float]:
        """Longer, and with a warm-up: without one, some seeds never leave "no answer" to all."""
        return {**usual, "epochs": round(1.5 * usual["epochs"]), "warmup": 0.1}

    def texts(self, example: Question) -> list[str]:
        """Question and context."""
        return [example.question, example.context]

    def windows(
        self, example: Question, tokenizer: "PreTrainedTokenizerFast", max_length: int, overlap: int
    ) -> list[Window]:
        """Windows of the question and a part of the context; `where` is a `Part`."""
        windows = question_windows(
            tokenizer, example.question, example.context, max_length, overlap
        )
        if example.answers is None:
            return windows
        return with_targets(windows, example.answers, bool(self.no_answer))

    def oddities(self, example: Question, windows: Sequence[Window]) -> Iterable[str]:
        """Why an answer is not taught as it stands, and whether the question is cut."""
        return oddities_of(example, windows, self.max_answer_length)

    def notes_on(self, counts: Mapping[str, int], total: int) -> list[str]:
        """How many questions have which oddity."""
        return notes_on(counts, total, self.max_answer_length)

    def head(self, width: int) -> "nn.Module":
        """A linear layer over every token: scores (batch, length, 2), of first and last token."""
        from toolkit import losses
        from toolkit.heads.base import Head
        from toolkit.heads.linear import TokenScorer

        return Head(
            TokenScorer(width, 2, self.dropout),
            lambda scores, targets: losses.span_cross_entropy(
                scores, targets["span"], targets["choices"]
            ),
        )

    def standard_head(self) -> StandardHead:
        """The families' own question answering head; the labels make it two scores a token."""
        return StandardHead(
            "AutoModelForQuestionAnswering", ("start", "end"), ("start_logits", "end_logits")
        )

    def lessons(self, teacher: Self, settings: "Distill") -> "Lessons":
        """Where answers begin and end is matched."""
        from toolkit.tasks.answer_lessons import AnswerLessons

        return AnswerLessons(self, teacher, settings)

    def decode(
        self, example: Question, windows: Sequence[Window], scores: Sequence["np.ndarray[Any, Any]"]
    ) -> Answered:
        """The best answer over all windows, or none where that is better by the threshold."""
        from toolkit.tasks.answer_spans import best_spans, no_answer_sum

        found = best_spans(windows, scores, self.max_answer_length, self.n_best)
        return self.chosen(example, found, no_answer_sum(scores) if self.no_answer else 0.0)

    def chosen(self, example: Question, found: Sequence["Found"], nothing: float) -> Answered:
        """The first of the answers that were found, best first; or none, whose score is `nothing`.

        None is an answer only where the task has `no_answer`.
        """
        from toolkit.tasks.answer_spans import softmax

        sums = [span.score for span in found]
        answers: list[tuple[str, int | None, int | None]] = [
            (example.context[span.start : span.end], span.start, span.end) for span in found
        ]
        over = None
        if self.no_answer:
            over = nothing - sums[0] if sums else 0.0
            rank = sum(score >= nothing for score in sums)
            sums.insert(rank, nothing)
            answers.insert(rank, ("", None, None))
        if not answers:
            return Answered("", None, None, 0.0, None, ())
        n_best = tuple(
            Candidate(*answer, score) for answer, score in zip(answers, softmax(sums), strict=True)
        )
        says_nothing = over is not None and (not found or over > self._limit)
        chosen = next(each for each in n_best if (each.start is None) == says_nothing)
        return Answered(*chosen, over, n_best)

    def score(
        self, examples: Sequence[Question], predictions: Sequence[Answered]
    ) -> Mapping[str, Score | float]:
        """The official scores: of SQuAD v1.1, or of v2.0 where no answer can be one."""
        gold, said = _texts_of(examples), [prediction.text for prediction in predictions]
        if not self.no_answer:
            return scores_of(gold, said)
        return scores_with_none(gold, said, *_forced(predictions), self._limit)

    def tune(self, examples: Sequence[Question], predictions: Sequence[Answered]) -> Self:
        """With the threshold that gives the best F1 on the development split."""
        if not self.no_answer or self.threshold is not None:
            return self
        threshold = best_threshold(_texts_of(examples), *_forced(predictions))
        return self.model_copy(update={"threshold": threshold})

    def for_evaluate(
        self, examples: Sequence[Question], predictions: Sequence[Answered], *, as_numbers: bool
    ) -> tuple[list[Any], list[Any]]:
        """Objects as the modules squad and squad_v2 take them; `as_numbers` changes nothing.

        The probability of "no answer" is 0 or 1: the threshold is applied already.
        """
        names = [example.id or str(number) for number, example in enumerate(examples)]
        guess = [
            {
                "id": name,
                "prediction_text": each.text,
                "no_answer_probability": float(not each.text),
            }
            for name, each in zip(names, predictions, strict=True)
        ]
        answers = [example.answers or () for example in examples]
        truth = [
            {
                "id": name,
                "answers": {
                    "text": [answer.text for answer in gold],
                    "answer_start": [answer.start for answer in gold],
                },
            }
            for name, gold in zip(names, answers, strict=True)
        ]
        return guess, truth

    def gold(self, example: Question) -> list[dict[str, Any]] | None:
        """The gold answers, none where the context does not say."""
        return None if example.answers is None else [each._asdict() for each in example.answers]

    def record(self, example: Question, prediction: Answered) -> dict[str, Any]:
        """Question and context, the answer with its place, and the other candidates."""
        record: dict[str, Any] = {
            "question": example.question,
            "context": example.context,
            "prediction": prediction.text,
            "start": prediction.start,
            "end": prediction.end,
            "score": round(prediction.score, 6),
        }
        if prediction.no_answer_score is not None:
            record["no_answer_score"] = round(prediction.no_answer_score, 6)
        n_best = [each._replace(score=round(each.score, 6)) for each in prediction.n_best]
        return {**record, "n_best": [each._asdict() for each in n_best]}

    def case(self, record: Mapping[str, Any]) -> Case:
        """A question, with its answer and the gold ones marked in the context."""
        return answer_case(record)

    def recorded(self, record: Mapping[str, Any]) -> Answered:
        """The answer and the other candidates."""
        return Answered(
            record["prediction"],
            record["start"],
            record["end"],
            record["score"],
            record.get("no_answer_score"),
            tuple(Candidate(**each) for each in record["n_best"]),
        )

    def render(self, example: Question, prediction: Answered) -> str:
        """`London (0.93): …met Charles Babbage in [London], and Marie…`, or `(no answer)`."""
        if prediction.start is None or prediction.end is None:
            return "(no answer)"
        before = example.context[: prediction.start]
        after = example.context[prediction.end :]
        left = before if len(before) <= BESIDE else "…" + before[-BESIDE:]
        right = after if len(after) <= BESIDE else after[:BESIDE] + "…"
        line = f"{prediction.text} ({prediction.score:.2f}): {left}[{prediction.text}]{right}"
        return " ".join(line.splitlines())

    @property
    def _limit(self) -> float:
        return FIRST_THRESHOLD if self.threshold is None else self.threshold


def _is_in_place(context: str, answer: Answer) -> bool:
    return answer.start >= 0 and context.startswith(answer.text, answer.start)


def _texts_of(examples: Sequence[Question]) -> list[list[str]]:
    return [[answer.text for answer in example.answers or ()] for example in examples]


def _forced(predictions: Sequence[Answered]) -> tuple[list[str], list[float]]:
    """What would be answered without "no answer", and how much better that is."""
    sure = [prediction.no_answer_score for prediction in predictions]
    return [each.best_text for each in predictions], [each or 0.0 for each in sure]
