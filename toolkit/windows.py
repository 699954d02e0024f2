"""Windows: how an example of any length becomes pieces that fit an encoder, with nothing cut.

Plain Python. A window is what a batch is made of; which of an example's words a window answers
for is decided here, so that training, evaluation, prediction and serving agree.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate, chain
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

from toolkit.errors import ToolkitError

if TYPE_CHECKING:
    import numpy as np
    from transformers import PreTrainedTokenizerFast

    Array = np.ndarray[Any, np.dtype[Any]]
    Tokens = Sequence[int] | Array

IGNORED = -100  # the target of a token that has none, as in torch's cross-entropy
MOST_KNOWN = 100_000  # words whose pieces are kept
_HALF = re.compile("[\ud800-\udfff]")  # of a surrogate pair
_known: "WeakKeyDictionary[Any, dict[str, list[int]]]" = WeakKeyDictionary()  # by tokenizer


class Window(NamedTuple):
    """What the encoder reads at once, and what it should learn from it.

    A target that is a list or an array has one value a token and is padded with -100; an array of
    two dimensions has a row of floats a token and is padded with zeros; a number or a tuple belongs
    to the whole window.
    """

    inputs: Mapping[str, "Tokens"]  # input_ids, and what else the encoder takes, a token each
    targets: Mapping[str, "list[int] | Array | tuple[float, ...] | float"] | None = None
    where: Any = None  # the task's own note for decoding

    @property
    def length(self) -> int:
        """Tokens, special ones included."""
        return len(self.inputs["input_ids"])


class Frame(NamedTuple):
    """The special tokens that a tokenizer puts around a text."""

    before: list[int]
    after: list[int]

    @property
    def size(self) -> int:
        """How many tokens of a window are special."""
        return len(self.before) + len(self.after)


class PairFrame(NamedTuple):
    """The special tokens around and between two texts, and the segment of each part."""

    before: list[int]
    middle: list[int]
    after: list[int]
    segments: tuple[int, int, int, int, int] | None  # of before, first, middle, second, after

    @property
    def size(self) -> int:
        """How many tokens of a window are special."""
        return len(self.before) + len(self.middle) + len(self.after)

    def inputs(self, first: list[int], second: list[int]) -> dict[str, list[int]]:
        """What an encoder reads of two texts' tokens."""
        parts = (self.before, first, self.middle, second, self.after)
        inputs = {"input_ids": [token for part in parts for token in part]}
        if self.segments is not None:
            inputs["token_type_ids"] = [
                segment for part, segment in zip(parts, self.segments, strict=True) for _ in part
            ]
        return inputs


@lru_cache(maxsize=8)
def frame_of(tokenizer: "PreTrainedTokenizerFast") -> Frame:
    """The frame, read off what the tokenizer does to one word."""
    encoded = tokenizer(["a"], is_split_into_words=True)
    inside = [place for place, word in enumerate(encoded.word_ids()) if word is not None]
    ids = list(encoded["input_ids"])
    return Frame(ids[: inside[0]], ids[inside[-1] + 1 :])


@lru_cache(maxsize=8)
def pair_frame_of(tokenizer: "PreTrainedTokenizerFast") -> PairFrame:
    """The frame of a pair, read off what the tokenizer does to two words."""
    encoded = tokenizer("a", "a")
    ids, sides = list(encoded["input_ids"]), encoded.sequence_ids()
    first = [place for place, side in enumerate(sides) if side == 0]
    second = [place for place, side in enumerate(sides) if side == 1]
    segments = None
    if "token_type_ids" in tokenizer.model_input_names:
        kinds = list(encoded["token_type_ids"])
        places = (0, first[0], first[-1] + 1, second[0], len(ids) - 1)
        a, b, c, d, e = (kinds[place] for place in places)
        segments = (a, b, c, d, e)
    return PairFrame(
        ids[: first[0]], ids[first[-1] + 1 : second[0]], ids[second[-1] + 1 :], segments
    )


def encoded(tokenizer: "PreTrainedTokenizerFast", text: str | list[str], **options: bool) -> Any:
    """What the tokenizer makes of a text or of words, without special tokens.

    ToolkitError for half of a surrogate pair, which Python can hold and no encoding can write.
    """
    try:
        return tokenizer(text, add_special_tokens=False, verbose=False, **options)
    except TypeError:
        for part in [text] if isinstance(text, str) else text:
            if half := _HALF.search(part):
                shown = ascii(part[max(0, half.start() - 20) :][:40])
                raise ToolkitError(
                    f"found half of a surrogate pair in {shown}, expected text that UTF-8 can hold"
                ) from None
        raise


def pieces_of(tokenizer: "PreTrainedTokenizerFast", words: Sequence[str]) -> list[list[int]]:
    """The token ids of each word. A word that the tokenizer deletes is one unknown token.

    A tokenizer may know them already, and have a method of this name. Given words are encoded each
    by itself, so a word has the same pieces wherever it stands, and those of words that came before
    are kept. The lists are shared: not to be changed.
    """
    if (own := getattr(tokenizer, "pieces_of", None)) is not None:
        pieces: list[list[int]] = own(words)
        return pieces
    known = _known.setdefault(tokenizer, {})
    try:
        return [known[word] for word in words]
    except KeyError:
        _learn(tokenizer, known, words)
    return [known[word] for word in words]


def know_words(tokenizer: "PreTrainedTokenizerFast", texts: Iterable[str | Sequence[str]]) -> None:
    """Encode the words of many texts together, which is quicker; strings are left out."""
    if not hasattr(tokenizer, "pieces_of"):
        words = [word for text in texts if not isinstance(text, str) for word in text]
        _learn(tokenizer, _known.setdefault(tokenizer, {}), words)


