import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from toolkit.errors import ToolkitError
from toolkit.models.int8 import Int8Linear, quantise


@given(st.integers(1, 40), st.integers(1, 40), st.booleans(), st.integers(0, 99))
def test_8_bits_are_near_float32(inputs, outputs, has_bias, seed):
    torch.manual_seed(seed)
    linear = nn.Linear(inputs, outputs, bias=has_bias)
    values = torch.randn(3, 5, inputs)
    found, expected = Int8Linear(linear)(values), linear(values)
    assert found.shape == expected.shape
    # each factor is off by half a step at most: 1/254 of the largest of its row
    most = inputs * values.abs().amax() * linear.weight.abs().amax() * (2 / 254 + 1 / 254**2)
    assert (found - expected).abs().max() <= most


def test_a_row_does_not_depend_on_the_others():
    torch.manual_seed(0)
    layer = Int8Linear(nn.Linear(16, 8))
    values = torch.randn(6, 16)
    values[3] *= 1000
    alone = torch.cat([layer(row[None]) for row in values])
    assert torch.equal(layer(values), alone)


def test_zeros_give_the_bias():
    linear = nn.Linear(4, 3)
    assert torch.equal(Int8Linear(linear)(torch.zeros(2, 4)), linear.bias.expand(2, 3))


def test_only_plain_linear_layers_are_put_in_8_bits():
    class Own(nn.Linear):
        pass

    module = nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4)))
    module.append(Own(4, 4))
    assert quantise(module) == 2
    assert isinstance(module[1][0], Int8Linear)
    assert type(module[2]) is Own


@pytest.mark.parametrize("shape", [(0, 4), (1, 4), (2, 0, 4)])
def test_no_rows_and_one_row_are_fine(shape):
    assert Int8Linear(nn.Linear(4, 3))(torch.zeros(shape)).shape == (*shape[:-1], 3)


def test_sums_that_come_out_wrong_are_refused(monkeypatch):
    monkeypatch.setattr(torch, "_int_mm", lambda a, b: (a.int() @ b.int()) + 1)
    with pytest.raises(ToolkitError, match="8-bit products come out wrong"):
        quantise(nn.Sequential(nn.Linear(4, 3)))
