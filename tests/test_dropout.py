"""Counted dropout: the rate, independence of everything that its key names, and what cannot matter.

The statistical tests look at 10^7 bits each and at fixed keys, so they pass or fail for good.
"""

import math

import pytest
import torch
from torch import nn

from toolkit.dropout import (
    CountedDropout,
    Counter,
    count_dropout,
    drop,
    keep,
    rows_of,
    rows_of_heads,
)  # fmt: skip

WINDOWS, LENGTH, WIDTH = 50, 200, 1000  # 10^7 bits


def keys(step: int = 0, first: int = 0) -> torch.Tensor:
    """Keys as small and as close together as keys can be: the hash has to spread them."""
    return torch.arange(first, first + WINDOWS, dtype=torch.int64) + (step << 20)


def tokens(step: int = 0, first: int = 0) -> torch.Tensor:
    return rows_of(keys(step, first)[:, None], torch.arange(LENGTH, dtype=torch.int32))


def bits(rows: torch.Tensor, site: int = 1, rate: float = 0.5, width: int = WIDTH) -> torch.Tensor:
    return keep(rows, site, width, rate, torch.float32) != 0


def assert_independent(one: torch.Tensor, other: torch.Tensor, rate: float) -> None:
    """Chi-squared of the four pairs of kept and dropped: above 20 once in 5,000 for fair coins."""
    table = torch.stack(
        [(one & other), (one & ~other), (~one & other), (~one & ~other)]
    ).flatten(1).sum(1).double()  # fmt: skip
    kept = 1 - rate
    expected = torch.tensor(
        [kept * kept, kept * rate, rate * kept, rate * rate], dtype=torch.float64
    )
    expected *= one.numel()
    assert float(((table - expected) ** 2 / expected).sum()) < 20  # three degrees of freedom


@pytest.mark.parametrize("rate", [0.01, 0.1, 0.25, 0.5, 0.9])
def test_the_rate_is_met(rate):
    kept = bits(tokens(), rate=rate)
    error = float(kept.double().mean()) - (1 - rate)
    assert abs(error) < 4 * math.sqrt(rate * (1 - rate) / kept.numel()) + 1 / 65536


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_every_channel_and_every_token_has_the_rate(rate):
    kept = bits(tokens(), rate=rate).flatten(0, 1).double()  # (tokens, width)
    for means, number in ((kept.mean(0), len(kept)), (kept.mean(1), kept.shape[1])):
        spread = ((means - (1 - rate)) ** 2).mean() / (rate * (1 - rate) / number)
        assert 0.85 < float(spread) < 1.15


@pytest.mark.parametrize("rate", [0.1, 0.5])
@pytest.mark.parametrize(
    "what", ["channel", "channel but one", "position", "example", "site", "step", "head"]
)
def test_neighbours_are_independent(what, rate):
    rows = tokens()
    one = bits(rows, rate=rate)
    if what.startswith("channel"):
        away = 2 if what.endswith("one") else 1
        pair = one[..., :-away], one[..., away:]
    elif what == "position":
        pair = one[:, :-1], one[:, 1:]
    elif what == "example":
        pair = one[:-1], one[1:]
    elif what == "site":
        pair = one, bits(rows, site=2, rate=rate)
    elif what == "step":
        pair = one, bits(tokens(step=1), rate=rate)
    else:
        heads = bits(rows_of_heads(rows[:10], 12), rate=rate)
        pair = heads[:, :-1], heads[:, 1:]
    assert_independent(*pair, rate)


def test_runs_are_as_long_as_those_of_a_coin():
    flips = bits(tokens()).flatten()
    runs = 1 + int((flips[1:] != flips[:-1]).sum())
    number = flips.numel()
    assert abs(runs - number / 2) < 4 * math.sqrt(number) / 2  # Wald and Wolfowitz 1940


def test_bytes_of_neighbouring_channels_are_uniform():
    flips = bits(tokens()).view(-1, 8).long()
    counts = (flips << torch.arange(8)).sum(1).bincount(minlength=256).double()
    expected = len(flips) / 256
    chi = float(((counts - expected) ** 2 / expected).sum())
    assert abs(chi - 255) < 4 * math.sqrt(2 * 255)


