"""The CRF against its definition: every path counted one by one."""

from itertools import pairwise, product

import numpy as np
import pytest
import torch

from toolkit.heads.base import Encoded
from toolkit.heads.crf import (
    IMPOSSIBLE,
    CrfScorer,
    log_sum_over_paths,
    negative_log_likelihood,
)
from toolkit.tasks import chain
from toolkit.tasks.transitions import legal_transitions
from toolkit.windows import IGNORED

LABELS = ("O", "B-X", "I-X")
LEGAL = legal_transitions(LABELS)
WIDTH = 5


def made_scores(generator, batch, length, labels=3):
    """Transitions, the same above every window, and emissions, in float64."""
    transitions = torch.randn(labels + 2, labels, generator=generator, dtype=torch.float64)
    if labels == len(LABELS):
        transitions = transitions.masked_fill(~torch.tensor(LEGAL), IMPOSSIBLE)
    emissions = 3 * torch.randn(batch, length, labels, generator=generator, dtype=torch.float64)
    return torch.cat((transitions.expand(batch, -1, -1), emissions), dim=1)


def made_targets(words, labels, edges):
    return {
        "words": torch.tensor(words),
        "labels": torch.tensor(labels),
        "edges": torch.tensor(edges),
    }


def made_scorer(seed=0, labels=LABELS):
    """A scorer whose parameters are all random, those of illegal transitions large."""
    torch.manual_seed(seed)
    scorer = CrfScorer(WIDTH, legal_transitions(labels), dropout=0.0)
    with torch.no_grad():
        scorer.transitions.normal_(std=2.0)
        scorer.transitions[scorer.illegal] = 60.0
    return scorer


def encoded(batch, length, scale=3.0):
    tokens = scale * torch.randn(batch, length, WIDTH)
    return Encoded(tokens, torch.ones(batch, length, dtype=torch.bool), tokens[:, 0])


def score_of(path, emissions, transitions, edges):
    """s(y), term by term."""
    total = sum(row[label] for row, label in zip(emissions, path))
    total += sum(transitions[left, right] for left, right in pairwise(path))
    return total + edges[0] * transitions[-2, path[0]] + edges[1] * transitions[-1, path[-1]]


def expected_loss(scores, words, labels, edges):
    """-log p of one window's gold, from the scores of all of its paths."""
    num_labels = scores.shape[-1]
    transitions, emissions = scores[: num_labels + 2].numpy(), scores[num_labels + 2 :].numpy()
    places = [place for place, word in enumerate(words) if word != IGNORED]
    gold = [labels[place] for place in places]
    every = agreeing = 0.0
    for path in product(range(num_labels), repeat=len(places)):
        weight = np.exp(score_of(path, emissions[places], transitions, edges))
        every += weight
        if all(wanted in (IGNORED, label) for wanted, label in zip(gold, path)):
            agreeing += weight
    return np.log(every) - np.log(agreeing)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("edges", [(1.0, 1.0), (1.0, 0.0), (0.0, 1.0), (0.0, 0.0)])
def test_the_loss_is_that_of_all_paths_counted_one_by_one(seed, edges):
    scores = made_scores(torch.Generator().manual_seed(seed), batch=3, length=7)
    _ = IGNORED
    words = [[_, 0, _, 1, 2, 3, _], [_, 4, 5, _, _, _, _], [_, _, 0, _, 1, _, 2]]
    # the second word of the first chain, and the whole of the third, have no gold
    labels = [[_, 1, _, _, 2, 0, _], [_, 0, 1, _, _, _, _], [_, _, _, _, _, _, _]]
    loss, count = negative_log_likelihood(scores, made_targets(words, labels, [edges] * 3))
    expected = sum(expected_loss(*each, edges) for each in zip(scores, words, labels))
    assert float(loss) == pytest.approx(expected, abs=1e-9)
    assert int(count) == 5


def test_plain_tags_are_free_to_follow_each_other():
    assert made_scorer(labels=("ADJ", "NOUN")).illegal.sum() == 0
    scores = made_scores(torch.Generator().manual_seed(0), batch=1, length=3, labels=2)
    loss, _ = negative_log_likelihood(scores, made_targets([[0, 1, 2]], [[1, 0, 1]], [(1.0, 1.0)]))
    assert float(loss) == pytest.approx(
        expected_loss(scores[0], [0, 1, 2], [1, 0, 1], (1.0, 1.0)), abs=1e-9
    )


def test_an_illegal_path_has_no_probability():
    scores = made_scorer()(encoded(1, 4)).detach()
    total = 0.0
    for path in product(range(3), repeat=4):
        targets = made_targets([[0, 1, 2, 3]], [path], [(1.0, 1.0)])
        probability = float(torch.exp(-negative_log_likelihood(scores, targets)[0]))
        lefts = [3, *path]
        if all(LEGAL[left][label] for left, label in zip(lefts, path)):
            total += probability
        else:
            assert probability < 1e-12
    assert total == pytest.approx(1.0, abs=1e-5)


