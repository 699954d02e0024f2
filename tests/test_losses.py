"""The losses that compare scores with scores, beside their closed forms and gradients."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit import losses

TEMPERATURES = st.sampled_from([0.5, 1.0, 2.0, 7.0])
SEEDS = st.integers(0, 2**31)


def rows(seed, shape=(3, 5)):
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randn((2, *shape), generator=generator) * 3
    return drawn[0].requires_grad_(), drawn[1]


@settings(deadline=None)
@given(SEEDS)
def test_squared_differences_are_a_mean_over_the_labels_and_see_no_constant(seed):
    ours, theirs = rows(seed)
    apart = (ours - theirs).detach().double()
    expected = sum(float(row.var(unbiased=False)) for row in apart)
    assert losses.logit_differences(ours, theirs).item() == pytest.approx(expected, rel=1e-4)
    shifted = losses.logit_differences(ours + 5, theirs - 3)
    assert shifted.item() == pytest.approx(expected, rel=1e-3)


@settings(deadline=None)
@given(SEEDS)
def test_the_gradient_of_squared_differences_is_that_of_its_closed_form(seed):
    ours, theirs = rows(seed)
    losses.logit_differences(ours, theirs).backward()
    apart = (ours - theirs).detach()
    expected = 2 / 5 * (apart - apart.mean(dim=1, keepdim=True))
    torch.testing.assert_close(ours.grad, expected, rtol=1e-4, atol=1e-5)


@settings(deadline=None)
@given(SEEDS, TEMPERATURES)
def test_the_divergence_and_its_gradient_are_those_of_their_closed_forms(seed, temperature):
    ours, theirs = rows(seed)
    loss = losses.divergence(ours, theirs, temperature)
    loss.backward()
    p = (theirs.double() / temperature).softmax(dim=1)
    q = (ours.detach().double() / temperature).softmax(dim=1)
    expected = temperature**2 * float((p * (p.log() - q.log())).sum())
    assert loss.item() == pytest.approx(expected, rel=1e-4, abs=1e-5)
    torch.testing.assert_close(
        ours.grad, (temperature * (q - p)).float(), rtol=1e-4, atol=1e-4 * temperature
    )


@settings(deadline=None)
@given(SEEDS)
def test_a_hot_divergence_is_half_the_squared_differences(seed):
    """G. Hinton et al. 2015, section 2.1."""
    ours, theirs = (each.detach().double() for each in rows(seed))
    squared = losses.logit_differences(ours, theirs).item()
    # float32 inside: a temperature as high as its digits allow
    hot = losses.divergence(ours, theirs, 100.0).item()
    assert hot == pytest.approx(squared / 2, rel=0.1, abs=1e-2)


@settings(deadline=None)
@given(SEEDS, TEMPERATURES)
def test_of_several_labels_each_has_its_own_divergence(seed, temperature):
    ours, theirs = (each.detach() for each in rows(seed))
    expected = 0.0
    for mine, other in zip(ours.flatten().tolist(), theirs.flatten().tolist(), strict=True):
        q, p = (1 / (1 + math.exp(-each / temperature)) for each in (mine, other))
        expected += p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))
    found = losses.binary_divergence(ours, theirs, temperature).item()
    assert found == pytest.approx(temperature**2 * expected, rel=1e-3, abs=1e-4)


@settings(deadline=None)
@given(SEEDS, TEMPERATURES)
def test_nothing_is_apart_from_itself(seed, temperature):
    ours, _ = rows(seed)
    for found in (
        losses.logit_differences(ours, ours),
        losses.divergence(ours, ours, temperature),
        losses.binary_divergence(ours, ours, temperature),
    ):
        assert found.item() == pytest.approx(0, abs=1e-4)
