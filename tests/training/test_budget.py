"""How many tokens are computed at once where nobody said so."""

from types import SimpleNamespace

import pytest
import torch

import toolkit
from tests.recipes import pretrained, write_recipe
from tests.short_memory import PLACES, short_memory
from tests.training.test_steps import loop_of, sentences
from toolkit.training.budget import ON_A_CPU, fitting_tokens, resolved_budget
from toolkit.training.memory import MemoryLimitError
from toolkit.training.steps import steps


@pytest.mark.parametrize("place", PLACES)
def test_the_probe_finds_what_memory_holds_and_leaves_no_trace(checkpoints, place):
    examples = sentences(40)
    loop = loop_of(checkpoints["bert"], examples)
    expected = list(steps(loop_of(checkpoints["bert"], examples)))
    with short_memory(50, place) as refused:
        found = fitting_tokens(loop)
    assert refused
    assert found == refused[-1] // 2 <= 50
    assert all(parameter.grad is None for parameter in loop.model.parameters())
    assert not loop.optimiser.state
    assert list(steps(loop)) == expected


def test_what_was_found_is_never_refused(checkpoints):
    loop = loop_of(checkpoints["bert"], sentences(40))
    with short_memory(50) as refused:
        train = loop.train.model_copy(update={"tokens_per_micro_batch": fitting_tokens(loop)})
        refused.clear()
        found = list(steps(loop._replace(train=train)))
    assert refused == []
    assert len(found) == loop.plan.num_steps


def test_a_part_of_a_step_that_fits_as_a_whole_is_not_cut(checkpoints):
    examples = sentences(40)
    loop = loop_of(checkpoints["bert"], examples, micro_batches=2)
    found = fitting_tokens(loop)
    longest = sorted((len(example.words) + 2 for example in examples), reverse=True)
    assert found >= sum(longest[:4])  # words have one piece or more


def test_an_example_that_does_not_fit_ends_before_the_first_step(checkpoints):
    loop = loop_of(checkpoints["bert"], sentences(40))
    with short_memory(5), pytest.raises(MemoryLimitError, match="before the first step: memory"):
        fitting_tokens(loop)


def test_a_model_that_does_not_fit_with_its_optimiser_is_an_error(checkpoints, monkeypatch):
    loop = loop_of(checkpoints["bert"], sentences(8))

    def refuse(_):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr("toolkit.training.budget.empty_like", refuse)
    with pytest.raises(MemoryLimitError, match="memory does not hold what training keeps of"):
        fitting_tokens(loop)


@pytest.mark.parametrize(("asked", "expected"), [("auto", ON_A_CPU), (77, 77), (None, None)])
def test_the_budget_of_a_run_is_written_into_its_recipe(checkpoints, tmp_path, asked, expected):
    recipe = write_recipe(tmp_path, pretrained(checkpoints["bert"]))
    word = "null" if asked is None else asked
    loaded = toolkit.load_recipe(recipe, f"train.tokens_per_micro_batch={word}", "train.epochs=1")
    finished = toolkit.finetune(loaded)
    filled = toolkit.load_recipe(finished.folder / "recipe.yaml")
    assert filled.train.tokens_per_micro_batch == expected


def test_on_gpus_every_process_computes_what_the_smallest_holds(checkpoints, monkeypatch):
    gpus = SimpleNamespace(device=torch.device("cuda"), gather=lambda own: [800, *own, 900])
    loop = loop_of(checkpoints["bert"], sentences(8))._replace(processes=gpus)
    monkeypatch.setattr("toolkit.training.budget.fitting_tokens", lambda _: 700)
    assert resolved_budget(loop) == 700
    monkeypatch.setattr("toolkit.training.budget.fitting_tokens", lambda _: 850)
    assert resolved_budget(loop) == 800


@pytest.mark.parametrize("asked", [None, 1, 99])
def test_what_a_recipe_says_is_not_probed(checkpoints, asked):
    loop = loop_of(checkpoints["bert"], sentences(8), tokens_per_micro_batch=asked)
    with short_memory(0):
        assert resolved_budget(loop) == asked
