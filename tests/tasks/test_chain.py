"""Viterbi and forward-backward against every path counted one by one."""

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from toolkit.metrics.spans import spans_of
from toolkit.tasks import chain
from toolkit.tasks.transitions import may_follow

LABELS = ("O", "B-X", "I-X", "B-Y", "I-Y")
SCORES = arrays(
    np.float64,
    st.tuples(st.integers(1, 12), st.just(5)),
    elements=st.floats(-1e5, 1e5, width=32),
)


def made(seed, words, labels):
    generator = np.random.default_rng(seed)
    emissions = 2 * generator.standard_normal((words, labels))
    transitions = 2 * generator.standard_normal((labels + 2, labels))
    return emissions, transitions


def paths_with_scores(emissions, transitions):
    for path in product(range(emissions.shape[1]), repeat=len(emissions)):
        score = transitions[-2, path[0]] + transitions[-1, path[-1]]
        score += sum(row[label] for row, label in zip(emissions, path))
        yield path, score + sum(transitions[left, right] for left, right in pairwise(path))


@pytest.mark.parametrize("words", [1, 2, 5])
@pytest.mark.parametrize("seed", range(5))
def test_the_best_path_is_the_best_of_all(seed, words):
    emissions, transitions = made(seed, words, 3)
    expected = max(paths_with_scores(emissions, transitions), key=lambda pair: pair[1])[0]
    assert chain.best_path(emissions, transitions).tolist() == list(expected)


@pytest.mark.parametrize("words", [1, 2, 5])
@pytest.mark.parametrize("seed", range(5))
def test_marginals_are_the_shares_of_all_paths(seed, words):
    emissions, transitions = made(seed, words, 3)
    transitions[1, 2] = transitions[-2, 2] = -np.inf
    expected = np.zeros((words, 3))
    for path, score in paths_with_scores(emissions, transitions):
        expected[range(words), path] += np.exp(score)
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(chain.marginals(emissions, transitions), expected, atol=1e-12)


@given(SCORES)
@settings(max_examples=50, deadline=None)
def test_no_illegal_path_is_ever_the_best(scores):
    path = chain.best_path(scores, chain.barriers(LABELS))
    tags = [LABELS[label] for label in path]
    assert all(may_follow(tag, left) for tag, left in zip(tags, [None, *tags]))
    assert spans_of(tags, "strict") == spans_of(tags, "conlleval")


@pytest.mark.parametrize("seed", range(5))
def test_the_best_path_is_each_best_label_where_that_is_legal(seed):
    scores, _ = made(seed, 200, 5)
    for word, left in enumerate([None, *scores[:-1]]):
        before = None if left is None else LABELS[left.argmax()]
        if not may_follow(LABELS[scores[word].argmax()], before):
            scores[word, 0] = 9.0  # O
    best = scores.argmax(axis=1).tolist()
    assert len(set(best)) == 5
    assert chain.best_path(scores, chain.barriers(LABELS)).tolist() == best


def test_three_thousand_words_stay_exact():
    emissions, transitions = made(0, 3000, 5)
    transitions = transitions + chain.barriers(LABELS)
    shares = chain.marginals(100 * emissions, transitions)
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)
    tags = [LABELS[label] for label in chain.best_path(100 * emissions, transitions)]
    assert all(may_follow(tag, left) for tag, left in zip(tags, [None, *tags]))
