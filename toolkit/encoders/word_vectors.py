"""Word vectors from a text file: `word v1 … vN` in a line, as GloVe and word2vec write them."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from toolkit.data.text import expand
from toolkit.encoders.word_tokenizer import is_sign, whole_piece
from toolkit.errors import DataError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

_HEADER = re.compile(r"\d+ (\d+)")  # of word2vec: how many words, how wide


class WordVectors(NamedTuple):
    """The vectors of a vocabulary."""

    table: NDArray[np.float32]  # (entries, width), zero where the file has no vector
    found: NDArray[np.bool_]  # (entries,), which entries the file has a vector for


class _Line(NamedTuple):
    place: str  # file:line
    word: str
    numbers: list[str]


def word_vectors(path: str, tokenizer: "PreTrainedTokenizerFast", width: int) -> WordVectors:
    """The vectors that a file has for the vocabulary of a tokenizer.

    A word takes the vector of its own spelling, or the first one whose spelling differs only in
    case (and in what the tokenizer makes equal, such as digits): files are sorted by frequency.
    DataError where the file cannot be read, or a line of it is not a word and `width` numbers.
    """
    entries = {word: n for word, n in tokenizer.get_vocab().items() if not is_sign(word)}
    alike: dict[str, list[int]] = {}
    for word, entry in entries.items():
        alike.setdefault(word.lower(), []).append(entry)
    table = np.zeros((len(tokenizer), width), dtype=np.float32)
    found, exact = np.zeros(len(tokenizer), dtype=bool), np.zeros(len(tokenizer), dtype=bool)
    for line in _lines(path, width):
        fills = [entry for entry in alike.get(_alike(line.word, tokenizer), ()) if not found[entry]]
        own = entries.get(line.word)
        if own is not None and not exact[own]:
            fills.append(own)
            exact[own] = True
        if fills:
            table[fills] = _parsed(line)
            found[fills] = True
    return WordVectors(table, found)


def words_of(path: str, width: int) -> Iterator[str]:
    """The words of a file of vectors, in its order. DataError as in `word_vectors`."""
    for line in _lines(path, width):
        yield line.word


def _alike(word: str, tokenizer: "PreTrainedTokenizerFast") -> str:
    """The spelling by which words are compared. Asking the tokenizer is slow, so only if needed."""
    if word.isalpha() and word.isascii():
        return word.lower()
    return (whole_piece(tokenizer.backend_tokenizer, word) or word).lower()


def _lines(path: str, width: int) -> Iterator[_Line]:
    try:
        # only \n ends a line: a word may hold other characters that Unicode calls line ends
        with open(expand(path), encoding="utf-8-sig", errors="replace", newline="\n") as file:
            for number, text in enumerate(file, start=1):
                place, text = f"{path}:{number}", text.replace("\t", " ").rstrip(" \r\n")
                header = _HEADER.fullmatch(text) if number == 1 else None
                if header is None:
                    yield _line(place, text, width)
                elif int(header[1]) != width:
                    raise _wrong(place, int(header[1]), width)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}, expected a file of word vectors") from None


def _line(place: str, text: str, width: int) -> _Line:
    word, *numbers = text.rsplit(" ", width)
    before, _, last = word.rpartition(" ")  # a word may hold spaces, but not end in a number
    if not word or len(numbers) != width or (before and _is_number(last)):
        raise _wrong(place, _numbers_at_end(text), width)
    return _Line(place, word, numbers)


def _wrong(place: str, found: int, width: int) -> DataError:
    return DataError(
        f"{place}: found {found} numbers, expected a word and {width} (model.embedding)"
    )


def _numbers_at_end(text: str) -> int:
    parts = text.split(" ")[1:]
    return next((n for n, part in enumerate(reversed(parts)) if not _is_number(part)), len(parts))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _parsed(line: _Line) -> NDArray[np.float32]:
    for number in line.numbers:
        if not _is_number(number) or not np.isfinite(np.float32(number)):
            raise DataError(f"{line.place}: found {number!r}, expected a number")
    return np.array(line.numbers, dtype=np.float32)
