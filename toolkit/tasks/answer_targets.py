"""What the windows of a question are taught, and what of the gold that leaves out."""

from collections.abc import Iterator, Mapping, Sequence

from toolkit.examples import Answer, Question
from toolkit.tasks.question_windows import Part
from toolkit.windows import IGNORED, Window

Place = tuple[int, int]  # of the first and the last token of an answer
NOTHING: Place = (0, 0)  # where "no answer" is: the first token of a window
UNTAUGHT: Place = (IGNORED, IGNORED)


def with_targets(
    windows: Sequence[Window], answers: Sequence[Answer], no_answer: bool
) -> list[Window]:
    """The windows of a question, each with the first answer that it holds whole.

    One that holds none is taught `NOTHING` where the task has `no_answer`; but where no window
    holds an answer whole, so that all would deny it, `UNTAUGHT`, as they are without `no_answer`.
    """
    tokens = windows[0].where.tokens
    found = [tokens.holding(each.start, each.start + len(each.text)) for each in answers]
    spans = [_first_held(window.where, found) for window in windows]
    otherwise = NOTHING if no_answer and (any(spans) or not answers) else UNTAUGHT
    return [
        window._replace(
            targets={"span": span or otherwise, "choices": window.where.choices(window.length)}
        )
        for window, span in zip(windows, spans, strict=True)
    ]


def notes_on(counts: Mapping[str, int], total: int, longest: int) -> list[str]:
    """What is not learned as the gold has it, a sentence each with how many questions it is."""
    sentences = {
        "split": "teach nothing, as no window holds their answer whole: raise model.max_length",
        "long": f"have answers of over {longest} tokens, which task.max_answer_length keeps back",
        "inexact": "have answers that begin or end within a token, and teach that whole token",
        "cut": "take more than half a window, and are read up to there",
    }
    return [
        f"{counts[odd]} of {total} questions {what}"
        for odd, what in sentences.items()
        if counts.get(odd)
    ]


def _first_held(part: Part, found: Sequence[Place | None]) -> Place | None:
    places = (part.place_of(*span) for span in found if span)
    return next((place for place in places if place), None)


def oddities_of(example: Question, windows: Sequence[Window], longest: int) -> Iterator[str]:
    """The kinds of sentences of `notes_on` that a question belongs to."""
    if windows[0].where.is_question_cut:
        yield "cut"
    if not example.answers:
        return
    taught = list(_taught(windows))
    if not taught:
        yield "split"
    elif all(last - first >= longest for _, first, last in taught):
        yield "long"
    elif not any(_is_exact(example, *each) for each in taught):
        yield "inexact"


def _taught(windows: Sequence[Window]) -> Iterator[tuple[Part, int, int]]:
    """The tokens of the context that windows are taught as an answer."""
    for window in windows:
        assert window.targets is not None
        span = window.targets["span"]
        if span not in (NOTHING, UNTAUGHT):
            assert isinstance(span, tuple)
            first, last = (int(place) - window.where.place for place in span)
            yield window.where, window.where.start + first, window.where.start + last


def _is_exact(example: Question, part: Part, first: int, last: int) -> bool:
    text = example.context[part.tokens.starts[first] : part.tokens.ends[last]]
    return any(text == answer.text.strip() for answer in example.answers or ())
