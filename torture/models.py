"""Small models of every task and encoder, and examples of which some take several windows."""

import contextlib
import io
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from tests.checkpoints import make_checkpoint
from toolkit import registry
from toolkit.evaluation.predictions import Reader
from toolkit.models.batch import padding_of
from toolkit.models.model import Model, build_model
from toolkit.models.reading import WindowSize
from toolkit.standin import FORMATS, sample_folder
from torture.bench import Bench

TASKS = {"tags": "token-classification", "texts": "sequence-classification",
         "questions": "question-answering"}  # fmt: skip


class Made(NamedTuple):
    """A model that begins with random weights, and what reads examples for it."""

    model: Model
    reader: Reader

    @property
    def padding(self) -> dict[str, int]:
        """The padding value of each input."""
        return padding_of(self.reader.tokenizer)


_examples: dict[str, Sequence[Any]] = {}


def task_of(name: str, **keys: Any) -> Any:
    """A task that has learned its labels."""
    task = registry.look_up("task", TASKS[name])(**keys)
    return task.learn(examples_of(name))


def examples_of(name: str) -> Sequence[Any]:
    """The training examples of the data set that comes with the package for a task."""
    if name not in _examples:
        task: Any = registry.look_up("task", TASKS[name])
        (file,) = sample_folder(task.sample).glob("train.*")
        data: Any = registry.look_up("data", FORMATS[file.suffix])(train=str(file))
        _examples[name] = data.splits(task.reads, ["train"])["train"].examples
    return _examples[name]


def checkpoint_of(bench: Bench, family: str) -> Path:
    """The folder of a family's tiny checkpoint, which drops states but no attention.

    What is dropped of states follows from the example alone; of attention that is read with
    padding, from the micro-batch.
    """
    folder = bench.folder / f"checkpoint-{family}"
    if not folder.exists():
        aside = folder.with_name(f"{folder.name}-{os.getpid()}")
        with contextlib.redirect_stderr(io.StringIO()):
            make_checkpoint(family, aside, dropout=0.1)
        config = json.loads((aside / "config.json").read_text(encoding="utf-8"))
        config |= {key: 0.0 for key in config if key.startswith("attention") and "drop" in key}
        (aside / "config.json").write_text(json.dumps(config), encoding="utf-8")
        with contextlib.suppress(OSError):  # another process was quicker
            aside.rename(folder)
    return folder


def make(task: Any, encoder: Any, examples: Sequence[Any], seed: int = 3) -> Made:
    """A model with random weights, the same ones each time."""
    tokenizer = encoder.tokenizer(text for each in examples for text in task.texts(each))
    task = task.learn_vocabulary(tokenizer)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = build_model(task, encoder, tokenizer)
    return Made(model, Reader(task, tokenizer, WindowSize.of(encoder, model.encoder)))
