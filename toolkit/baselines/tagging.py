"""What taggers that count have in common: how often each word has each tag."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from toolkit.errors import DataError, RunError
from toolkit.tasks import chain
from toolkit.tasks.token_classification import Tags

if TYPE_CHECKING:
    import numpy as np

    from toolkit.baselines.base import Fitted
    from toolkit.examples import Tagged

IMPOSSIBLE = -1e4  # the logarithm of what must not be: all sums stay finite, and its exp is 0
_RUN = re.compile(r"(.)\1+", re.DOTALL)


class WordTags(NamedTuple):
    """The words of the training split in the order of their letters, and how often they have tags.

    A tag that is no label (`task.allow_unseen`) is not counted.
    """

    words: list[str]
    counts: "np.ndarray[Any, Any]"  # (words, labels) of int64

    @classmethod
    def of(cls, examples: "Iterable[Tagged]", labels: Sequence[str]) -> "WordTags":
        """DataError where no word has a tag."""
        import numpy as np

        places = {label: place for place, label in enumerate(labels)}
        found = Counter(
            (word, places[tag])
            for example in examples
            for word, tag in zip(example.words, example.tags or ())
            if tag in places
        )
        if not found:
            raise DataError("data.train: holds no tagged word")
        words = sorted({word for word, _ in found})
        rows = {word: row for row, word in enumerate(words)}
        counts = np.zeros((len(words), len(labels)), dtype=np.int64)
        for (word, place), count in found.items():
            counts[rows[word], place] = count
        return cls(words, counts)

    @classmethod
    def in_fitted(cls, fitted: "Fitted", labels: Sequence[str]) -> "WordTags":
        """As a tagger has kept them. RunError where it learned other labels."""
        check_labels(fitted, labels)
        return cls(fitted.facts["words"], fitted.arrays["words"])


def check_labels(fitted: "Fitted", labels: Sequence[str]) -> None:
    """RunError where labels are not those that a tagger has learned."""
    learned = fitted.facts["labels"]
    if list(labels) != learned:
        raise RunError(f"task.labels: {', '.join(labels)}, but {', '.join(learned)} were learned")


def shape_of(word: str, *, is_short: bool = True) -> str:
    """`Xx` of `Turin`, `x-d` of `covid-19`: letters by their case, digits, the rest as it is.

    Letters without a case are `c`. Runs of equals are one where the shape is a short one.
    """
    shape = "".join(
        "X" if each.isupper() or each.istitle() else "x" if each.islower()
        else "d" if each.isdigit() else "c" if each.isalpha() else each
        for each in word
    )  # fmt: skip
    return _RUN.sub(r"\1", shape) if is_short else shape


def tags_of(
    rows: "Sequence[np.ndarray[Any, Any]]",
    transitions: "np.ndarray[Any, Any]",
    labels: Sequence[str],
) -> Tags:
    """The best path of a sentence, a row of scores (labels,) each word, and how sure each tag is.

    `transitions` as in `tasks.chain`. A tag's score is its probability over all paths.
    """
    import numpy as np

    if not rows:
        return Tags((), ())
    emissions = np.stack(rows)  # (words, labels)
    path = chain.best_path(emissions, transitions)
    certain = chain.marginals(emissions, transitions)[np.arange(len(path)), path]
    return Tags(tuple(labels[place] for place in path), tuple(certain.tolist()))
