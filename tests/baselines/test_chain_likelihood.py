"""The likelihood of a chain against every path counted one by one, and its gradient."""

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.baselines.chain_likelihood import Chains, likelihood
from toolkit.baselines.tagging import IMPOSSIBLE

SENTENCES = st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=4), min_size=1, max_size=5)


def made(seed, words, labels=3, scale=2.0):
    generator = np.random.default_rng(seed)
    emissions = scale * generator.standard_normal((words, labels))
    transitions = scale * generator.standard_normal((labels + 2, labels))
    return emissions, transitions


def score_of(path, emissions, transitions):
    score = transitions[-2, path[0]] + transitions[-1, path[-1]]
    score += sum(row[label] for row, label in zip(emissions, path, strict=True))
    return score + sum(transitions[left, right] for left, right in pairwise(path))


def counted(sentences, emissions, transitions):
    """-log p by all paths."""
    loss, start = 0.0, 0
    for gold in sentences:
        rows = emissions[start : start + len(gold)]
        start += len(gold)
        paths = product(range(emissions.shape[1]), repeat=len(gold))
        total = np.logaddexp.reduce([score_of(path, rows, transitions) for path in paths])
        loss += total - score_of(gold, rows, transitions)
    return loss


@settings(deadline=None, max_examples=60)
@given(sentences=SENTENCES, seed=st.integers(0, 1000))
def test_the_loss_is_that_of_all_paths_counted_one_by_one(sentences, seed):
    emissions, transitions = made(seed, sum(map(len, sentences)))
    found = likelihood(Chains.of(sentences), emissions, transitions)
    assert found.loss == pytest.approx(counted(sentences, emissions, transitions), abs=1e-9)


@settings(deadline=None, max_examples=20)
@given(sentences=SENTENCES, seed=st.integers(0, 1000))
def test_the_gradient_is_the_slope_of_the_loss(sentences, seed):
    chains = Chains.of(sentences)
    emissions, transitions = made(seed, sum(map(len, sentences)))
    found = likelihood(chains, emissions, transitions)
    for table, slopes in ((emissions, found.of_emissions), (transitions, found.of_transitions)):
        for place in np.ndindex(table.shape):
            before = table[place]
            losses = []
            for step in (1e-5, -1e-5):
                table[place] = before + step
                losses.append(likelihood(chains, emissions, transitions).loss)
            table[place] = before
            assert slopes[place] == pytest.approx((losses[0] - losses[1]) / 2e-5, abs=1e-6)


def test_it_is_the_loss_of_the_crf_head():
    import torch

    from toolkit.heads.crf import negative_log_likelihood

    sentences = [[0, 2, 1], [1], [2, 2, 0, 1]]
    emissions, transitions = made(3, 8)
    found = likelihood(Chains.of(sentences), emissions, transitions)
    longest = max(map(len, sentences))
    scores = np.zeros((3, 5 + longest, 3))
    targets = {"labels": np.full((3, 5 + longest), -100), "words": np.full((3, 5 + longest), -100)}
    start = 0
    for row, gold in enumerate(sentences):
        scores[row, :5] = transitions
        scores[row, 5 : 5 + len(gold)] = emissions[start : start + len(gold)]
        targets["labels"][row, : len(gold)] = gold
        targets["words"][row, : len(gold)] = range(len(gold))
        start += len(gold)
    cut = {name: torch.tensor(table[:, :longest]) for name, table in targets.items()}
    cut["edges"] = torch.ones(3, 2, dtype=torch.float64)
    loss, count = negative_log_likelihood(torch.tensor(scores), cut)
    assert int(count) == 8
    assert found.loss == pytest.approx(float(loss), rel=1e-12)


def test_what_is_impossible_is_never_expected():
    emissions, transitions = made(5, 6)
    transitions[0, 1] = IMPOSSIBLE
    chains = Chains.of([[0, 0, 2], [2, 1, 1]])
    found = likelihood(chains, emissions, transitions)
    assert np.isfinite(found.loss)
    assert found.of_transitions[0, 1] == 0


def test_long_sentences_and_large_scores_stay_finite():
    emissions, transitions = made(7, 5000, scale=100.0)
    found = likelihood(Chains.of([[0] * 3000, [1] * 2000]), emissions, transitions)
    assert np.isfinite(found.loss)
    assert np.isfinite(found.of_emissions).all()
    assert np.allclose(found.of_emissions.sum(axis=1), 0, atol=1e-9)
