"""Each layer learns more slowly than the one above it."""

import pytest

from tests.training.test_steps import loop_of, sentences
from toolkit.encoders.adapter import Lora
from toolkit.encoders.layers import depths_of, layers_of
from toolkit.encoders.pretrained import Pretrained
from toolkit.models.model import build_model
from toolkit.recipe.schema import Train
from toolkit.tasks.token_classification import TokenClassification
from toolkit.training.optimiser import build_optimiser
from toolkit.training.steps import steps

TASK = TokenClassification(labels=("O", "B-PER", "I-PER"))


def rates_of(model, optimiser):
    """The highest rate and the decay of every trained parameter."""
    names = {id(p): name for name, p in model.named_parameters()}
    return {
        names[id(p)]: (group["highest"], group["weight_decay"])
        for group in optimiser.param_groups
        for p in group["params"]
    }


def test_rates_of_every_family_fall_with_the_depth(checkpoints, family):
    encoder = Pretrained(checkpoint=checkpoints[family])
    model = build_model(TASK, encoder, encoder.tokenizer())
    train = Train(learning_rate=1e-3, head_learning_rate=1e-2, layer_decay=0.5)
    rates = rates_of(model, build_optimiser(model, train))
    top = len(layers_of(model.encoder)) + 1
    depths = depths_of(model.encoder)
    for name, parameter in model.named_parameters():
        rate, decay = rates[name]
        if name.startswith("head."):
            assert rate == 1e-2, name
        else:
            depth = depths[name.removeprefix("encoder.")]
            assert rate == pytest.approx(1e-3 * 0.5 ** (top - depth)), name
        assert decay == (0.01 if parameter.dim() > 1 else 0.0), name
    assert min(rate for rate, _ in rates.values()) == pytest.approx(1e-3 * 0.5**top)


def test_a_new_attention_over_the_tokens_learns_at_the_rate_of_the_head(checkpoints):
    encoder = Pretrained(checkpoint=checkpoints["bert"], head="own", summary="attention")
    model = build_model(TASK, encoder, encoder.tokenizer())
    train = Train(learning_rate=1e-5, head_learning_rate=1e-2, layer_decay=0.5)
    rates = rates_of(model, build_optimiser(model, train))
    assert rates["encoder.pooling.query"] == (1e-2, 0.0)


def test_an_adapter_has_the_rate_of_its_layer(checkpoints):
    encoder = Pretrained(checkpoint=checkpoints["bert"], adapter=Lora(type="lora"))
    model = build_model(TASK, encoder, encoder.tokenizer())
    rates = rates_of(model, build_optimiser(model, Train(learning_rate=1.0, layer_decay=0.5)))
    for name, (rate, _) in rates.items():
        assert rate == (0.25 if ".layer.0." in name else 0.5 if ".layer.1." in name else 1.0)


def test_the_schedule_multiplies_every_rate(checkpoints):
    loop = loop_of(checkpoints["bert"], sentences(8), epochs=2, layer_decay=0.5)
    first, second = ([group["lr"] for group in loop.optimiser.param_groups] for _ in steps(loop))
    assert second == [rate / 2 for rate in first]
    assert max(first) == 5e-5


def test_a_decay_of_one_is_no_decay(checkpoints):
    plain = list(steps(loop_of(checkpoints["bert"], sentences(16), epochs=2)))
    decayed = list(steps(loop_of(checkpoints["bert"], sentences(16), epochs=2, layer_decay=1.0)))
    assert plain == decayed
