"""The jobs that trials run, each in a process forked from one that has everything imported."""

import contextlib
import gc
import io
import os
import random
import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import torch

import toolkit
import toolkit.training.finetune  # noqa: F401 - before anything is forked
from tests.checkpoints import make_checkpoint
from toolkit.errors import ToolkitError
from toolkit.standin import sample_folder

LSTM = "{type: lstm, embedding: 8, hidden: 8}"
BERT = "{type: pretrained, checkpoint: %s}"
TAGS = "{type: token-classification}", "conll", "ner", "conll"
TEXTS = "{type: sequence-classification}", "jsonl", "tickets", "jsonl"
RECIPE = """
task: {task}
model: {model}
data: {{format: {format}, train: train.{end}, dev: dev.{end}, test: test.{end}}}
train:
  {{epochs: 2, batch_size: 8, learning_rate: 2e-2, precision: fp32, checkpoint_every: 1,
   evaluate_every: 2, micro_batches: {parts}}}
evaluate: {{resamples: 20}}
run: {{name: job, folder: runs}}
"""
SCENES = {  # task, model, micro-batches
    "tags-lstm": (TAGS, "lstm", 1),
    "tags-bert": (TAGS, "bert", 2),
    "texts-lstm": (TEXTS, "lstm", 4),
    "texts-bert": (TEXTS, "bert", 1),
}
SCENE = "tags-lstm"  # the one that most trials attack
NUM_STEPS = 6
LOG = "log"


class Ended(NamedTuple):
    """How a forked process ended."""

    code: int  # negative: the signal that killed it
    text: str  # what it said


Tree = dict[str, bytes]


class SceneFailed(Exception):
    """A run that goes on from a kill fails before anything else is done to it."""


