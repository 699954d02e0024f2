"""The likelihood of tags under a linear chain, and its gradient, for many sentences at once.

The letters of `heads.crf`: P[i, y] is the emission of word i for label y, A[y, z] the transition
from y to z, and for the words 1 … n of a sentence

    s(y)     = A[start, y_1] + sum_i P[i, y_i] + sum_i A[y_i, y_i+1] + A[y_n, end]
    log p(y) = s(y) - log sum_y' exp s(y')

The sum is by forward-backward, scaled as in L. Rabiner 1989, V.A: each step is divided by its sum,
and the logarithms of these sums add up to that of the sum over all paths. The gradient of -log p
in a score is how often paths are expected to take it, less how often the gold does.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]


class Chains(NamedTuple):
    """Sentences, longest first. Step i has the words i of all sentences that are so long."""

    steps: Sequence[Array]  # the rows of each step's words, the sentences always in this order
    gold: Array  # (words,) labels; the words of a sentence are neighbours
    is_last: Array  # (words,) whether a sentence ends with the word

    @classmethod
    def of(cls, sentences: Sequence[Sequence[int]]) -> "Chains":
        """The chains of the labels of sentences, none of them empty."""
        lengths = np.array([len(labels) for labels in sentences], dtype=np.int64)
        starts = lengths.cumsum() - lengths
        order = np.argsort(-lengths, kind="stable")
        steps = []
        for step in range(int(lengths.max(initial=0))):
            long_enough = order[lengths[order] > step]
            steps.append(starts[long_enough] + step)
        gold = np.array([label for labels in sentences for label in labels], dtype=np.int64)
        is_last = np.zeros(len(gold), dtype=bool)
        is_last[starts + lengths - 1] = True
        return cls(steps, gold, is_last)


class Likelihood(NamedTuple):
    """Minus the log-likelihood of the gold, and its gradient."""

    loss: float
    of_emissions: Array  # (words, labels)
    of_transitions: Array  # (labels + 2, labels)


def likelihood(chains: Chains, emissions: Array, transitions: Array) -> Likelihood:
    """-log p of all sentences, summed; emissions and transitions as in `tasks.chain`."""
    log_paths, expected, moves = _expected(chains, emissions, transitions)
    gold, is_last = chains.gold, chains.is_last
    rows = np.arange(len(gold))
    of_gold = np.zeros_like(transitions)
    lefts = np.flatnonzero(~is_last)
    np.add.at(of_gold, (gold[lefts], gold[lefts + 1]), 1.0)
    np.add.at(of_gold[-2], gold[chains.steps[0]], 1.0)
    np.add.at(of_gold[-1], gold[is_last], 1.0)
    score = float(emissions[rows, gold].sum() + (of_gold * transitions).sum())
    expected[rows, gold] -= 1.0
    return Likelihood(log_paths - score, expected, moves - of_gold)


def _expected(chains: Chains, emissions: Array, transitions: Array) -> tuple[float, Array, Array]:
    """The log of the sum over paths, and how often they are expected to take each score."""
    tops, top = emissions.max(axis=1, keepdims=True), transitions.max()
    words = np.exp(emissions - tops)  # (words, labels)
    table = np.exp(transitions - top)
    between, start, end = table[:-2], table[-2], table[-1]
    log_paths = float(tops.sum()) + top * (len(words) + len(chains.steps[0]))
    forward: list[Array] = []
    sums: list[Array] = []
    for step, rows in enumerate(chains.steps):
        reached = forward[-1][: len(rows)] @ between if step else start  # (sentences, labels)
        here = reached * words[rows]
        sums.append(here.sum(axis=1, keepdims=True))
        forward.append(here / sums[-1])
        log_paths += float(np.log(sums[-1]).sum())
    expected, moves = np.empty_like(emissions), np.zeros_like(transitions)
    behind = np.empty((0, len(end)))  # of the step behind, the emission included
    for step in reversed(range(len(chains.steps))):
        here, num_on = forward[step], len(behind)
        ends = (here[num_on:] * end).sum(axis=1, keepdims=True)
        log_paths += float(np.log(ends).sum())
        backward = np.concatenate([behind @ between.T, end / ends])
        moves[:-2] += between * (here[:num_on].T @ behind)
        rows = chains.steps[step]
        expected[rows] = here * backward
        behind = words[rows] * backward / sums[step]
    moves[-2] = expected[chains.steps[0]].sum(axis=0)
    moves[-1] = expected[chains.is_last].sum(axis=0)
    return log_paths, expected, moves
