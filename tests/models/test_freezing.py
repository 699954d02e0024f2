"""What a recipe freezes stays as it is, and what it names wrongly is said."""

import pytest

from toolkit.encoders.adapter import Lora
from toolkit.encoders.pretrained import Pretrained
from toolkit.encoders.recurrent import Lstm
from toolkit.encoders.weights import is_part
from toolkit.errors import RecipeError
from toolkit.models.freezing import freeze, frozen_hash, needs_layers
from toolkit.models.model import build_model, count_parameters
from toolkit.recipe.schema import Freeze, Train
from toolkit.tasks.token_classification import TokenClassification
from toolkit.training.optimiser import build_optimiser

TASK = TokenClassification(labels=("O", "B-PER", "I-PER"))


def model_of(checkpoint, **keys):
    encoder = Pretrained(checkpoint=checkpoint, **keys)
    return build_model(TASK, encoder, encoder.tokenizer())


def test_embeddings_and_the_lowest_layers_of_every_family(checkpoints, family):
    model = model_of(checkpoints[family])
    freeze(model, Freeze(embeddings=True, layers=1))
    assert 0 < count_parameters(model)[1] < count_parameters(model)[0]
    lowest = "encoder.base.encoder.albert_layer_groups.0" if family == "albert" else ".0."
    for name, parameter in model.named_parameters():
        is_frozen = "embedding" in name or (name.startswith("encoder.") and lowest in name)
        assert parameter.requires_grad != is_frozen, name
        assert (name in model.frozen) == is_frozen


@pytest.mark.parametrize(
    ("pattern", "number"),
    [
        ("encoder.base.embeddings.word_embeddings.weight", 1),
        ("embeddings", 5),
        ("layer.1", 16),
        ("layer.*.query", 4),
        ("LayerNorm", 10),
        ("encoder.*.bias", 17),
        ("head", 2),
    ],
)
def test_names_are_whole_parts_with_stars(checkpoints, pattern, number):
    model = model_of(checkpoints["bert"])
    freeze(model, Freeze(names=(pattern,)))
    assert len(model.frozen) == number


def test_a_name_that_matches_nothing_is_answered_with_the_nearest(checkpoints):
    model = model_of(checkpoints["bert"])
    with pytest.raises(RecipeError) as caught:
        freeze(model, Freeze(names=("embeddings", "LayerNrom", "laye")))
    text = str(caught.value)
    assert "train.freeze.names: 'LayerNrom' matches no parameter. Did you mean 'LayerNorm'?" in text
    assert "'laye' matches no parameter. Did you mean 'layer'?" in text
    assert "The encoder's begin with encoder.base.embeddings, encoder.base.encoder" in text
    assert model.frozen == frozenset()


def test_more_layers_than_there_are_is_refused(checkpoints):
    with pytest.raises(RecipeError, match=r"train\.freeze\.layers: found 3, but the encoder has 2"):
        freeze(model_of(checkpoints["bert"]), Freeze(layers=3))


def test_something_has_to_be_left_to_train(checkpoints):
    with pytest.raises(RecipeError, match="nothing is left to train"):
        freeze(model_of(checkpoints["bert"]), Freeze(names=("*",)))


def test_what_is_frozen_has_no_optimiser_state_and_no_decay(checkpoints):
    model = model_of(checkpoints["bert"])
    freeze(model, Freeze(embeddings=True))
    held = {
        id(p) for group in build_optimiser(model, Train()).param_groups for p in group["params"]
    }
    for name, parameter in model.named_parameters():
        assert (id(parameter) in held) == (name not in model.frozen), name


def test_an_adapter_in_a_frozen_layer_is_still_trained(checkpoints):
    model = model_of(checkpoints["bert"], adapter=Lora(type="lora"))
    before = model.frozen
    freeze(model, Freeze(embeddings=True, layers=2))
    assert model.frozen == before
    freeze(model, Freeze(names=("layer.0",)))
    assert any(is_part(name) for name in model.frozen)


def test_frozen_weights_are_told_apart_by_their_hash(checkpoints):
    model = model_of(checkpoints["bert"])
    assert frozen_hash(model) is None
    freeze(model, Freeze(embeddings=True))
    first = frozen_hash(model)
    other = model_of(checkpoints["bert"])
    other.encoder.base.embeddings.word_embeddings.weight.data[0, 0] += 1
    freeze(other, Freeze(embeddings=True))
    assert first != frozen_hash(other)


def test_an_encoder_without_layers_cannot_do_what_needs_them():
    encoder = Lstm(embedding=8, hidden=8)
    model = build_model(TASK, encoder, encoder.tokenizer([["EU", "call"]] * 2))
    model.encoder.lstm = None
    with pytest.raises(RecipeError, match=r"train\.layer_decay: the encoder has no layers"):
        needs_layers(model, "train.layer_decay")
