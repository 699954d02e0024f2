"""A question and its context as windows, and the characters that each token of the context is.

Knows how a tokenizer puts a pair of texts together, and that its offsets are not yet characters to
cut at: some begin at the space before a word, some leave out what the tokenizer dropped.
"""

import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from toolkit.windows import Window, encoded, pair_frame_of, ranges_of

if TYPE_CHECKING:
    import numpy as np
    from transformers import PreTrainedTokenizerFast

    Array = np.ndarray[Any, Any]


class ContextTokens(NamedTuple):
    """The tokens of a whole context; one object for all windows of all questions about it."""

    ids: list[int]
    starts: "Array"  # (tokens,), the first character that a token stands for
    ends: "Array"  # (tokens,), behind the last; 0 to 0 where no answer begins or ends

    @property
    def is_choice(self) -> "Array":
        """(tokens,), whether an answer can begin or end with the token."""
        return self.ends > self.starts

    def holding(self, start: int, end: int) -> tuple[int, int] | None:
        """The first and last of the tokens that hold characters `start` to `end`, if any do."""
        import numpy as np

        inside = np.flatnonzero((self.starts < end) & (self.ends > start))
        return (int(inside[0]), int(inside[-1])) if len(inside) else None


class Part(NamedTuple):
    """The tokens `start` to `end` (exclusive) of a context; a window holds them from `place` on."""

    tokens: ContextTokens
    start: int
    end: int
    place: int
    is_question_cut: bool

    def choices(self, length: int) -> list[int]:
        """1 for each of a window's tokens, 0 where it is one of the context that is no choice."""
        import numpy as np

        choices = [1] * length
        for number in np.flatnonzero(~self.tokens.is_choice[self.start : self.end]):
            choices[self.place + number] = 0
        choices[0] = 1  # "no answer", even for a tokenizer that puts no sign in front
        return choices

    def place_of(self, first: int, last: int) -> tuple[int, int] | None:
        """Where the window holds these tokens of the context; None where it lacks one of them."""
        if first < self.start or last >= self.end:
            return None
        return self.place + first - self.start, self.place + last - self.start


def question_windows(
    tokenizer: "PreTrainedTokenizerFast",
    question: str,
    context: str,
    max_length: int,
    overlap: int,
) -> list[Window]:
    """Windows of the question and a part of the context each, without targets; one at least.

    `where` is a `Part`; each token of the context is in one of them. They are those of the
    tokenizer's own `truncation="only_second"`, but for a question that would take more than half
    the window: it is read to that half. Neighbours share the part of their context that `overlap`
    is of `max_length`.
    """
    frame = pair_frame_of(tokenizer)
    room = max_length - frame.size
    whole = list(encoded(tokenizer, question)["input_ids"])
    asked = whole[: room // 2]
    room -= len(asked)
    tokens = tokens_of(tokenizer, context)
    ranges = ranges_of([1] * len(tokens.ids), room, overlap * room // max_length) or [(0, 0)]
    place = len(frame.before) + len(asked) + len(frame.middle)
    return [
        Window(
            frame.inputs(asked, tokens.ids[start:end]),
            where=Part(tokens, start, end, place, len(asked) < len(whole)),
        )
        for start, end in ranges
    ]


@lru_cache(maxsize=64)  # the questions about one context follow each other
def tokens_of(tokenizer: "PreTrainedTokenizerFast", context: str) -> ContextTokens:
    """The tokens of a context with the characters of each."""
    import numpy as np

    found = encoded(tokenizer, context, return_offsets_mapping=True)
    spans = _characters(context, found["offset_mapping"])
    starts, ends = np.array(spans, dtype=np.int32).reshape(-1, 2).T
    return ContextTokens(list(found["input_ids"]), starts, ends)


def _characters(context: str, offsets: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The characters of each token: no white space at its ends, with what was dropped behind it.

    Of tokens that begin at the same character only the last counts, which reaches as far as any:
    bytes of one letter, and the sign for a capital, which some encoders read as one with its word.
    """
    spans, following = [(0, 0)] * len(offsets), len(context)  # where the token behind begins
    for number in range(len(offsets) - 1, -1, -1):
        start, end = offsets[number]
        while start < end and context[start].isspace():
            start += 1
        while start < end and context[end - 1].isspace():
            end -= 1
        if start in (end, following):
            continue
        while end < following and _belongs_to_last(context[end]):
            end += 1
        spans[number], following = (start, end), start
    return spans


def _belongs_to_last(character: str) -> bool:
    # an accent that the tokenizer stripped, or a letter that it joined to the one before (NFC);
    # control and format characters (C…), which it drops as well, belong to nothing
    return not character.isspace() and unicodedata.category(character)[0] != "C"
