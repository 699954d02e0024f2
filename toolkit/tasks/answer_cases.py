"""Answered questions as a person reads them: the answer and the gold ones in their context."""

from collections.abc import Mapping
from typing import Any

from toolkit.cases import Case, Mark, Passage, Turn
from toolkit.metrics.squad import words_of

ANSWER, NO_ANSWER, OTHER = "answer", "no answer", "wrong answer"
NUM_LIKELY = 3  # answers that are named with their probabilities


def answer_case(record: Mapping[str, Any]) -> Case:
    """A question; right is what the official script's exact match finds right."""
    said, gold, sure = record["prediction"], record.get("gold"), record.get("score")
    texts = [] if gold is None else list(dict.fromkeys(each["text"] for each in gold))
    wanted = [words_of(text) for text in texts] or [[]]
    is_right = None if gold is None else words_of(said) in wanted
    marks = []
    if record.get("start") is not None:
        kind: Any = "wrong" if is_right is False else "right"
        marks.append(Mark(record["start"], record["end"], "said", kind))
    if is_right is False:
        places = dict.fromkeys((each["start"], each["text"]) for each in gold or ())
        marks += [Mark(start, start + len(text), "gold", "missed") for start, text in places]
    passages = [Passage("question", record["question"])]
    if "context" in record:
        passages.append(Passage("context", record["context"], tuple(marks)))
    likely = tuple(
        (each["text"] or f"({NO_ANSWER})", each["score"])
        for each in record.get("n_best", ())[:NUM_LIKELY]
    )
    if gold is None:
        return Case(tuple(passages), None, (_named(said),), None, sure, likely=likely)
    return Case(
        tuple(passages),
        tuple(map(_named, texts or [""])),
        (_named(said),),
        is_right,
        sure,
        sure or 0.0,
        _turns(bool(texts), said, bool(is_right)) if "no_answer_score" in record else (),
        {} if sure is None else {"answers": [(sure, bool(is_right))]},
        likely,
    )


def _turns(has_answer: bool, said: str, is_right: bool) -> tuple[Turn, ...]:
    """Whether there is an answer, and whether one was said: where none may be."""
    if not said:
        return (Turn(ANSWER if has_answer else NO_ANSWER, NO_ANSWER),)
    return (Turn(ANSWER if has_answer else NO_ANSWER, ANSWER if is_right else OTHER),)


def _named(text: str) -> str:
    return text or f"({NO_ANSWER})"
