"""Memory that does not hold a step: it is computed again in smaller pieces, and the run goes on."""

import json

import pytest
import torch

import toolkit
from tests.recipes import interrupt, pretrained, write_recipe
from tests.short_memory import MESSAGES, PLACES, short_memory
from tests.training.test_steps import loop_of, sentences
from toolkit.training.events import Note
from toolkit.training.memory import MemoryLimitError, is_out_of_memory
from toolkit.training.steps import Halved, Step, steps


@pytest.mark.parametrize("kind", MESSAGES, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("place", PLACES)
def test_a_step_that_memory_does_not_hold_is_computed_again_in_halves(checkpoints, kind, place):
    examples = sentences(24)
    whole = list(steps(loop_of(checkpoints["bert"], examples, dropout=0.2, epochs=1)))
    with short_memory(40, place, kind) as refused:
        events = list(steps(loop_of(checkpoints["bert"], examples, dropout=0.2, epochs=1)))
    halved = [event for event in events if isinstance(event, Halved)]
    assert halved
    assert [event.tokens for event in halved] == refused
    assert [event.most for event in halved] == [tokens // 2 for tokens in refused]
    found = [event for event in events if isinstance(event, Step)]
    assert [step.number for step in found] == [1, 2, 3]
    for one, other in zip(whole, found, strict=True):
        assert other.loss == pytest.approx(one.loss, rel=1e-5)
        assert other.grad_norm == pytest.approx(one.grad_norm, rel=1e-5)
        assert other[-3:] == one[-3:]


def test_from_then_on_no_more_is_computed_at_once(checkpoints):
    with short_memory(40) as refused:
        events = list(steps(loop_of(checkpoints["bert"], sentences(64), epochs=3)))
    kinds = [type(event) for event in events]
    last = max(n for n, kind in enumerate(kinds) if kind is Halved)
    assert last < 6  # all the others were spared the attempt
    assert len(refused) == kinds.count(Halved) <= 3


def test_a_single_example_that_does_not_fit_is_an_error_that_says_what_to_do(checkpoints):
    loop = loop_of(checkpoints["bert"], sentences(8))
    with short_memory(5), pytest.raises(MemoryLimitError) as caught:
        list(steps(loop))
    text = str(caught.value)
    assert text.startswith("step 1: memory does not hold one example of ")
    assert "train.gradient_checkpointing: true" in text
    assert "model.max_length" in text


def test_other_errors_are_no_lack_of_memory(checkpoints, monkeypatch):
    assert not is_out_of_memory(RuntimeError("shape '[2]' is invalid for input of size 3"))
    assert not is_out_of_memory(KeyboardInterrupt())
    loop = loop_of(checkpoints["bert"], sentences(8))

    def broken(*_, **__):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(loop.model.head, "forward", broken)
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        next(steps(loop))


def test_what_torch_says_when_an_allocation_fails_is_recognised():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)


FEW = 400  # tokens: fewer than a step has, whatever pieces the tokenizer learned


@pytest.fixture
def recipe(checkpoints, tmp_path):
    return write_recipe(tmp_path, pretrained(checkpoints["bert"]))


def recorded(folder):
    return json.loads((folder / "memory.json").read_text())


def test_a_run_says_and_records_what_memory_did_not_hold(recipe, tmp_path):
    events = []
    with short_memory(FEW):
        finished = toolkit.finetune(toolkit.load_recipe(recipe), watch=events.append)
    notes = [event.text for event in events if isinstance(event, Note) and "memory" in event.text]
    budgets = recorded(finished.folder)
    assert notes
    assert notes[0].startswith(f"step {next(iter(budgets))}: memory does not hold ")
    assert notes[0].endswith("from here on")
    assert sum(isinstance(event, Step) for event in events) == 10


def test_a_run_that_memory_cut_goes_on_with_the_same_bits(recipe, tmp_path):
    with short_memory(FEW):
        whole = toolkit.finetune(toolkit.load_recipe(recipe, "train.checkpoint_every=2"))
    budgets = recorded(whole.folder)
    there = toolkit.load_recipe(recipe, "train.checkpoint_every=2", f"run.folder={tmp_path}/cut")
    with short_memory(FEW):
        interrupt(there, lambda event: isinstance(event, Step) and event.number == 4)
    # the machine that goes on has all the memory that there is, and computes what happened
    again = toolkit.finetune(there)
    assert recorded(again.folder) == budgets
    for name in ("model/model.safetensors", "metrics.jsonl", "results.json"):
        ours, theirs = (folder / name for folder in (again.folder, whole.folder))
        assert ours.read_bytes() == theirs.read_bytes(), name


def test_a_step_before_the_failure_is_computed_as_it_was(recipe, tmp_path):
    """Resumed behind an older checkpoint, steps are cut from the step on that memory refused."""
    loaded = toolkit.load_recipe(recipe, "train.checkpoint_every=1")
    reference = toolkit.finetune(loaded)
    first = toolkit.load_recipe(recipe, "train.checkpoint_every=1", f"run.folder={tmp_path}/two")
    interrupt(first, lambda event: isinstance(event, Step) and event.number == 3)
    (tmp_path / "two" / "small" / "memory.json").write_text('{"6": 30}')
    toolkit.finetune(first)
    lines = [
        (folder / "metrics.jsonl").read_text().splitlines()
        for folder in (reference.folder, tmp_path / "two" / "small")
    ]
    steps_of = [[line for line in each if "grad_norm" in line] for each in lines]
    same = [one == other for one, other in zip(*steps_of, strict=True)]
    assert all(same[:5])
    assert not all(same[5:])
