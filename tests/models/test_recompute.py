"""Gradient checkpointing changes neither loss nor gradient."""

import pytest
import torch

from tests.models.test_adapters import ADAPTERS, EXAMPLES, TASK
from toolkit.encoders.layers import layers_of
from toolkit.encoders.pretrained import Pretrained
from toolkit.models.batch import collate, padding_of
from toolkit.models.freezing import freeze
from toolkit.models.model import build_model
from toolkit.models.reading import WindowSize
from toolkit.models.recompute import recompute_layers
from toolkit.recipe.schema import Freeze


def run(checkpoint, is_recomputed, what=None, **keys):
    """The loss, the gradients, and how often each layer ran."""
    encoder = Pretrained(checkpoint=checkpoint, **keys)
    tokenizer = encoder.tokenizer()
    torch.manual_seed(1)
    model = build_model(TASK, encoder, tokenizer).train()
    freeze(model, what or Freeze())
    calls = []
    for layer in layers_of(model.encoder).values():
        inner = next(part for part in layer.modules() if isinstance(part, torch.nn.LayerNorm))
        inner.register_forward_pre_hook(lambda *_: calls.append(1))
    if is_recomputed:
        recompute_layers(model)
    size = WindowSize.of(encoder, model.encoder)
    windows = [w for each in EXAMPLES for w in TASK.windows(each, tokenizer, *size)]
    batch = collate(windows, padding_of(tokenizer))
    torch.manual_seed(2)  # of dropout
    loss = model(batch.inputs, batch.targets).loss
    loss.backward()
    gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    return loss.detach(), gradients, len(calls)


@pytest.mark.parametrize(
    ("what", "keys"),
    [
        (Freeze(), {}),
        (Freeze(embeddings=True), {}),
        (Freeze(), {"adapter": ADAPTERS["lora"]}),
        (Freeze(), {"adapter": ADAPTERS["ia3"], "head": "own"}),
    ],
    ids=["whole", "frozen-embeddings", "lora", "ia3"],
)
def test_loss_and_gradients_are_the_same(checkpoints, family, what, keys):
    loss, gradients, calls = run(checkpoints[family], False, what, **keys)
    again, recomputed, more = run(checkpoints[family], True, what, **keys)
    assert more == 2 * calls
    assert torch.equal(again, loss)
    assert gradients.keys() == recomputed.keys()
    for name, gradient in gradients.items():
        torch.testing.assert_close(recomputed[name], gradient, atol=1e-7, rtol=1e-5)


def test_nothing_is_computed_twice_outside_of_training(checkpoints):
    encoder = Pretrained(checkpoint=checkpoints["bert"])
    model = build_model(TASK, encoder, encoder.tokenizer()).eval()
    calls = []
    model.encoder.base.encoder.layer[0].output.register_forward_hook(lambda *_: calls.append(1))
    recompute_layers(model)
    ids = torch.tensor([[5, 6, 7]])
    scores = model({"input_ids": ids, "attention_mask": torch.ones_like(ids)}).scores
    scores.sum().backward()
    assert calls == [1]


def test_names_of_weights_stay(checkpoints):
    encoder = Pretrained(checkpoint=checkpoints["albert"])
    model = build_model(TASK, encoder, encoder.tokenizer())
    names = list(model.state_dict())
    recompute_layers(model)
    assert list(model.state_dict()) == names
