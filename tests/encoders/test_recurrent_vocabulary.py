"""Rows that training lacks are left out of an LSTM's training too, and it trains the same."""

import numpy as np
import pytest
import torch

from tests.encoders.word_loops import EXAMPLES, loop_of
from toolkit.encoders.recurrent import Lstm
from toolkit.models import vocabulary
from toolkit.models.model import weights_of
from toolkit.models.vocabulary import compact
from toolkit.training.optimiser import build_optimiser
from toolkit.training.steps import steps


@pytest.fixture
def vectors(tmp_path):
    """Vectors of half the training words and of forty others."""
    words = ["anna", "sees", "in", "park", *(f"other{n}" for n in range(40))]
    draw = np.random.default_rng(0)
    lines = (f"{word} {' '.join(f'{x:.3f}' for x in draw.normal(size=6))}\n" for word in words)
    file = tmp_path / "vectors.txt"
    file.write_text("".join(lines), encoding="utf-8")
    return str(file)


def compacted(encoder, **train):
    """A loop that trains only the rows in use."""
    loop = loop_of(encoder, **train)
    windows = [window for row in range(len(EXAMPLES)) for window in loop.windows(row)]
    found = compact(
        loop.model, np.unique([i for each in windows for i in each.inputs["input_ids"]])
    )
    assert found is not None
    return loop._replace(vocabulary=found, optimiser=build_optimiser(loop.model, loop.train))


@pytest.mark.parametrize("case", ["mark", "lower", "keep"])
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_the_weights_are_those_of_training_every_row(vectors, monkeypatch, case, decay):
    monkeypatch.setattr(vocabulary, "_FEWEST", 1)
    encoder = Lstm(embedding=6, hidden=5, min_count=1, vectors=vectors, case=case, word_dropout=0.3)
    plain = loop_of(encoder, weight_decay=decay, epochs=3)
    loop = compacted(encoder, weight_decay=decay, epochs=3)
    unknown = plain.model.encoder.unknown
    before = plain.model.encoder.embedding.weight[unknown].clone()
    assert len(loop.vocabulary.rows) <= len(loop.vocabulary.table) - 40
    for one, other in zip(steps(plain), steps(loop), strict=True):
        assert other.loss == pytest.approx(one.loss, rel=1e-5)
        assert other.grad_norm == pytest.approx(one.grad_norm, rel=1e-5)
    loop.vocabulary.finish()
    for name, weight in weights_of(plain.model).items():
        found = weights_of(loop.model)[name]
        torch.testing.assert_close(found, weight, rtol=0, atol=1e-6, msg=lambda m, n=name: n + m)
    # words were hidden, so the unknown word learned, though no window has it
    assert not torch.equal(before, plain.model.encoder.embedding.weight[unknown])


def test_frozen_vectors_are_left_whole(vectors, monkeypatch):
    monkeypatch.setattr(vocabulary, "_FEWEST", 1)
    encoder = Lstm(embedding=6, hidden=5, min_count=1, vectors=vectors, freeze_vectors=True)
    assert compact(loop_of(encoder).model, np.arange(5)) is None
