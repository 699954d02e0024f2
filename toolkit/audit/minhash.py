"""Near duplicates: MinHash over shingles of characters, bands, and an exact check at the end.

A. Broder, "On the resemblance and containment of documents", 1997: the share of permutations under
which two sets have the same minimum estimates their Jaccard similarity. The permutations are
x -> a x + b modulo 2^32. Texts that agree in all rows of a band are compared (P. Indyk and
R. Motwani, 1998), first by the estimate, then exactly, so that nothing below `THRESHOLD` is
reported; two texts of similarity 0.9 are missed with a probability of 4e-8, of 0.8 with 2e-4.
Time and memory are linear in the characters. Nothing is drawn: the same texts give the same pairs.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SHINGLE = 5  # characters
BANDS = 16
ROWS = 4  # of a band
PERMUTATIONS = BANDS * ROWS
THRESHOLD = 0.8  # Jaccard similarity of two texts' sets of shingles that makes them near
SLACK = 0.2  # an estimate may be lower by: 4 standard deviations of it
NEIGHBOURS = 8  # that a text is compared with where more agree in a band
CHUNK = 1 << 20  # shingles at a time
MIX = (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9)  # odd constants of splitmix64
SCHEME = {
    "method": "MinHash in bands, then exact",
    "shingle": f"{SHINGLE} characters, after NFKC, case folding and joining white space",
    "permutations": PERMUTATIONS,
    "bands": BANDS,
    "jaccard_at_least": THRESHOLD,
    "compared_within_a_band": NEIGHBOURS,
}

Numbers = NDArray[np.uint32]


class Near(NamedTuple):
    """Two items, the first before the second, and how similar their texts are."""

    first: int
    second: int
    jaccard: float  # of the least similar part


def near_pairs(items: Sequence[Sequence[str]]) -> list[Near]:
    """The items, each the same number of texts, that are alike in every text.

    Of items that are wholly equal only one should be given. Where more than `NEIGHBOURS` items
    agree in a band, each is compared with that many before it.
    """
    if len(items) < 2:
        return []
    texts = list(dict.fromkeys(text for item in items for text in item))
    number = {text: place for place, text in enumerate(texts)}
    parts = np.array([[number[text] for text in item] for item in items])  # (items, parts)
    signs = signatures(texts)  # (permutations, texts)
    pairs = _candidates(_bands(signs)[:, parts])
    likely = pairs[_estimates(signs, parts, pairs) >= THRESHOLD - SLACK]
    return [near for near in _checked(items, likely.tolist()) if near.jaccard >= THRESHOLD]


def jaccard(one: str, other: str) -> float:
    """The similarity of two texts' sets of shingles, in [0, 1]."""
    if one == other:
        return 1.0
    a, b = shingles(one), shingles(other)
    return len(a & b) / len(a | b)


def shingles(text: str) -> set[str]:
    """Each run of `SHINGLE` characters; of a shorter text the whole."""
    return {text[start : start + SHINGLE] for start in range(max(1, len(text) - SHINGLE + 1))}


def signatures(texts: Sequence[str]) -> Numbers:
    """(permutations, texts): the minima of each text's hashed shingles."""
    random = np.random.default_rng(0)  # always the same permutations
    factors = random.integers(0, 2**32, PERMUTATIONS, dtype=np.uint32) | np.uint32(1)
    shifts = random.integers(0, 2**32, PERMUTATIONS, dtype=np.uint32)
    result = np.empty((PERMUTATIONS, len(texts)), dtype=np.uint32)
    for start, end in _chunks(texts):
        hashes, firsts = _hashes(texts[start:end])
        for row, (factor, shift) in enumerate(zip(factors, shifts, strict=True)):
            result[row, start:end] = np.minimum.reduceat(hashes * factor + shift, firsts)
    return result


def _chunks(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    start = size = 0
    for place, text in enumerate(texts):
        size += len(text)
        if size >= CHUNK:
            yield start, place + 1
            start, size = place + 1, 0
    if start < len(texts):
        yield start, len(texts)


def _hashes(texts: Sequence[str]) -> tuple[Numbers, NDArray[np.int64]]:
    """The hashed shingles of all texts behind each other, and where each text's begin."""
    padded = [text.ljust(SHINGLE, "\0") for text in texts]
    lengths = np.array([len(text) for text in padded])
    ends = lengths.cumsum()
    letters = np.frombuffer("".join(padded).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    size = len(letters) - SHINGLE + 1
    codes = np.zeros(size, dtype=np.uint64)
    for place in range(SHINGLE):
        codes = codes * np.uint64(MIX[0]) + letters[place : place + size]
    codes = (codes ^ (codes >> np.uint64(29))) * np.uint64(MIX[1])
    hashes = (codes >> np.uint64(32)).astype(np.uint32)
    within = np.ones(size, dtype=bool)
    for place in range(1, SHINGLE):  # those that reach into the next text
        within[ends[:-1] - place] = False
    counts = lengths - SHINGLE + 1
    return hashes[within], counts.cumsum() - counts


def _bands(signs: Numbers) -> NDArray[np.uint64]:
    """(bands, texts): one number for the rows of each band."""
    rows = signs.reshape(BANDS, ROWS, -1).astype(np.uint64)
    keys = np.zeros((BANDS, signs.shape[1]), dtype=np.uint64)
    for row in range(ROWS):
        keys = (keys ^ rows[:, row]) * np.uint64(MIX[0])
        keys ^= keys >> np.uint64(32)
    return keys


def _candidates(keys: NDArray[np.uint64]) -> NDArray[np.int64]:
    """(pairs, 2): items that agree in a band in all their parts; `keys` (bands, items, parts)."""
    found = [np.empty((0, 2), dtype=np.int64)]
    for band in keys:
        whole = np.zeros(len(band), dtype=np.uint64)
        for part in band.T:
            whole = (whole * np.uint64(MIX[1])) ^ part
        order = whole.argsort(kind="stable")  # of equals the earlier item first
        for distance in range(1, min(NEIGHBOURS + 1, len(order))):
            first, second = order[:-distance], order[distance:]
            is_same = whole[first] == whole[second]
            if not is_same.any():
                break
            found.append(np.stack([first[is_same], second[is_same]], axis=1))
    return np.unique(np.concatenate(found), axis=0)


def _estimates(
    signs: Numbers, parts: NDArray[np.int64], pairs: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The estimated similarity of each pair, in its least similar part."""
    lowest = np.ones(len(pairs))
    for part in parts.T:
        for start in range(0, len(pairs), CHUNK // PERMUTATIONS):
            some = slice(start, start + CHUNK // PERMUTATIONS)
            first, second = part[pairs[some]].T
            same = (signs[:, first] == signs[:, second]).mean(axis=0)
            lowest[some] = np.minimum(lowest[some], same)
    return lowest


def _checked(items: Sequence[Sequence[str]], pairs: Sequence[Sequence[int]]) -> Iterator[Near]:
    for first, second in pairs:
        parts = zip(items[first], items[second], strict=True)
        yield Near(first, second, min(jaccard(one, other) for one, other in parts))
