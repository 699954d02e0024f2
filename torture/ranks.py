"""One of two processes fails: the right one is named at once, nobody stays, and the job goes on.

One that is cut off is killed while each takes itself for the only one of its machine: what the
other sees is a broken connection.
"""

import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import psutil

from toolkit.training import finetune, fit, peers, steps
from toolkit.training.peers import PREPARING
from torture.bench import Bench, Ended, Tree, generator_of, tree, unequal
from torture.goal import Goal
from torture.group import Group, fault_of
from torture.typed import type_here

SCENE, COUNT = "tags-bert", 2  # processes
PLACES: dict[str, tuple[Any, str, int]] = {  # what is at work, and the time at which it fails
    "init": (finetune, "read_splits", 0),
    "step": (steps, "_sums", 3),
    "evaluate": (fit, "evaluate", 1),
    "save": (fit, "_save", 2),
}
CAUSES = {  # what the line says
    "raise": "ValueError: this went wrong",
    "kill": "is gone without a word: killed, or left early",
    "hang": "hangs in happen (ranks.py:",
    "exit": "left early (exit code 0)",
    "vanish": "is gone without a word: killed, or left early",
    "cut": "gives no sign of life since a connection broke",
}
WORDS = ("finetune", "job.yaml")
TIMEOUT = 4.0  # seconds in which no boundary of training is passed
SECONDS = 20.0  # until all have ended: 10 are promised, and this machine may be busy
ERRORS = "errors"  # where all processes say what went wrong, in that order
_left: dict[int, Tree] = {}


def _trials(bench: Bench, count: int) -> Sequence[str]:
    _expected(bench)
    leaving = ("exit", "vanish")
    every = [
        f"ranks:{leaving[(rank + number) % 2] if how == 'leave' else how}:{rank}:{place}"
        for how in ("raise", "kill", "hang", "leave", "cut")
        for rank in range(COUNT)
        for number, place in enumerate(PLACES)
    ]
    return generator_of("ranks").sample(every, count) if count else every


def _expected(bench: Bench) -> Tree:
    if id(bench) not in _left:
        folder = bench.place(f"ranks:expected:{os.getpid()}", SCENE)
        fault = fault_of(_launched(folder).finish())
        assert fault is None, f"{fault}: {(folder / ERRORS).read_text(encoding='utf-8')}"
        _left[id(bench)] = tree(folder)
        shutil.rmtree(folder)
    return _left[id(bench)]


def _launched(folder: Path, how: str = "", struck: int = -1, place: str = "") -> Group:
    """Type the command in every process; something happens to one of them."""

    def act(rank: int) -> None:
        os.dup2(os.open(folder / ERRORS, os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
        if how == "cut":
            own = SimpleNamespace(gethostname=lambda: f"machine-{rank}")
            mock.patch.object(peers, "socket", own).start()

        def within() -> Any:
            return _failing(how if rank == struck else "", place, folder / "struck")

        type_here(folder, WORDS, within, out=f"out-{rank}")

    return Group(act, COUNT, folder, TOOLKIT_TIMEOUT=str(TIMEOUT))


@contextmanager
def _failing(how: str, place: str, told: Path) -> Iterator[None]:
    if how:
        owner, name, number = PLACES[place]
        original, left = getattr(owner, name), [number]

        def call(*arguments: Any, **keys: Any) -> Any:
            left[0] -= 1
            if left[0] == -1:
                told.touch()
                happen(how)
            return original(*arguments, **keys)

        setattr(owner, name, call)
    yield


def happen(how: str) -> None:
    """Fail."""
    if how == "raise":
        raise ValueError("this went wrong")
    if how in ("kill", "cut"):
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "hang":
        time.sleep(600)
    if how == "exit":
        raise SystemExit(0)
    os._exit(0)


def _run(bench: Bench, trial: str) -> str | None:
    _, how, rank, place = trial.split(":")
    folder = bench.place(trial, SCENE)
    group = _launched(folder, how, int(rank), place)
    ended, stayed = _ended(group)
    fault = _fault_of_end(folder, how, int(rank), ended) if stayed is None else stayed
    if fault is None:
        (folder / ERRORS).unlink()
        fault = fault_of(_launched(folder).finish())
    fault = fault or unequal(tree(folder), _expected(bench))
    shutil.rmtree(folder)
    return fault


def _ended(group: Group) -> tuple[list[Ended], str | None]:
    """How all ended, and who did not by himself."""
    stayed: list[int] = []

    def end() -> None:
        for rank, child in enumerate(group.children):
            if psutil.pid_exists(child) and psutil.Process(child).status() != "zombie":
                stayed.append(rank)
                os.kill(child, signal.SIGKILL)

    timer = threading.Timer(SECONDS + TIMEOUT * PREPARING, end)
    timer.start()
    ended = group.finish()
    timer.cancel()
    if stayed:
        return ended, f"process {stayed[0]} stays"
    for number in psutil.pids():
        if _session_of(number) in group.children:
            return ended, f"process {number} is left behind"
    return ended, None


def _session_of(number: int) -> int:
    try:
        return os.getsid(number)
    except ProcessLookupError:
        return -1


def _fault_of_end(folder: Path, how: str, rank: int, ended: Sequence[Ended]) -> str | None:
    if not (folder / "struck").exists():
        return f"nothing happened: exit {[each.code for each in ended]}"
    text = (folder / ERRORS).read_text(encoding="utf-8", errors="replace")
    first = next(iter(text.splitlines()), "(nothing said)")
    if not first.startswith(f"rank {rank}: ") or CAUSES[how] not in first:
        return f"the first line is: {first}"
    others = [each.code for number, each in enumerate(ended) if number != rank]
    if others != [1] * (COUNT - 1):
        return f"the others ended with exit {others}"
    report = folder / "runs" / "job" / f"error-rank-{rank}.json"
    if not report.exists() or CAUSES[how] not in json.loads(report.read_text("utf-8"))["cause"]:
        return f"{report.name} does not say why"
    if found := sorted(each.name for each in report.parent.glob("error-*") if each != report):
        return f"{found[0]} blames another one"
    return None


GOAL = Goal(
    "ranks",
    "of two processes one fails: it is named in the first line, nobody stays, and the same bits "
    "come of the same command",
    _trials,
    _run,
    number=0,
)
