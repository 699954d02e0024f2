"""Word and character n-grams of texts, weighted by how few texts have them.

The weight of an n-gram in a text is (1 + log tf) * (1 + log((1 + N) / (1 + df))), as scikit-learn
has it with `sublinear_tf`; the words of a text and its characters are vectors of length 1 each.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np

    from toolkit.examples import Text

Lengths = tuple[int, int] | None  # shortest and longest n-gram; None: of none
_WORD = re.compile(r"\w+|[^\w\s]")
Matrix = Any  # of scipy.sparse, in rows


class Counts(NamedTuple):
    """The n-grams of one kind, and what an occurrence of each weighs."""

    ngrams: Sequence[str]
    weights: "np.ndarray[Any, Any]"  # (n-grams,)


def words_in(text: str, lengths: tuple[int, int]) -> Iterator[str]:
    """The word n-grams of a text in lower case, shortest first; signs are words."""
    words = _WORD.findall(text.lower())
    for length in range(lengths[0], lengths[1] + 1):
        for start in range(len(words) - length + 1):
            yield " ".join(words[start : start + length])


def characters_in(text: str, lengths: tuple[int, int]) -> Iterator[str]:
    """The character n-grams of each word in lower case, between a space on either side."""
    for word in text.lower().split():
        padded = f" {word} "
        for length in range(lengths[0], lengths[1] + 1):
            for start in range(len(padded) - length + 1):
                yield padded[start : start + length]


KINDS = {"words": words_in, "characters": characters_in}


def count(
    kind: str, texts: Iterable[str], lengths: tuple[int, int], least: int, most: int
) -> Counts:
    """The n-grams that `least` texts have or more: the `most` frequent, in alphabetical order."""
    import numpy as np

    found: Counter[str] = Counter()
    total = 0
    for text in texts:
        found.update(set(KINDS[kind](text, lengths)))
        total += 1
    kept = [(-number, ngram) for ngram, number in found.items() if number >= least]
    ngrams = sorted(ngram for _, ngram in sorted(kept)[:most])
    weights = [1 + math.log((1 + total) / (1 + found[ngram])) for ngram in ngrams]
    return Counts(ngrams, np.array(weights, dtype=np.float64))


class Vectors:
    """Turns texts into rows of numbers."""

    def __init__(self, kinds: dict[str, tuple[tuple[int, int], Counts]], paired: bool) -> None:
        """`kinds`: the lengths and the n-grams of each; `paired`: examples have two texts."""
        self.kinds = kinds
        self.paired = paired
        self._places = {
            kind: {ngram: place for place, ngram in enumerate(counts.ngrams)}
            for kind, (_, counts) in kinds.items()
        }

    def of(self, examples: "Sequence[Text]") -> Matrix:
        """A row an example: of its text; of a pair a and b: a, b, what both have, what one has.

        What both have is the product of the two weights, what one has their distance, and beside
        them stands the cosine of each kind.
        """
        from scipy import sparse

        parts = []
        for kind in self.kinds:
            rows = self._rows(kind, [example.text for example in examples])
            parts.append(rows)
            if self.paired:
                others = self._rows(kind, [example.pair or "" for example in examples])
                both = rows.multiply(others)
                parts += [
                    others,
                    both,
                    abs(rows - others),
                    sparse.csr_array(both.sum(axis=1)[:, None]),
                ]
        return sparse.hstack(parts, format="csr")

    def _rows(self, kind: str, texts: Sequence[str]) -> Matrix:
        """The rows (texts, n-grams), each of length 1 or 0."""
        import numpy as np
        from scipy import sparse

        lengths, counts = self.kinds[kind]
        places = self._places[kind]
        columns: list[int] = []
        values: list[float] = []
        ends = [0]
        for text in texts:
            found = Counter(
                places[ngram] for ngram in KINDS[kind](text, lengths) if ngram in places
            )
            here = sorted(found)
            row = [(1 + math.log(found[place])) * counts.weights[place] for place in here]
            length = math.sqrt(math.fsum(value * value for value in row)) or 1.0
            columns += here
            values += [value / length for value in row]
            ends.append(len(columns))
        shape = (len(texts), len(counts.ngrams))
        return sparse.csr_array(
            (np.array(values, dtype=np.float64), np.array(columns, dtype=np.int64), np.array(ends)),
            shape=shape,
        )