def test_parameters_of_illegal_transitions_have_no_influence():
    scorer, read = made_scorer(), encoded(2, 4)
    targets = made_targets([[0, 1, 2, 3]] * 2, [[1, 2, 0, 1]] * 2, [(1.0, 1.0)] * 2)
    loss, _ = negative_log_likelihood(scorer(read), targets)
    loss.backward()
    gradient = scorer.transitions.grad
    assert (gradient[scorer.illegal] == 0).all()
    assert (gradient[~scorer.illegal] != 0).any()
    with torch.no_grad():
        scorer.transitions[scorer.illegal] = -7.0
    assert torch.equal(negative_log_likelihood(scorer(read), targets)[0], loss)


def test_gradients_are_finite_even_for_gold_that_is_impossible():
    scorer = made_scorer()
    targets = made_targets([[0, 1, 2, 3]], [[2, 0, 2, 2]], [(1.0, 1.0)])
    loss, _ = negative_log_likelihood(scorer(encoded(1, 4, scale=100.0)), targets)
    loss.backward()
    assert torch.isfinite(loss)
    assert all(torch.isfinite(parameter.grad).all() for parameter in scorer.parameters())


def test_the_gradient_is_that_of_finite_differences():
    scores = made_scores(torch.Generator().manual_seed(1), batch=2, length=5).requires_grad_()
    _ = IGNORED
    targets = made_targets(
        [[_, 0, 1, 2, _], [_, 3, _, 4, 5]], [[_, 1, _, 0, _], [_, 2, _, 2, 1]],
        [(1.0, 0.0), (0.0, 1.0)],
    )  # fmt: skip
    assert torch.autograd.gradcheck(lambda s: negative_log_likelihood(s, targets)[0], scores)


def test_the_gradient_of_the_log_sum_is_the_marginals():
    # and so the forward algorithm here and forward-backward in `chain` are one model
    scores = made_scores(torch.Generator().manual_seed(2), batch=1, length=6)
    transitions, emissions = scores[:, :5], scores[:, 5:].requires_grad_()
    total = log_sum_over_paths(
        transitions, emissions, torch.ones(1, 6, dtype=torch.bool), torch.ones(1, 2)
    )
    (gradient,) = torch.autograd.grad(total.sum(), emissions)
    expected = chain.marginals(emissions[0].detach().numpy(), transitions[0].numpy())
    np.testing.assert_allclose(gradient[0].numpy(), expected, atol=1e-12)


def test_padding_and_company_change_nothing():
    scorer, read = made_scorer(), encoded(3, 9)
    _ = IGNORED
    words = [[_, 0, 1, 2, 3, 4, 5, 6, _], [_, 0, _, 1, _, _, _, _, _], [_] * 9]
    labels = [[_, 1, 2, 2, 0, 1, 0, 0, _], [_, 1, _, 2, _, _, _, _, _], [_] * 9]
    edges = [(1.0, 0.0), (1.0, 1.0), (0.0, 0.0)]
    scores = scorer(read)
    together, count = negative_log_likelihood(scores, made_targets(words, labels, edges))
    alone = [
        negative_log_likelihood(
            scores[row : row + 1], made_targets(words[row : row + 1], labels[row : row + 1], [edge])
        )
        for row, edge in enumerate(edges)
    ]
    short, _ = negative_log_likelihood(
        scores[1:2, : 5 + 5], made_targets([words[1][:5]], [labels[1][:5]], edges[1:2])
    )
    torch.testing.assert_close(together, sum(loss for loss, _ in alone))
    assert int(count) == sum(int(number) for _, number in alone) == 9
    torch.testing.assert_close(short, alone[1][0])
    assert alone[2][0].item() == 0.0  # a window that answers for no word


def test_words_without_gold_cost_nothing():
    loss, count = negative_log_likelihood(
        made_scorer()(encoded(1, 4)), made_targets([[0, 1, 2, 3]], [[IGNORED] * 4], [(1.0, 1.0)])
    )
    loss.backward()
    assert (loss.item(), count.item()) == (0.0, 0)


def test_a_long_chain_that_is_certain_has_a_loss_of_zero_and_never_less():
    labels = torch.tensor([[0, 1, 2] * 170])
    emissions = 50.0 * torch.nn.functional.one_hot(labels, 3).float() + 900.0
    transitions = torch.zeros(1, 5, 3).masked_fill(~torch.tensor(LEGAL), IMPOSSIBLE)
    targets = {"words": labels, "labels": labels, "edges": torch.ones(1, 2)}
    loss, _ = negative_log_likelihood(torch.cat((transitions, emissions), dim=1), targets)
    assert 0.0 <= float(loss) < 1e-6


def test_autocast_leaves_the_chain_in_float32():
    scorer, read = made_scorer(), encoded(2, 30)
    numbers = list(range(30))
    targets = made_targets([numbers] * 2, [[0, 1, 2] * 10] * 2, [(1.0, 1.0)] * 2)
    exact, _ = negative_log_likelihood(scorer(read), targets)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        scores = scorer(read)
        loss, _ = negative_log_likelihood(scores, targets)
    assert scores.dtype == loss.dtype == torch.float32
    assert loss.item() == pytest.approx(exact.item(), rel=0.02)
