"""Killed at random instants, the same command finishes with the same bits."""

import os
import random
import signal
import time
from pathlib import Path

import pytest

import toolkit
from tests.forked import finished, forked
from tests.recipes import LSTM, pretrained, write_recipe
from toolkit.runs.files import TEMPORARY

KILLS = 20
SAME = ("model/model.safetensors", "metrics.jsonl", "predictions-test.jsonl", "results.json")


def start(recipe: str, *overrides: str) -> int:
    """Run a recipe in a process of its own, forked from this one; its process number."""

    def run() -> None:
        os.setsid()
        toolkit.finetune(toolkit.load_recipe(recipe, *overrides))

    return forked(run)


def bits(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in SAME}


@pytest.mark.parametrize("model", ["lstm", "bert"])
def test_killed_at_any_instant_it_ends_with_the_same_bits(model, checkpoints, tmp_path):
    block = LSTM if model == "lstm" else pretrained(checkpoints["bert"])
    recipe = write_recipe(tmp_path, block)
    overrides = ("train.checkpoint_every=2", "train.micro_batches=2")
    began = time.monotonic()
    assert finished(start(recipe, *overrides)) == 0
    seconds = time.monotonic() - began
    expected = bits(tmp_path / "runs" / "small")

    generator = random.Random(17)
    kills = 0
    for trial in range(KILLS):
        if kills == KILLS // 2:
            break
        there = f"run.folder={tmp_path}/trial-{trial}"
        while kills < KILLS // 2:
            child = start(recipe, *overrides, there)
            time.sleep(generator.uniform(0.02, 1.0) * seconds)
            os.kill(child, signal.SIGKILL)
            if finished(child) == 0:
                break  # it was faster
            kills += 1
        assert finished(start(recipe, *overrides, there)) == 0
        folder = tmp_path / f"trial-{trial}" / "small"
        assert bits(folder) == expected, f"trial {trial}"
        assert not list(folder.rglob(f"{TEMPORARY}*"))
    assert kills == KILLS // 2
