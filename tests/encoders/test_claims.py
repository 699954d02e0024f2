"""What docs/models.md says of the models: the claims themselves, beside the tables of the guide."""

import importlib.util
from pathlib import Path

import pytest
import torch

from toolkit.encoders.recurrent import Gru, Lstm, Rnn
from toolkit.encoders.transformer import Transformer

SCRIPT = Path(__file__).parents[2] / "docs" / "models.py"
SMALL = {"embedding": 16, "min_count": 1}


@pytest.fixture(scope="module")
def models():
    spec = importlib.util.spec_from_file_location("models", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def shares(models):
    return {arm.name: models.gradient_shares(arm) for arm in models.ARMS}


def test_gradients_vanish_through_the_steps_of_an_rnn(shares):
    rnn = shares["RNN"]
    assert rnn[0] == 1
    for nearer, farther in zip(rnn[0::10], rnn[10::10], strict=False):
        assert farther < 1e-2 * nearer  # each ten steps a hundredth at most


def test_gradients_do_not_vanish_through_the_cell_of_an_lstm_with_an_open_gate(shares):
    assert min(shares["LSTM, forget gate +3"]) > 0.5


def test_the_opener_the_gate_the_farther_the_gradient_reaches(shares):
    gates = [shares[f"LSTM, forget gate {gate}"][20] for gate in ("0", "+1 (ours)", "+3")]
    assert gates[0] < 1e-2 * gates[1] < 1e-3 * gates[2]
    assert shares["GRU"][20] < 1e-3 * shares["GRU, update gate +3"][20]


def test_the_share_is_that_of_the_equations(models, monkeypatch):
    """Of one number a gradient can be written down: the product of U and the slopes of tanh."""
    monkeypatch.setattr(models, "WIDTH", 1)
    torch.manual_seed(0)
    cell = models.ARMS[0].layer(1, 1).double().layers[0][0]
    inputs = torch.randn(1, 3, 1, dtype=torch.float64)
    hidden, slopes = torch.zeros(1, 1, dtype=torch.float64), []
    for step in range(3):
        (hidden,) = cell.step(inputs[:, step], hidden)
        slopes.append(float(((1 - hidden**2) * cell.weight_hidden).detach()))
    expected = [1, abs(slopes[2]), abs(slopes[2] * slopes[1])]
    assert models.gradient_shares(models.ARMS[0], steps=3, texts=1) == pytest.approx(expected)


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_without_positions_a_transformer_does_not_know_the_order(models, norm):
    shape = {"width": 16, "layers": 3, "norm": norm, **SMALL}
    assert models.order_change(Transformer(positions="none", **shape)) < 1e-12
    for positions in ("sinusoidal", "learned"):
        assert models.order_change(Transformer(positions=positions, **shape)) > 0.01


@pytest.mark.parametrize("encoder", [Rnn, Gru, Lstm])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_recurrent_network_always_knows_the_order(models, encoder, bidirectional):
    assert models.order_change(encoder(hidden=16, bidirectional=bidirectional, **SMALL)) > 0.3


def test_a_packed_recurrence_does_not_see_padding_and_a_loop_over_it_does(models):
    for arm in models.ARMS:
        for padding in (1, 7):
            packed, along = models.padding_changes(arm, padding)
            assert packed == 0
            assert along > 0.05
