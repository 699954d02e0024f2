"""The share of words whose tag is right. Tested equal to seqeval's and scikit-learn's accuracy."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from toolkit.metrics.score import Score

if TYPE_CHECKING:
    from toolkit.metrics.score import Array


def accuracy(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> Score:
    """Right words over all words, in [0, 1]; undefined where there is no word."""
    import numpy as np

    rows = [
        (sum(map(str.__eq__, truth, guess)), len(truth))
        for truth, guess in zip(gold, predicted, strict=True)
    ]
    counts = np.array(rows, dtype=np.int64).reshape(-1, 2)
    about = {"unit": "word", "support": int(counts[:, 1].sum())}
    if not about["support"]:
        return Score(None, {**about, "reason": "no words"})
    return Score(float(share(counts.sum(axis=0))), about, counts, share)


def share(counts: "Array") -> "Array":
    """The first count over the second, 0 where there is none."""
    import numpy as np

    right, words = counts[..., 0], counts[..., 1]
    return np.where(words > 0, right / np.maximum(words, 1), 0.0)
