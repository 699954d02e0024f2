"""How well hidden tokens are guessed: likelihood, perplexity, accuracy, in a row a passage.

Natural logarithms throughout: a cross-entropy is in nats a token.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from toolkit.metrics.score import Score
from toolkit.metrics.tokens import share

if TYPE_CHECKING:
    from toolkit.metrics.score import Array


def masked_scores(
    log_likelihoods: Sequence[Sequence[float]],
    ranks: Sequence[Sequence[int | None]],
    about: Mapping[str, Any],
) -> dict[str, Score]:
    """`log_likelihood` (larger is better), `cross_entropy`, `perplexity`, and accuracies.

    Of each passage, the log-likelihood of each hidden token, and its rank from 0 among the best
    that were named; None: it is none of them.
    """
    import numpy as np

    rows = [
        (sum(logs), sum(rank == 0 for rank in row), sum(rank is not None for rank in row), len(row))
        for logs, row in zip(log_likelihoods, ranks, strict=True)
    ]
    counts = np.array(rows, dtype=np.float64).reshape(-1, 4)
    number = int(counts[:, 3].sum())
    about = {"unit": "masked token", **about, "support": number}
    formulas = {
        "log_likelihood": ({"mode": "nats"}, _log_likelihood),
        "cross_entropy": ({"mode": "nats"}, _cross_entropy),
        "perplexity": ({}, _perplexity),
        "accuracy": ({}, _accuracy),
        "accuracy_of_best": ({}, _accuracy_of_best),
    }
    if not number:
        reason = {"reason": "nothing was hidden"}
        return {name: Score(None, {**about, **reason}) for name in formulas}
    total = counts.sum(axis=0)
    return {
        name: Score(float(formula(total)), {**more, **about}, counts, formula)
        for name, (more, formula) in formulas.items()
    }


def unigram_entropy(counts: "Array") -> float:
    """The entropy, in nats, of tokens of these counts: no guess that ignores the others is better.

    It is that of the text itself, so that a model of single tokens learned elsewhere does worse.
    """
    import numpy as np

    chances = counts[counts > 0] / counts.sum()
    return float(-(chances * np.log(chances)).sum())


def _log_likelihood(counts: "Array") -> "Array":
    return share(counts[..., [0, 3]])


def _cross_entropy(counts: "Array") -> "Array":
    return -_log_likelihood(counts)


def _perplexity(counts: "Array") -> "Array":
    import numpy as np

    perplexity: Array = np.exp(_cross_entropy(counts))
    return perplexity


def _accuracy(counts: "Array") -> "Array":
    return share(counts[..., [1, 3]])


def _accuracy_of_best(counts: "Array") -> "Array":
    return share(counts[..., [2, 3]])
