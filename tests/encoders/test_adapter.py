"""Adapters go into the layers of every family, and nothing else of the encoder is trained."""

import pytest
import torch
from transformers import AutoConfig, AutoModel

from tests.checkpoints import FAMILIES
from tests.recipes import write_recipe
from toolkit.encoders.adapter import Ia3, Lora
from toolkit.encoders.adapter_module import inject
from toolkit.encoders.adapter_targets import Targets, linear_modules, targets_of
from toolkit.encoders.layers import layers_of
from toolkit.encoders.weights import is_part
from toolkit.errors import RecipeError
from toolkit.recipe.dump import dump_recipe
from toolkit.recipe.load import load_recipe

LORA, IA3 = Lora(type="lora"), Ia3(type="ia3")
QUERIES = Targets(("query", "value"))
RESCALED = Targets(("key", "value"), ("output.dense",))
KNOWN = {
    "bert": (QUERIES, RESCALED),
    "roberta": (QUERIES, RESCALED),
    "xlm-roberta": (QUERIES, RESCALED),
    "camembert": (QUERIES, RESCALED),
    "electra": (QUERIES, RESCALED),
    "albert": (QUERIES, Targets(("key", "value"), ("ffn_output",))),
    "distilbert": (Targets(("q_lin", "v_lin")), Targets(("k_lin", "v_lin"), ("lin2",))),
    "modernbert": (Targets(("Wqkv",)), Targets(("Wqkv",), ("mlp.Wo",))),
}


def base_of(checkpoints, family):
    return AutoModel.from_pretrained(checkpoints[family])


@pytest.mark.parametrize("family", FAMILIES)
def test_the_targets_of_every_family_are_known(checkpoints, family):
    modules = linear_modules(base_of(checkpoints, family))
    assert tuple(targets_of(family, each, modules) for each in (LORA, IA3)) == KNOWN[family]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("adapter", [LORA, IA3], ids=["lora", "ia3"])
def test_only_the_adapter_in_the_layers_is_trained(checkpoints, family, adapter):
    base = base_of(checkpoints, family)
    before = {name: p.detach().clone() for name, p in base.named_parameters()}
    inject(base, adapter)
    trained = [name for name, p in base.named_parameters() if p.requires_grad]
    layers = tuple(f"{name}." for name in layers_of(base))
    assert trained
    assert all(is_part(name) and name.startswith(layers) for name in trained)
    for name, parameter in base.named_parameters():
        if not is_part(name):
            assert torch.equal(parameter, before[name.replace(".base_layer", "")])


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("adapter", [LORA, IA3], ids=["lora", "ia3"])
def test_less_than_two_percent_of_a_real_model_is_trained(family, adapter):
    with torch.device("meta"):
        base = AutoModel.from_config(AutoConfig.for_model(family))
        inject(base, adapter)
    sizes = [(p.numel(), p.requires_grad) for p in base.parameters()]
    share = sum(size for size, trained in sizes if trained) / sum(size for size, _ in sizes)
    assert 0 < share < 0.02


def test_targets_of_ones_own_are_taken(checkpoints):
    base = base_of(checkpoints, "bert")
    inject(base, Lora(type="lora", rank=2, targets=("intermediate.dense",)))
    trained = {name for name, p in base.named_parameters() if p.requires_grad}
    assert trained == {
        f"encoder.layer.{layer}.intermediate.dense.lora_{part}.default.weight"
        for layer in (0, 1)
        for part in "AB"
    }


def test_a_target_that_is_not_there_is_named_with_the_nearest(checkpoints):
    with pytest.raises(RecipeError) as caught:
        inject(base_of(checkpoints, "bert"), Lora(type="lora", targets=("querry", "value", "q")))
    text = str(caught.value)
    assert "model.adapter.targets: 'querry' is the end of no linear module" in text
    assert "Did you mean 'query'? Known: query, key, value, dense" in text
    assert "'q' is the end of no" in text
    assert "'value'" not in text


@pytest.mark.parametrize("adapter", [LORA, IA3], ids=["lora", "ia3"])
def test_an_unknown_family_asks_for_targets(adapter):
    with pytest.raises(RecipeError, match=r"model\.adapter\.targets: null, but for strange none"):
        targets_of("strange", adapter, ["layer.0.wide", "layer.0.narrow"])


def test_only_targets_can_be_rescaled_at_their_input():
    assert Ia3(type="ia3", targets=("key", "lin"), feedforward=("lin",)).faults() == []
    ((key, message),) = Ia3(type="ia3", targets=("key",), feedforward=("lin",)).faults()
    assert key == "feedforward"
    assert "'lin'" in message


@pytest.mark.parametrize(
    ("adapter", "message"),
    [
        ("{type: lara}", "type: found 'lara', expected 'lora' or 'ia3'. Did you mean 'lora'?"),
        ("{rank: 3}", "model.adapter.type: missing, expected 'lora' or 'ia3'"),
        ("lora", "found 'lora', expected a block with type: 'lora' or 'ia3', or null"),
        ("{type: lora, rnak: 3}", "model.adapter.rnak: unknown key. Did you mean 'rank'? Known"),
        ("{type: ia3, rank: 3}", "rank: unknown key. Known: type, targets, feedforward"),
        ("{type: lora, rank: 0}", "model.adapter.rank: found 0, expected a whole number of at"),
        ("{type: lora, targets: []}", "model.adapter.targets: found [], expected a list of 1 or"),
        ("{type: ia3, feedforward: [x]}", "model.adapter.feedforward: found 'x', expected only"),
    ],
)
def test_a_wrong_adapter_in_a_recipe_is_said(tmp_path, adapter, message):
    recipe = write_recipe(tmp_path, "{type: pretrained, checkpoint: some/model}")
    with pytest.raises(RecipeError) as caught:
        load_recipe(recipe, f"model.adapter={adapter}")
    assert message in str(caught.value)
    assert len(caught.value.faults) == 1


def test_a_filled_recipe_has_the_same_adapter(tmp_path):
    recipe = load_recipe(
        write_recipe(tmp_path, "{type: pretrained, checkpoint: some/model}"),
        "model.adapter={type: lora, targets: [query]}",
    )
    (tmp_path / "filled.yaml").write_text(dump_recipe(recipe))
    again = load_recipe(tmp_path / "filled.yaml")
    assert again.model == recipe.model
    assert again.model.adapter == Lora(type="lora", targets=("query",))
