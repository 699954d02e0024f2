"""Settings small enough for a test: tiny checkpoints without dropout, on the shipped samples."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from benchmarks.settings import Ground, Setting, prepare
from tests.checkpoints import make_checkpoint
from toolkit.standin import sample_folder

CPU = torch.device("cpu")
SAMPLES = {
    "wnut17-minilm": ("ner", ".conll"),
    "banking77-minilm": ("tickets", ".jsonl"),
    "squad-minilm": ("qa", ".json"),
}


@pytest.fixture(scope="session")
def setting_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Setting]:
    folder = tmp_path_factory.mktemp("benchmarks") / "bert"
    make_checkpoint("bert", folder, dropout=0.0, positions=512)

    def setting(recipe: str) -> Setting:
        return tiny(recipe, folder)

    return setting


@pytest.fixture
def ground_of(tmp_path: Path, setting_of: Callable[[str], Setting]) -> Callable[[str], Ground]:
    return lambda recipe: prepare(setting_of(recipe), tmp_path, steps=4, device=CPU)


def tiny(recipe: str, checkpoint: Path) -> Setting:
    name, suffix = SAMPLES[recipe]
    files = sample_folder(name)
    changes = [f"model.checkpoint={checkpoint}", "train.batch_size=8", "model.max_length=512"]
    changes += [f"data.{split}={files}/{split}{suffix}" for split in ("train", "dev", "test")]
    if suffix == ".jsonl":
        changes += [
            "data.split=null",
            "data.format=jsonl",
            "data.columns={text: text, label: label}",
        ]
    return Setting(recipe, f"tiny {recipe}", recipe, overrides=tuple(changes))
