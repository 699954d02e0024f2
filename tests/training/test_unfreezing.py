"""Gradual unfreezing: by the number of the step alone, on one process, on two, and resumed."""

import pytest
import torch
from safetensors.torch import load_file, save_file

import toolkit
from tests.checkpoints import make_checkpoint
from tests.forked import run_forked
from tests.recipes import pretrained, write_recipe
from tests.training.test_processes import steps as logged_steps
from tests.training.test_steps import loop_of, sentences
from toolkit.errors import RunError
from toolkit.training.events import Note, Resumed, Started
from toolkit.training.optimiser import state_of
from toolkit.training.steps import Step, steps
from toolkit.training.unfreezing import Unfreezing

GRADUAL = ("train.unfreeze_every=2", "train.layer_decay=0.8")


def gradual_loop(checkpoint, every, **train):
    loop = loop_of(checkpoint, sentences(32), unfreeze_every=every, **train)
    return loop._replace(unfreezing=Unfreezing.of(loop.model, loop.train, loop.plan))


def trained_depths(loop):
    depths = loop.unfreezing.depths
    return {depths.get(name, 3) for name, p in loop.model.named_parameters() if p.requires_grad}


def test_the_head_first_then_a_layer_at_a_time_from_the_top(checkpoints):
    loop = gradual_loop(checkpoints["bert"], 2)
    seen, held = [], []
    for step in steps(loop):
        seen.append(trained_depths(loop))
        held.append({name.rpartition("/")[0] for name in state_of(loop.optimiser, loop.model)})
        # Adam knows of exactly what has been trained: a new parameter starts afresh
        now = {name for name, p in loop.model.named_parameters() if p.requires_grad}
        assert held[-1] == now, step.number
    assert seen[:8] == [{3}] * 2 + [{2, 3}] * 2 + [{1, 2, 3}] * 2 + [{0, 1, 2, 3}] * 2
    assert seen[8:] == [{0, 1, 2, 3}] * 4


def test_a_frozen_layer_keeps_its_bits_until_its_turn(checkpoints):
    loop = gradual_loop(checkpoints["bert"], "epoch", epochs=2)
    before = {name: p.detach().clone() for name, p in loop.model.named_parameters()}
    for step in steps(loop):
        if step.number == loop.plan.steps_per_epoch:
            for name, parameter in loop.model.named_parameters():
                assert torch.equal(parameter, before[name]) != name.startswith("head."), name
    assert not torch.equal(
        loop.model.encoder.base.encoder.layer[1].output.dense.weight,
        before["encoder.base.encoder.layer.1.output.dense.weight"],
    )
    assert loop.unfreezing.left_out(loop.plan) == 2


def test_what_is_trained_follows_from_the_step_alone(checkpoints):
    loop = gradual_loop(checkpoints["bert"], 2)
    for step in (5, 0, 3, 7, 1):
        loop.unfreezing.apply(loop.model, step)
        assert min(trained_depths(loop)) == max(0, 3 - step // 2)
        assert not loop.unfreezing.apply(loop.model, step)


@pytest.mark.parametrize("adapter", ["null", "{type: lora, dropout: 0.1}"], ids=["whole", "lora"])
def test_a_resumed_run_has_the_same_bits(checkpoints, tmp_path, adapter):
    recipe = write_recipe(tmp_path, pretrained(checkpoints["bert"]), num_train=24, num_dev=4)
    overrides = (
        *GRADUAL, f"model.adapter={adapter}", "train.freeze.names=[word_embeddings]",
        "train.checkpoint_every=1", "evaluate.resamples=0",
    )  # fmt: skip
    whole = toolkit.finetune(toolkit.load_recipe(recipe, *overrides))
    other = toolkit.load_recipe(recipe, *overrides, f"run.folder={tmp_path}/other")
    for number in (2, 4):  # at a boundary and behind one
        with pytest.raises(KeyboardInterrupt):
            toolkit.finetune(other, watch=stop_at(number))
    events = []
    resumed = toolkit.finetune(other, watch=events.append)
    assert Resumed(3) in events
    weights = "model.safetensors" if adapter == "null" else "adapter_model.safetensors"
    for name in (f"model/{weights}", "metrics.jsonl", "predictions-test.jsonl"):
        assert (resumed.folder / name).read_bytes() == (whole.folder / name).read_bytes(), name
    newest = max((whole.folder / "checkpoints").glob("step-*"))
    saved = load_file(newest / "weights.safetensors")
    assert not any("word_embeddings" in name for name in saved)
    assert adapter == "null" or all("lora" in name or "head" in name for name in saved)


def stop_at(number):
    """Interrupt a run when a step was made."""

    def stop(event):
        if isinstance(event, Step) and event.number == number:
            raise KeyboardInterrupt

    return stop


def test_frozen_weights_that_changed_under_a_run_are_refused(tmp_path):
    make_checkpoint("distilbert", tmp_path / "base")
    recipe = write_recipe(tmp_path, pretrained(str(tmp_path / "base")))
    loaded = toolkit.load_recipe(recipe, "train.freeze.embeddings=true")
    with pytest.raises(KeyboardInterrupt):
        toolkit.finetune(loaded, watch=stop_at(6))
    file = tmp_path / "base" / "model.safetensors"
    weights = load_file(file)
    weights["embeddings.word_embeddings.weight"][0, 0] += 1
    save_file(weights, file, {"format": "pt"})
    with pytest.raises(RunError, match="the frozen weights are not those that this run began with"):
        toolkit.finetune(loaded)


def test_what_is_never_reached_is_said_and_what_is_trained_is_counted(checkpoints, tmp_path):
    recipe = write_recipe(tmp_path, pretrained(checkpoints["bert"]))
    events = []
    settings = ("train.unfreeze_every=epoch", "train.freeze.embeddings=true")
    toolkit.finetune(toolkit.load_recipe(recipe, *settings), watch=events.append)
    notes = [event.text for event in events if isinstance(event, Note)]
    assert "train.unfreeze_every: the run ends before the lowest 1 are trained" in notes
    (started,) = (event for event in events if isinstance(event, Started))
    assert 0 < started.num_trained < started.num_parameters


def test_two_processes_train_what_one_does(tmp_path):
    make_checkpoint("bert", tmp_path / "bert", dropout=0.0)
    recipe = write_recipe(tmp_path, pretrained(str(tmp_path / "bert")), num_train=33, num_dev=4)
    adapter = (
        "model.adapter.type=lora", "model.adapter.rank=4", "train.gradient_checkpointing=true",
        "train.unfreeze_every=3",
    )  # fmt: skip
    for name, overrides in (("gradual", GRADUAL), ("adapter", adapter)):
        folder = f"run.folder={tmp_path}/one-{name}"
        one = toolkit.finetune(toolkit.load_recipe(recipe, *overrides, folder)).folder
        two = run_forked(recipe, f"two-{name}", *overrides)
        assert len(logged_steps(one)) == 10
        for here, there in zip(logged_steps(one), logged_steps(two), strict=True):
            assert there["loss"] == pytest.approx(here["loss"], rel=1e-5), name
            assert there["grad_norm"] == pytest.approx(here["grad_norm"], rel=1e-4), name
