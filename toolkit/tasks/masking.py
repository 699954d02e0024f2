"""Which tokens are hidden, and what is read in their place; documents packed into windows.

Masking as in BERT (J. Devlin et al. 2019, 3.1 and A.2), drawn anew for every step as in RoBERTa
(Y. Liu et al. 2019, 4.1); packing as RoBERTa's FULL-SENTENCES (4.2), whose windows run on from
one document into the next.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from toolkit.errors import RecipeError
from toolkit.windows import frame_of

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    Array = np.ndarray[Any, np.dtype[Any]]

_NO_WORD = -1  # the word of a special token
_AT_ONCE = 64  # documents in the tokenizer


class Passage(NamedTuple):
    """A window of text with its special tokens, and what of it is hidden when it is scored."""

    tokens: "Array"  # the number of each, as it was
    words: "Array"  # which word each is a part of, from 0; -1: a special token
    read: "Array"  # what stands in its place
    hidden: "Array"  # the places that are asked for
    gold: tuple[str, ...] | None  # what stood there; None: nobody tells
    id: str = ""

    def without_gold(self) -> "Passage":
        """The same passage as prediction sees it."""
        return self._replace(gold=None)


class Masking(NamedTuple):
    """How tokens are hidden."""

    share: float  # of the tokens
    whole_words: bool
    to_mask: float  # of the hidden ones
    to_random: float  # the others are left as they are

    def hide(self, passage: Passage, vocabulary: "Vocabulary", seed: int) -> Passage:
        """The passage with others of its tokens hidden; the same for the same seed.

        At least one is, where there is one that is not special.
        """
        generator = np.random.Generator(np.random.Philox(seed))
        hidden = np.sort(self._chosen(passage.words, generator))
        fate = generator.random(len(hidden))
        others = vocabulary.ordinary[generator.integers(len(vocabulary.ordinary), size=len(hidden))]
        read = passage.tokens.copy()
        is_mask, is_random = fate < self.to_mask, fate >= 1 - self.to_random
        read[hidden[is_mask]] = vocabulary.mask
        read[hidden[is_random]] = others[is_random]
        return passage._replace(read=read, hidden=hidden)

    def _chosen(self, words: "Array", generator: np.random.Generator) -> "Array":
        """Places: whole words as long as they fit into the share, or tokens by themselves."""
        places = np.flatnonzero(words != _NO_WORD)
        number = max(1, round(self.share * len(places)))
        if not self.whole_words:
            return generator.permutation(places)[:number]
        starts = np.flatnonzero(np.diff(words[places], prepend=_NO_WORD))
        parts = np.split(places, starts[1:])
        chosen: list[Array] = []
        left = number
        for part in generator.permutation(len(parts)) if len(places) else ():
            if len(parts[part]) <= left:
                chosen.append(parts[part])
                left -= len(parts[part])
            if not left:
                break
        if not chosen and len(places):  # every word is longer than the share: the shortest
            chosen = [min(parts, key=len)]
        return np.concatenate(chosen) if chosen else places[:0]


class Vocabulary(NamedTuple):
    """What masking has to know of a tokenizer."""

    mask: int
    mask_text: str
    ordinary: "Array"  # the numbers of the entries that are no special tokens
    names: tuple[str, ...]  # what a person reads for each


@lru_cache(maxsize=4)
def vocabulary_of(tokenizer: "PreTrainedTokenizerFast") -> Vocabulary:
    """RecipeError where the tokenizer has no mask."""
    if tokenizer.mask_token_id is None:
        raise RecipeError("model: its tokenizer has no mask token, which this task hides words by")
    special = set(tokenizer.all_special_ids)
    numbers = range(len(tokenizer))
    return Vocabulary(
        tokenizer.mask_token_id,
        str(tokenizer.mask_token),
        np.array([number for number in numbers if number not in special], dtype=np.int32),
        tuple(tokenizer.decode([number]).strip() for number in numbers),
    )


def fixed_seed(tokens: "Array") -> int:
    """The seed of the masks that a passage is scored by: those of its text alone."""
    digest = hashlib.blake2b(tokens.astype("<i4").tobytes(), digest_size=8).digest()
    return int.from_bytes(digest, "big")


class _Read(NamedTuple):
    """The tokens of a document, or of several."""

    tokens: "Array"
    words: "Array"


def passages_of(
    tokenizer: "PreTrainedTokenizerFast",
    texts: Iterable[str],
    max_length: int,
    *,
    across: bool,
) -> Iterator[Passage]:
    """Windows of texts, nothing hidden yet: each token is in exactly one of them.

    All windows are full but the last; without `across`, but the last of each text. With it, a
    separator stands between two texts, and attention crosses it.
    """
    frame = frame_of(tokenizer)
    room = max_length - frame.size
    before, after = (np.array(ids, dtype=np.int32) for ids in frame)
    stream = _in_one(_read(tokenizer, texts), after) if across else _read(tokenizer, texts)
    for number, part in enumerate(_cut(stream, room)):
        tokens = np.concatenate((before, part.tokens, after))
        edges = np.full(len(before), _NO_WORD, np.int32), np.full(len(after), _NO_WORD, np.int32)
        words = np.concatenate((edges[0], part.words, edges[1]))
        yield Passage(tokens, words, tokens, np.zeros(0, np.int64), (), str(number))


def _read(tokenizer: "PreTrainedTokenizerFast", texts: Iterable[str]) -> Iterator[_Read]:
    """The tokens of each text that has any."""
    backend = tokenizer.backend_tokenizer
    special = np.array(tokenizer.all_special_ids)
    for group in _groups(texts):
        for encoding in backend.encode_batch(group, add_special_tokens=False):
            if not encoding.ids:
                continue
            tokens = np.array(encoding.ids, dtype=np.int32)
            words = np.array(
                [_NO_WORD if word is None else word for word in encoding.word_ids], dtype=np.int32
            )
            words[np.isin(tokens, special)] = _NO_WORD  # the text itself says [MASK]
            yield _Read(tokens, words)


def _groups(texts: Iterable[str]) -> Iterator[list[str]]:
    group: list[str] = []
    for text in texts:
        group.append(text)
        if len(group) == _AT_ONCE:
            yield group
            group = []
    if group:
        yield group


def _in_one(documents: Iterable[_Read], separator: "Array") -> Iterator[_Read]:
    """All documents as one, a separator between them, a document at a time."""
    between = _Read(separator, np.full(len(separator), _NO_WORD, np.int32))
    parts: list[_Read] = []
    first = 0  # the number of the next document's first word
    for document in documents:
        words = np.where(document.words == _NO_WORD, _NO_WORD, document.words + first)
        first = int(words.max(initial=first)) + 1
        parts += [between] * bool(parts)
        parts.append(_Read(document.tokens, words.astype(np.int32)))
    if parts:
        yield _joined(parts)


def _joined(parts: Sequence[_Read]) -> _Read:
    return _Read(
        np.concatenate([part.tokens for part in parts]),
        np.concatenate([part.words for part in parts]),
    )


def _cut(documents: Iterable[_Read], room: int) -> Iterator[_Read]:
    for document in documents:
        for start in range(0, len(document.tokens), room):
            part = slice(start, start + room)
            yield _Read(document.tokens[part], document.words[part])
