"""Gradient checkpointing computes the layers of an encoder from scratch twice, to the same bits."""

import pytest
import torch

from tests.encoders.word_loops import EXAMPLES
from toolkit.encoders.layers import layers_of
from toolkit.encoders.recurrent import Gru, Lstm, Rnn
from toolkit.encoders.transformer import Transformer
from toolkit.models.batch import collate, padding_of
from toolkit.models.model import build_model
from toolkit.models.recompute import recompute_layers
from toolkit.tasks.token_classification import TokenClassification

SMALL = {"embedding": 8, "min_count": 1, "dropout": 0.5, "layers": 2}
TASK = TokenClassification().learn(EXAMPLES)


def run(encoder, is_recomputed):
    """The loss, the gradients, and how often a layer was computed."""
    tokenizer = encoder.tokenizer(text for example in EXAMPLES for text in TASK.texts(example))
    torch.manual_seed(1)
    model = build_model(TASK, encoder, tokenizer).train()
    calls = []
    for layer in layers_of(model.encoder).values():
        compute = layer.forward
        layer.forward = lambda *args, compute=compute: calls.append(1) or compute(*args)
    if is_recomputed:
        recompute_layers(model)
    windows = [w for each in EXAMPLES[:6] for w in TASK.windows(each, tokenizer, 32, 8)]
    batch = collate(windows, padding_of(tokenizer), keys=range(len(windows)))
    loss = model(batch.inputs, batch.targets, keys=batch.keys).loss
    loss.backward()
    return loss.detach(), [p.grad for p in model.parameters()], len(calls)


@pytest.mark.parametrize("encoder", [Lstm, Gru, Rnn, Transformer])
def test_loss_and_gradients_are_the_same(encoder):
    loss, gradients, calls = run(encoder(**SMALL), False)
    again, recomputed, more = run(encoder(**SMALL), True)
    assert (calls, more) == (2, 4)
    assert torch.equal(again, loss)
    for one, other in zip(gradients, recomputed, strict=True):
        assert torch.equal(one, other)
