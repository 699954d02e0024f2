"""One vector a window, however long its neighbours are."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.heads.pooling import Pooling

WAYS = ("first", "last", "mean", "max", "attention")
WIDTH = 6


def pooling_of(how: str, backward: int = 0) -> Pooling:
    """A pooling whose query, if it has one, is as if learned."""
    pooling = Pooling(how, WIDTH, backward)
    for parameter in pooling.parameters():
        torch.nn.init.normal_(parameter, std=2.0)
    return pooling


def expected(pooling: Pooling, states: torch.Tensor) -> torch.Tensor:
    """The equations of the module's docstring, over the real tokens of one window."""
    first, last = states[0], states[-1]
    ahead = WIDTH - pooling.backward
    if pooling.how == "attention":
        sizes = [
            math.exp(float(pooling.query.detach() @ state) / math.sqrt(WIDTH)) for state in states
        ]
        return sum(size / sum(sizes) * state for size, state in zip(sizes, states, strict=True))
    return {
        "first": first,
        "last": torch.cat((last[:ahead], first[ahead:])),
        "mean": sum(states) / len(states),
        "max": torch.stack([max(column) for column in states.T]),
    }[pooling.how]


@pytest.mark.parametrize("backward", [0, 3])
@pytest.mark.parametrize("how", WAYS)
@settings(max_examples=20, deadline=None)
@given(lengths=st.lists(st.integers(1, 5), min_size=1, max_size=4), seed=st.integers(0, 99))
def test_it_is_its_equation_whatever_stands_on_the_padding(how, backward, lengths, seed):
    torch.manual_seed(seed)
    pooling = pooling_of(how, backward)
    states = torch.randn(len(lengths), max(lengths) + 2, WIDTH)
    mask = torch.arange(states.shape[1]) < torch.tensor(lengths)[:, None]
    found = pooling(states, mask)
    for row, length in enumerate(lengths):
        torch.testing.assert_close(found[row], expected(pooling, states[row, :length]))


@pytest.mark.parametrize("how", WAYS)
def test_tokens_left_out_in_the_middle_have_no_say(how):
    # the LSTM reads a capital's sign in one step with its word
    torch.manual_seed(0)
    pooling = pooling_of(how, backward=3)
    states = torch.randn(1, 4, WIDTH)
    mask = torch.tensor([[False, True, False, True]])
    torch.testing.assert_close(pooling(states, mask)[0], expected(pooling, states[0, [1, 3]]))


def test_attention_begins_as_the_mean_and_learns_where_to_look():
    torch.manual_seed(0)
    pooling = Pooling("attention", WIDTH)
    states = torch.randn(8, 5, WIDTH)
    mask = torch.ones(8, 5, dtype=torch.bool)
    torch.testing.assert_close(pooling(states, mask), states.mean(1))
    states[:, 2, 0] = 4.0  # the mark of the token that tells
    optimiser = torch.optim.AdamW(pooling.parameters(), lr=0.1)
    for _ in range(300):
        loss = (pooling(states, mask) - states[:, 2]).square().sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert (pooling.attention(states, mask)[:, 2] > 0.9).all()


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("how", WAYS)
def test_half_precision_stays_finite_and_near(how, kind):
    torch.manual_seed(0)
    pooling = pooling_of(how)
    states = torch.randn(2, 300, WIDTH)
    mask = torch.arange(300) < torch.tensor([[300], [1]])
    with torch.autocast("cpu", kind):
        found = pooling(states.to(kind), mask)
    assert found.dtype == kind
    torch.testing.assert_close(found.float(), pooling(states, mask), atol=0.03, rtol=0.03)


def test_weights_of_attention_are_exact_under_autocast():
    torch.manual_seed(0)
    pooling = pooling_of("attention")
    states = torch.randn(3, 7, WIDTH)
    mask = torch.ones(3, 7, dtype=torch.bool)
    exact = pooling.attention(states, mask)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(pooling.attention(states, mask), exact)


@pytest.mark.parametrize("how", WAYS)
def test_only_attention_has_something_to_learn(how):
    names = [name for name, _ in Pooling(how, WIDTH).named_parameters()]
    assert names == (["query"] if how == "attention" else [])
