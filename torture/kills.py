"""Killed with `kill -9` at random instants, one to four times."""

import os
import shutil
import signal
import time
from collections.abc import Sequence

from torture.bench import LOG, SCENES, Bench, finish, generator_of, goes_on, job, last_line, start
from torture.goal import Goal

_seconds: dict[str, float] = {}  # that a job takes from start to end


def _trials(bench: Bench, count: int) -> Sequence[str]:
    for scene in SCENES:
        bench.expected(scene)
        folder = bench.place(f"kills:{scene}", scene)
        began = time.monotonic()
        finish(start(lambda folder=folder: job(folder), folder / LOG), folder / LOG)  # type: ignore[misc]
        _seconds[scene] = time.monotonic() - began
        shutil.rmtree(folder)
    names = list(SCENES)
    return [f"kills:{names[number % len(names)]}:{number}" for number in range(count)]


def _run(bench: Bench, trial: str) -> str | None:
    draw, scene = generator_of(trial), trial.split(":")[1]
    folder = bench.place(trial, scene)
    for _ in range(draw.randrange(1, 5)):
        child = start(lambda: job(folder), folder / LOG)
        time.sleep(draw.uniform(0.02, 1.0) * _seconds.get(scene, 0.3))
        os.kill(child, signal.SIGKILL)
        ended = finish(child, folder / LOG)
        if ended.code not in (0, -signal.SIGKILL):
            return f"exit {ended.code}: {last_line(ended.text)}"
    fault = goes_on(bench, folder, scene)
    shutil.rmtree(folder)
    return fault


GOAL = Goal(
    "kills",
    "killed with SIGKILL one to four times at any instant, it ends with the same bits",
    _trials,
    _run,
    number=150,
)