def _learn(
    tokenizer: "PreTrainedTokenizerFast", known: dict[str, list[int]], words: Sequence[str]
) -> None:
    """Add the pieces of these words to what is known, in place, or put them in its place."""
    new = [word for word in dict.fromkeys(words) if word not in known]
    if len(known) + len(new) > MOST_KNOWN:
        known.clear()
        new = list(dict.fromkeys(words))
    if new:
        known.update(zip(new, _encoded_words(tokenizer, new), strict=True))


def _encoded_words(tokenizer: "PreTrainedTokenizerFast", words: list[str]) -> list[list[int]]:
    found = encoded(tokenizer, words, is_split_into_words=True)
    pieces: list[list[int]] = [[] for _ in words]
    for token, word in zip(found["input_ids"], found.word_ids(), strict=True):
        pieces[word].append(token)
    return [piece or [tokenizer.unk_token_id] for piece in pieces]


def ranges_of(lengths: Sequence[int], room: int, overlap: int) -> list[tuple[int, int]]:
    """Cut units of the given lengths into overlapping ranges (start, end) of at most `room`.

    Neighbours share whole units of about `overlap` together. A unit longer than `room` counts as
    `room`: the caller shortens it within itself.
    """
    if not lengths:
        return []
    if sum(lengths) <= room:
        return [(0, len(lengths))]
    sizes = [min(length, room) for length in lengths]
    ranges, start = [], 0
    while True:
        end, used = start, 0
        while end < len(sizes) and used + sizes[end] <= room:
            used += sizes[end]
            end += 1
        ranges.append((start, end))
        if end == len(sizes):
            return ranges
        next_start, shared = end, 0
        most = min(overlap, room - sizes[end])  # a neighbour must hold something new
        while next_start - 1 > start and shared + sizes[next_start - 1] <= most:
            next_start -= 1
            shared += sizes[next_start]
        start = next_start


def owners_of(ranges: Sequence[tuple[int, int]], num_units: int) -> list[int]:
    """For each unit the one range that answers for it: where it has most context on both sides.

    The beginning and the end of the text are no loss of context; of equals the first.
    """

    if len(ranges) < 2:
        return [0] * num_units

    def context(unit: int, start: int, end: int) -> int:
        left = num_units if start == 0 else unit - start
        right = num_units if end == num_units else end - 1 - unit
        return min(left, right)

    owners, most = [0] * num_units, [-1] * num_units
    for number, (start, end) in enumerate(ranges):
        for unit in range(start, end):
            here = context(unit, start, end)
            if here > most[unit]:
                owners[unit], most[unit] = number, here
    return owners


def word_windows(
    tokenizer: "PreTrainedTokenizerFast", words: Sequence[str], max_length: int, overlap: int
) -> list[Window]:
    """Windows of whole words, without targets.

    `where` holds (word, place of its first piece) for each word that the window answers for; over
    the windows every word comes once. A word that alone is too long is shortened within itself.
    """
    frame = frame_of(tokenizer)
    room = max_length - frame.size
    pieces = [piece[:room] for piece in pieces_of(tokenizer, words)]
    sizes = [len(piece) for piece in pieces]
    ranges = ranges_of(sizes, room, overlap)
    if len(ranges) == 1:  # as most texts have it
        places = accumulate(sizes[:-1], initial=len(frame.before))
        ids = [*frame.before, *chain.from_iterable(pieces), *frame.after]
        return [Window({"input_ids": ids}, None, tuple(enumerate(places)))]
    owners = owners_of(ranges, len(pieces))
    windows = []
    for number, (start, end) in enumerate(ranges):
        ids, where = list(frame.before), []
        for word in range(start, end):
            if owners[word] == number:
                where.append((word, len(ids)))
            ids += pieces[word]
        windows.append(Window({"input_ids": [*ids, *frame.after]}, None, tuple(where)))
    return windows


def text_windows(
    tokenizer: "PreTrainedTokenizerFast", text: str, max_length: int, overlap: int
) -> list[Window]:
    """Windows of a text's tokens, without targets; one at least."""
    frame = frame_of(tokenizer)
    ids = _ids_of(tokenizer, text)
    ranges = ranges_of([1] * len(ids), max_length - frame.size, overlap) or [(0, 0)]
    return [
        Window({"input_ids": [*frame.before, *ids[start:end], *frame.after]})
        for start, end in ranges
    ]


def pair_windows(
    tokenizer: "PreTrainedTokenizerFast", first: str, second: str, max_length: int, overlap: int
) -> list[Window]:
    """Windows of two texts' tokens, without targets; every token of both is in one of them.

    Where they do not fit together, the longer text is cut into windows and each holds the whole
    shorter one. Where that alone takes more than half a window, both are cut, and the windows of
    each go with the beginning of the other.
    """
    frame = pair_frame_of(tokenizer)
    room = max_length - frame.size
    a, b = _ids_of(tokenizer, first), _ids_of(tokenizer, second)
    if len(a) + len(b) <= room:
        return [Window(frame.inputs(a, b))]
    half = room // 2
    windows = []
    if len(b) > half or len(a) <= half:
        beside = a[:half]
        parts = ranges_of([1] * len(b), room - len(beside), min(overlap, half))
        windows += [Window(frame.inputs(beside, b[start:end])) for start, end in parts]
    if len(a) > half:
        beside = b[:half]
        parts = ranges_of([1] * len(a), room - len(beside), min(overlap, half))
        windows += [Window(frame.inputs(a[start:end], beside)) for start, end in parts]
    return windows


def _ids_of(tokenizer: "PreTrainedTokenizerFast", text: str) -> list[int]:
    return list(encoded(tokenizer, text)["input_ids"])
