"""Leaving rows of the vocabulary out of training gives what training all of them gives."""

from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModel

import toolkit
from tests.checkpoints import make_tokenizer
from tests.recipes import pretrained, write_recipe
from tests.training.test_steps import loop_of, sentences
from toolkit import stopping
from toolkit.models import vocabulary
from toolkit.models.model import weights_of
from toolkit.models.vocabulary import compact
from toolkit.training.optimiser import build_optimiser, state_of
from toolkit.training.processes import Processes
from toolkit.training.steps import Loop, Step, steps


@pytest.fixture(autouse=True)
def _worth_while(monkeypatch):
    monkeypatch.setattr(vocabulary, "_FEWEST", 1)


def compacted(checkpoint: str, examples, **train) -> Loop:
    loop = loop_of(checkpoint, examples, dropout=0.1, **train)
    ids = {
        token
        for row in range(len(examples))
        for window in loop.windows(row)
        for token in window.inputs["input_ids"]
    }
    found = compact(loop.model, np.array(sorted(ids)))
    assert found is not None
    assert len(found.rows) < len(found.table)
    return loop._replace(vocabulary=found, optimiser=build_optimiser(loop.model, loop.train))


@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert", "albert"])
@pytest.mark.parametrize(("decay", "tolerance"), [(0.0, 0.0), (0.1, 1e-7)])
def test_the_weights_are_those_of_training_every_row(checkpoints, family, decay, tolerance):
    examples = sentences(24)
    plain = loop_of(checkpoints[family], examples, dropout=0.1, weight_decay=decay)
    loop = compacted(checkpoints[family], examples, weight_decay=decay)
    for one, other in zip(steps(plain), steps(loop), strict=True):
        # the norm of fewer zeros is summed in another order
        assert other.grad_norm == pytest.approx(one.grad_norm, rel=1e-5)
        assert other.loss == pytest.approx(one.loss, rel=1e-5)
        if one.number == 4:
            with loop.whole():
                assert_same(plain.model, loop.model, max(tolerance, 1e-6))
    loop.vocabulary.finish()
    assert_same(plain.model, loop.model, max(tolerance, 1e-6))


def assert_same(plain, other, tolerance):
    expected, found = weights_of(plain), weights_of(other)
    assert list(expected) == list(found)
    for name, tensor in expected.items():
        assert torch.allclose(tensor, found[name], atol=tolerance, rtol=0), name


def test_rows_that_are_not_in_use_are_untouched_to_the_bit_without_decay(checkpoints):
    loop = compacted(checkpoints["bert"], sentences(24), weight_decay=0.0)
    before = loop.vocabulary.table.detach().clone()
    list(steps(loop))
    loop.vocabulary.finish()
    after = loop.model.encoder.word_embedding().weight
    others = torch.ones(len(before), dtype=torch.bool)
    others[loop.vocabulary.used] = False
    assert torch.equal(before[others], after[others])
    assert not torch.equal(before, after)


def test_inside_whole_every_token_can_be_read(checkpoints):
    loop = compacted(checkpoints["bert"], sentences(8))
    table = loop.model.encoder.word_embedding()
    everything = torch.arange(len(loop.vocabulary.table))
    with loop.whole():
        assert torch.equal(table(everything), loop.vocabulary.table)
    used = loop.vocabulary.used
    assert torch.equal(table(used), loop.vocabulary.table[used])


def test_the_optimiser_keeps_moments_of_the_rows_in_use_only(checkpoints):
    loop = compacted(checkpoints["bert"], sentences(8), epochs=1)
    list(steps(loop))
    state = state_of(loop.optimiser, loop.model)
    name = "encoder.base.embeddings.word_embeddings.weight/exp_avg"
    assert state[name].shape == loop.vocabulary.rows.shape


def test_a_tied_a_frozen_and_a_small_table_stay_as_they_are(checkpoints, monkeypatch):
    model = loop_of(checkpoints["bert"], sentences(8)).model
    table = model.encoder.word_embedding()
    few = np.arange(5)
    model.head.tied = torch.nn.Linear(1, 1)
    model.head.tied.weight = table.weight
    assert compact(model, few) is None
    del model.head.tied
    table.weight.requires_grad_(False)
    assert compact(model, few) is None
    table.weight.requires_grad_(True)
    monkeypatch.setattr(vocabulary, "_FEWEST", 10**9)
    assert compact(model, few) is None


def test_stopped_between_two_checkpoints_it_ends_with_the_same_bits(
    checkpoints, tmp_path, monkeypatch
):
    changes = ("train.weight_decay=0.1", "train.checkpoint_every=5")  # steps 5 and 10 of 10
    recipe = write_recipe(tmp_path, pretrained(checkpoints["bert"]))

    def run(name: str, *stops: int) -> bytes:
        load = partial(toolkit.load_recipe, recipe, *changes, f"run.name={name}")
        for number in stops:
            with monkeypatch.context() as patch:

                def ask(event: object, number: int = number, patch: Any = patch) -> None:
                    if isinstance(event, Step) and event.number == number:
                        patch.setattr(Processes, "stop", lambda self: stopping.TERMINATED)

                patch.setattr(stopping, "_state", stopping._State())  # which a stop changes
                with pytest.raises(stopping.Stopped):
                    toolkit.finetune(load(), watch=ask)
        toolkit.finetune(load())
        return (tmp_path / "runs" / name / "model" / "model.safetensors").read_bytes()

    assert run("often", 2, 3, 7) == run("never")


def test_what_pads_a_batch_is_read_as_itself_where_the_embedding_names_another_entry(tmp_path):
    tokenizer = make_tokenizer("electra")
    shape = {"hidden_size": 32, "embedding_size": 32, "num_hidden_layers": 1}
    config = AutoConfig.for_model(
        "convbert",  # whose convolutions see padding
        vocab_size=len(tokenizer),
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=64,
        pad_token_id=tokenizer.pad_token_id + 1,
        **shape,
    )
    torch.manual_seed(0)
    for part in (tokenizer, AutoModel.from_config(config)):
        part.save_pretrained(tmp_path / "convbert")
    recipe = write_recipe(tmp_path, pretrained(str(tmp_path / "convbert")), num_train=16)

    def weights(name: str, *, compacts: bool) -> dict[str, torch.Tensor]:
        changes = (f"train.compact_vocabulary={str(compacts).lower()}", f"run.name={name}")
        loaded = toolkit.load_recipe(recipe, "train.epochs=1", *changes)
        return load_file(toolkit.finetune(loaded).folder / "model" / "model.safetensors")

    expected = weights("every-row", compacts=False)
    for name, tensor in weights("some-rows", compacts=True).items():
        assert torch.allclose(tensor, expected[name], atol=1e-6, rtol=0), name
