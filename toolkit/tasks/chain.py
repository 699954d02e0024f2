"""The best and the expected tags of a whole sentence, where tags depend on their neighbours.

numpy, one sentence at a time, in float64. `emissions` is (words, labels); `transitions` (labels +
2, labels) has the rows of `heads.crf`, and -inf for what is impossible. A constant added to the
emissions of a word changes no result: they may be scores or log-probabilities.
"""

from functools import lru_cache
from typing import Any

import numpy as np

from toolkit.tasks.transitions import legal_transitions

Array = np.ndarray[Any, Any]


@lru_cache(maxsize=8)
def barriers(labels: tuple[str, ...]) -> Array:
    """Transitions (labels + 2, labels) of 0 where they are legal and -inf where not."""
    made = np.where(legal_transitions(labels), 0.0, -np.inf)
    made.flags.writeable = False
    return made


def best_path(emissions: Array, transitions: Array) -> Array:
    """The labels (words,) of the sequence with the highest score (A. Viterbi 1967)."""
    between, start, end = transitions[:-2], transitions[-2], transitions[-1]
    best = start + emissions[0]  # (labels,): the score of the best sequence up to each label
    origins = []
    for emission in emissions[1:]:
        reached = best[:, None] + between  # (labels, labels)
        origins.append(reached.argmax(axis=0))
        best = reached.max(axis=0) + emission
    path = [int((best + end).argmax())]
    path.extend(int(origin[path[-1]]) for origin in reversed(origins))
    return np.array(path[::-1])


def marginals(emissions: Array, transitions: Array) -> Array:
    """The probability (words, labels) of each label of each word, by forward-backward."""
    between, start, end = transitions[:-2], transitions[-2], transitions[-1]
    forward, backward = np.empty_like(emissions), np.empty_like(emissions)
    forward[0], backward[-1] = start + emissions[0], end
    for at in range(1, len(emissions)):
        forward[at] = log_sum_exp(forward[at - 1][:, None] + between, 0) + emissions[at]
        backward[-1 - at] = log_sum_exp(between + (emissions[-at] + backward[-at]), 1)
    return softmax(forward + backward)


def softmax(rows: Array) -> Array:
    """Each row as probabilities."""
    exponentials = np.exp(rows - rows.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)  # type: ignore[no-any-return]


def log_sum_exp(values: Array, axis: int) -> Array:
    """log sum exp over an axis that holds a finite value everywhere."""
    top = values.max(axis=axis, keepdims=True)
    return np.squeeze(top, axis) + np.log(np.exp(values - top).sum(axis=axis))  # type: ignore[no-any-return]