class Bench:
    """Data, recipes and expected results in a folder that goes when the trials are done."""

    def __init__(self) -> None:
        torch.set_num_threads(1)
        memory = Path("/dev/shm")  # a disk that syncs at once
        self.folder = Path(
            tempfile.mkdtemp(prefix="torture-", dir=memory if memory.is_dir() else None)
        )
        self.trials = self.folder / "trials"
        self.trials.mkdir()
        self._expected: dict[str, Tree] = {}
        checkpoint = self.folder / "bert"
        with contextlib.redirect_stderr(io.StringIO()):
            make_checkpoint("bert", checkpoint)
        for scene, (task, model, parts) in SCENES.items():
            self._write(scene, task, LSTM if model == "lstm" else BERT % checkpoint, parts)
        self._warm_up()

    def close(self) -> None:
        """Remove everything."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def forget(self, trials: Path) -> None:
        """Begin anew in another folder for trials: the toolkit has changed."""
        trials.mkdir()
        self.trials = trials
        self._expected.clear()

    def _warm_up(self) -> None:
        """Run every scene in this process, which imports everything that trials need."""
        with contextlib.redirect_stdout(io.StringIO()):
            for scene in SCENES:
                folder = self.place(f"warm:{scene}", scene)
                job(folder)
                shutil.rmtree(folder)

    def _write(self, scene: str, task: tuple[str, str, str, str], model: str, parts: int) -> None:
        block, form, sample, end = task
        folder = self.folder / scene
        folder.mkdir()
        for split, number in (("train", 24), ("dev", 6), ("test", 6)):
            text = (sample_folder(sample) / f"{split}.{end}").read_text(encoding="utf-8")
            between = "\n\n" if form == "conll" else "\n"
            kept = text.split(between)[:number]
            (folder / f"{split}.{end}").write_text(between.join(kept) + "\n", encoding="utf-8")
        recipe = RECIPE.format(task=block, model=model, format=form, end=end, parts=parts)
        (folder / "job.yaml").write_text(recipe, encoding="utf-8")

    def place(self, trial: str, scene: str = SCENE) -> Path:
        """A new folder for a trial, with recipe and data of a scene."""
        folder = self.trials / trial.replace(":", "-")
        if folder.exists():
            shutil.rmtree(folder)
        shutil.copytree(self.folder / scene, folder)
        return folder

    def expected(self, scene: str = SCENE) -> Tree:
        """What a run that nothing happens to leaves."""
        if scene not in self._expected:
            folder = self.place(f"expected:{scene}:{os.getpid()}", scene)
            ended = run(folder)
            assert ended.code == 0, ended.text
            self._expected[scene] = tree(folder)
            shutil.rmtree(folder)
        return self._expected[scene]


def job(folder: Path, *overrides: str, fresh: bool = False) -> None:
    """Run the recipe in a folder to its end, or on to it; in this process."""

    def watch(event: object) -> None:
        if type(event).__name__ not in ("Step", "Evaluation", "Scored"):
            print(event, flush=True)

    cache = {"TOOLKIT_CACHE": str(folder / "cache"), "HF_HUB_OFFLINE": "1"}
    with contextlib.chdir(folder), mock.patch.dict(os.environ, cache):
        toolkit.finetune(toolkit.load_recipe("job.yaml", *overrides), fresh=fresh, watch=watch)


def run(
    folder: Path,
    *overrides: str,
    within: Callable[[], AbstractContextManager[object]] = nullcontext,
    fresh: bool = False,
) -> Ended:
    """Run the job of a folder in a process of its own; `within` is in force around it."""

    def act() -> None:
        with within():
            job(folder, *overrides, fresh=fresh)

    return finish(start(act, folder / LOG), folder / LOG)


def start(act: Callable[[], None], log: Path) -> int:
    """Fork a process that does something and ends with an exit code of the toolkit."""
    gc.freeze()  # to look for rubbish in all of torch takes longer than the job
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        os.setsid()
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        sys.stdout = sys.stderr = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), "utf-8")
        act()
        code = 0
    except ToolkitError as error:
        print(f"ToolkitError: {error}")
        code = error.exit_code
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


def finish(child: int, log: Path) -> Ended:
    """Wait for a process."""
    _, status = os.waitpid(child, 0)
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    return Ended(os.waitstatus_to_exitcode(status), text)


def tree(folder: Path) -> Tree:
    """Every file of the run and of the cache with its bytes, but for how long steps took.

    Of what tells that, the number of lines has to be right, and the page has to be there.
    """
    found = {}
    for top in ("runs", "cache"):
        for path in sorted((folder / top).rglob("*")):
            name = str(path.relative_to(folder))
            if path.is_dir():
                found[name + "/"] = b""
            elif not path.name.startswith(".lock"):
                data = path.read_bytes()
                if path.name == "timing.jsonl":
                    data = bytes(data.count(b"\n"))
                found[name] = b"" if path.name == "report.html" else data
    return found


def unequal(found: Tree, expected: Tree, top: str = "") -> str | None:
    """The first way in which what was left differs, as a sentence; None: not at all."""
    found, expected = (
        {name: data for name, data in each.items() if name.startswith(top)}
        for each in (found, expected)
    )
    if extra := sorted(set(found) - set(expected)):
        return f"{extra[0]} was left over"
    # what the cache lacks is made again when it is wanted
    if missing := sorted(name for name in set(expected) - set(found) if name.startswith("runs/")):
        return f"{missing[0]} is missing"
    others = [name for name in sorted(found) if found[name] != expected[name]]
    return f"{others[0]} has other bytes" if others else None


def goes_on(bench: Bench, folder: Path, scene: str = SCENE, top: str = "") -> str | None:
    """Type the same command again; what is wrong with what it leaves, None: nothing."""
    ended = run(folder)
    if ended.code != 0:
        return f"stuck: exit {ended.code}: {last_line(ended.text)}"
    return unequal(tree(folder), bench.expected(scene), top)


def last_line(text: str) -> str:
    """The last line that says something."""
    return next((line for line in reversed(text.splitlines()) if line.strip()), "(nothing said)")


def generator_of(trial: str) -> random.Random:
    """The generator of a trial: its name is the seed."""
    return random.Random(trial)