def read(counter: Counter, module: nn.Module, keys: torch.Tensor, values: torch.Tensor):
    counter.begin(keys, values.shape[1])
    return module(values)


def counted(rate: float = 0.3) -> tuple[Counter, nn.Module]:
    counter = Counter()
    model = nn.Sequential(nn.Dropout(rate), nn.Dropout(rate))
    count_dropout(model, counter)
    return counter, model.train()


def test_a_mask_is_that_of_the_window_whatever_stands_beside_it():
    counter, model = counted()
    windows = keys()[:4]
    whole = read(counter, model, windows, torch.ones(4, 9, 32))
    turned = read(counter, model, windows.flip(0), torch.ones(4, 9, 32)).flip(0)
    wider = read(counter, model, windows, torch.ones(4, 13, 32))[:, :9]
    alone = torch.cat([read(counter, model, key[None], torch.ones(1, 9, 32)) for key in windows])
    for other in (turned, wider, alone):
        assert torch.equal(whole, other)
    assert not torch.equal(whole[0], whole[1])
    assert not torch.equal(whole, read(counter, model, windows + 1, torch.ones(4, 9, 32)))


def test_texts_tokens_and_attention_are_counted_apart():
    counter, model = counted()
    dropout = model[0]
    counter.begin(keys()[:3], 5)
    text, token = dropout(torch.ones(3, 64)), dropout(torch.ones(3, 5, 64))
    attention = dropout(torch.ones(3, 2, 5, 64))
    assert not torch.equal(text, token[:, 0])
    assert not torch.equal(attention[:, 0], attention[:, 1])
    assert not torch.equal(attention[:, 0], token)


def test_a_module_that_is_used_twice_has_two_masks_and_the_same_two_again():
    counter, model = counted()
    counter.begin(keys()[:3], 5)
    first = [model[0](torch.ones(3, 5, 64)) for _ in range(2)]
    counter.begin(keys()[:3], 5)
    again = [model[0](torch.ones(3, 5, 64)) for _ in range(2)]
    assert not torch.equal(*first)
    assert all(torch.equal(*pair) for pair in zip(first, again, strict=True))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_values_are_kept_or_zero_and_the_gradient_has_the_same_mask(dtype):
    values = torch.randn(10, 200, dtype=dtype, requires_grad=True)
    dropped = drop(values, tokens()[0, :10], 3, 0.25)
    dropped.sum().backward()
    is_kept = dropped != 0
    assert 0.6 < float(is_kept.double().mean()) < 0.9
    assert torch.equal(dropped[is_kept], (values * (1 / 0.75))[is_kept])
    assert torch.equal(values.grad != 0, is_kept)


def test_what_is_not_a_number_does_not_survive_being_dropped():
    values = torch.full((4, 100), math.nan)
    dropped = drop(values, tokens()[0, :4], 3, 0.5)
    assert set(dropped.nan_to_num(7).unique().tolist()) == {0, 7}


def test_no_generator_is_touched():
    counter, model = counted()
    before = torch.get_rng_state()
    read(counter, model, keys()[:4], torch.ones(4, 9, 32))
    assert torch.equal(before, torch.get_rng_state())


def test_without_keys_it_is_the_usual_dropout():
    module = CountedDropout(0.3).train()
    torch.manual_seed(5)
    drawn = module(torch.ones(4, 9, 32))
    torch.manual_seed(5)
    assert torch.equal(drawn, nn.functional.dropout(torch.ones(4, 9, 32), 0.3))
    assert torch.equal(module.eval()(drawn), drawn)


@pytest.mark.parametrize(("rate", "mean"), [(0.0, 1.0), (1.0, 0.0)])
def test_the_ends_of_the_rate(rate, mean):
    counter, model = counted(rate)
    assert float(read(counter, model, keys()[:4], torch.ones(4, 9, 32)).mean()) == mean
