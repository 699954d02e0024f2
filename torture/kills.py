"""Killed with `kill -9` at random instants, one to four times.

Most jobs are forked from a process that has everything imported; the command as a user types it
begins from nothing, and is killed while it is loaded, too.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import toolkit
from torture.bench import (
    LOG,
    SCENE,
    SCENES,
    Bench,
    Tree,
    finish,
    generator_of,
    job,
    last_line,
    start,
    tree,
    unequal,
)
from torture.goal import Goal

PAGE, MANIFEST = "runs/job/report.html", "runs/job/manifest.json"
COUNT, COLD = 300, 20  # jobs, and how many of them are the command itself


class Whole(NamedTuple):
    """A job that nobody kills."""

    seconds: float
    left: Tree


_whole: dict[str, Whole] = {}


def whole(bench: Bench, scene: str, begin: Callable[[Path], int]) -> Whole:
    """A job that nobody kills."""
    key = f"{scene}:{begin.__name__}"
    if key not in _whole:
        folder = bench.place(f"kills:{scene}:{os.getpid()}", scene)
        began = time.monotonic()
        ended = finish(begin(folder), folder / LOG)
        assert ended.code == 0, ended.text
        _whole[key] = Whole(time.monotonic() - began, tree(folder))
        shutil.rmtree(folder)
    return _whole[key]


def _trials(bench: Bench, count: int) -> Sequence[str]:
    names = list(SCENES)
    number_cold = COLD if count >= COUNT else 0
    for scene in names:
        whole(bench, scene, _forked)
    if number_cold:
        whole(bench, SCENE, _typed)
    kinds = ["+cold"] * number_cold + [""] * (count - number_cold)
    return [
        f"kills:{names[number % len(names)]}{kind}:{number}" for number, kind in enumerate(kinds)
    ]


def _forked(folder: Path) -> int:
    return start(lambda: job(folder), folder / LOG)


def _typed(folder: Path) -> int:
    """The command, in a process that has nothing imported."""
    root = str(Path(toolkit.__file__).parents[1])
    variables = {"PYTHONPATH": root, "TOOLKIT_CACHE": str(folder / "cache")}
    variables |= {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "toolkit", "finetune", "job.yaml"]
    with open(folder / LOG, "wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=os.environ | variables, stdout=log, stderr=log
        )
    process.returncode = 0  # it is waited for elsewhere
    return process.pid


def _run(bench: Bench, trial: str) -> str | None:
    draw = generator_of(trial)
    scene, _, cold = trial.split(":")[1].partition("+")
    begin = _typed if cold else _forked
    undisturbed = whole(bench, scene, _forked)  # the command leaves the same bits, and a page
    seconds = whole(bench, SCENE if cold else scene, begin).seconds
    folder = bench.place(trial, scene)
    for _ in range(draw.randrange(1, 5)):
        child = begin(folder)
        time.sleep(draw.uniform(0.02, 1.0) * seconds)
        os.kill(child, signal.SIGKILL)
        ended = finish(child, folder / LOG)
        if ended.code not in (0, -signal.SIGKILL):
            return f"exit {ended.code}: {last_line(ended.text)}"
    ended = finish(begin(folder), folder / LOG)
    if ended.code != 0:
        return f"stuck: exit {ended.code}: {last_line(ended.text)}"
    left = tree(folder)
    shutil.rmtree(folder)
    if cold and PAGE not in left:
        return "the command wrote no page"
    return unequal(_without_command(left), _without_command(undisturbed.left))


def _without_command(left: Tree) -> Tree:
    """What a job leaves, whether it was typed or called: a typed one has its words, and a page."""
    manifest = json.loads(left[MANIFEST]) | {"command": None}
    kept = {name: data for name, data in left.items() if name != PAGE}
    return kept | {MANIFEST: json.dumps(manifest).encode()}


GOAL = Goal(
    "kills",
    "killed with SIGKILL one to four times at any instant, it ends with the same bits",
    _trials,
    _run,
    number=COUNT,
)
