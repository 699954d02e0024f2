"""Layers and depths, read off the modules of every family."""

import pytest
from torch import nn

from tests.checkpoints import FAMILIES
from toolkit.encoders.layers import depths_of, layers_of
from toolkit.encoders.pretrained import Pretrained

# what lies below the layers and is no embedding, and what lies above them
PROJECTIONS = {
    "albert": ("encoder.embedding_hidden_mapping_in",),
    "electra": ("embeddings_project",),
}
ABOVE = {"modernbert": ("final_norm",)}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_has_its_layers_and_depths(checkpoints, family):
    encoder = Pretrained(checkpoint=checkpoints[family])
    base = encoder.module(encoder.tokenizer()).base
    num_layers = 1 if family == "albert" else 2  # ALBERT's are one group
    assert len(layers_of(base)) == num_layers
    depths = depths_of(base)
    assert list(depths) == [name for name, _ in base.named_parameters()]
    below = ("embeddings", *PROJECTIONS.get(family, ()))
    for name, depth in depths.items():
        if name.startswith(below):
            assert depth == 0, name
        elif name.startswith(ABOVE.get(family, ("pooler",))):
            assert depth == num_layers + 1, name
        else:
            assert 1 <= depth <= num_layers, name
            assert num_layers == 1 or f".{depth - 1}." in name


def test_a_pooler_lies_above_the_layers(checkpoints):
    from transformers import AutoModel

    base = AutoModel.from_pretrained(checkpoints["bert"])
    assert depths_of(base)["pooler.dense.weight"] == 3


def test_an_encoder_without_a_list_of_modules_has_no_layers():
    assert layers_of(nn.Sequential(nn.Linear(2, 2))) == {}
