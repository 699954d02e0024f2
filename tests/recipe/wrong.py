"""What the tables of wrong recipes are written with."""

from typing import NamedTuple

import pytest

from tests.recipe.conftest import GOOD
from toolkit.errors import RecipeError
from toolkit.recipe.load import load_recipe


class Wrong(NamedTuple):
    """A recipe and the faults that it has."""

    name: str
    text: str | bytes
    faults: list[str]
    overrides: tuple[str, ...] = ()
    allow_code: tuple[str, ...] = ()


def changed(old: str, new: str) -> str:
    """The good recipe with one piece replaced; its lines keep their numbers up to there."""
    assert old in GOOD
    return GOOD.replace(old, new)


def with_keys(block: str, *lines: str) -> str:
    """The good recipe with more keys at the head of a block."""
    return changed(f"{block}:\n", "\n".join([f"{block}:", *(f"  {line}" for line in lines), ""]))


def trained(*lines: str) -> str:
    """The good recipe with other keys in `train`, the first of them on line 11."""
    return with_keys("train", *lines).replace("  epochs: 3\n  learning_rate: 3e-5\n", "")


TRAIN_KEYS = (
    "epochs, batch_size, learning_rate, head_learning_rate, layer_decay, freeze, "
    "unfreeze_every, gradient_checkpointing, compact_vocabulary, weight_decay, betas, epsilon, "
    "schedule, warmup, max_grad_norm, precision, seed, micro_batches, "
    "tokens_per_micro_batch, reproducible, strategy, threads, evaluate_every, checkpoint_every, "
    "keep_checkpoints, on_nonfinite, patience, distill"
)
BLOCKS = "task, model, data, train, evaluate, run"
ALONE = "expected a value and nothing else"
OWN = "your own package.module:Name"


def assert_told(wrong: Wrong, path: str) -> None:
    """Loading the recipe in `path` ends with exactly its faults, a printable line each."""
    with pytest.raises(RecipeError) as caught:
        load_recipe(path, *wrong.overrides, allow_code=wrong.allow_code)
    assert list(caught.value.faults) == wrong.faults
    assert all(line.isprintable() for line in caught.value.lines())
