"""Signals at any instant of eight phases: the right exit code, no step lost, the same bits.

An instant is one of the calls and returns of functions that a phase is made of: the same name of a
trial is the same instant.
"""

import importlib
import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple
from unittest import mock

from toolkit.evaluation.predictor import Predictor
from toolkit.runs.run import Run
from toolkit.runs.saving import Saving
from toolkit.standin import sample_folder
from toolkit.training import finetune, fit, steps
from torture.bench import SCENES, Bench, Tree, generator_of, last_line, tree, unequal
from torture.goal import Goal
from torture.typed import OUT, typed

PHASES: dict[str, tuple[Any, str]] = {  # what is at work in each
    "data": (finetune, "read_splits"),
    "windows": (finetune, "training_windows"),
    "step": (steps, "_sums"),
    "save": (Saving, "save"),
    "evaluate": (fit, "evaluate"),
    "score": (finetune, "score"),
    "export": (finetune, "finish"),
    "predict": (Predictor, "predict"),
}
SIGNALS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGUSR1: 143}
FINETUNE = ("finetune", "job.yaml", "train.checkpoint_every=null", "train.evaluate_every=3")
PREDICT = ("predict", "runs/job", "--file", "input.txt", "--output", "jsonl")
COUNT = 120
LINES, AT_ONCE = 24, 5  # lines that are predicted, and how many between two boundaries
Calls = dict[str, list[int]]  # how many instants a phase has, each time that it is at work


class Whole(NamedTuple):
    """What a scene is like where nobody disturbs it."""

    left: Tree
    printed: bytes  # by `toolkit predict`
    calls: Calls


class Strike(NamedTuple):
    """A signal, and when it comes."""

    number: signal.Signals
    phase: str
    call: int  # of the phase, from 0
    instant: int


_whole: dict[str, Whole] = {}


def whole(bench: Bench, scene: str) -> Whole:
    """A scene that nobody disturbs, and where it can be."""
    if scene not in _whole:
        folder = bench.place(f"signals:whole:{scene}:{os.getpid()}", scene)
        calls: Calls = {}
        for words in (FINETUNE, PREDICT):
            _write_input(folder)
            ended = typed(folder, words, lambda: _noting(folder / "calls"))
            assert ended.code == 0, ended.text
            calls |= json.loads((folder / "calls").read_text(encoding="utf-8"))
        _whole[scene] = Whole(_compared(folder), (folder / OUT).read_bytes(), calls)
        shutil.rmtree(folder)
    return _whole[scene]


@contextmanager
def _noting(place: Path) -> Iterator[None]:
    """Count the instants of every phase; they are in a file once the process ends."""
    calls: Calls = {}

    def counted(phase: str, original: Any) -> Any:
        def call(*arguments: Any, **keys: Any) -> Any:
            calls.setdefault(phase, []).append(0)

            def count(frame: FrameType, event: str, argument: Any) -> None:
                calls[phase][-1] += 1

            sys.setprofile(count)
            try:
                return original(*arguments, **keys)
            finally:
                sys.setprofile(None)
                place.write_text(json.dumps(calls), encoding="utf-8")

        return call

    with _replaced(dict.fromkeys(PHASES, counted)):
        yield


@contextmanager
def _striking(strike: Strike, told: Path) -> Iterator[None]:
    """Send a signal to this process; how many steps were made by then is written down before."""
    number = -1

    def struck(phase: str, original: Any) -> Any:
        def call(*arguments: Any, **keys: Any) -> Any:
            nonlocal number
            number += 1
            if number != strike.call:
                return original(*arguments, **keys)
            left = strike.instant

            def come() -> None:
                sys.setprofile(None)
                told.write_text(str(num_steps(told.parent)), encoding="utf-8")
                os.kill(os.getpid(), strike.number)

            def count(frame: FrameType, event: str, argument: Any) -> None:
                nonlocal left
                left -= 1
                if left < 0:
                    come()

            sys.setprofile(count)
            result = original(*arguments, **keys)
            if left >= 0:  # an instant less than when they were counted
                come()
            return result

        return call

    with _replaced({strike.phase: struck}):
        yield


@contextmanager
def _replaced(phases: dict[str, Any]) -> Iterator[None]:
    originals = {phase: getattr(*PHASES[phase]) for phase in phases}
    for phase, wrapped in phases.items():
        owner, name = PHASES[phase]
        setattr(owner, name, wrapped(phase, originals[phase]))
    command = importlib.import_module("toolkit.cli.predict")
    try:
        with mock.patch.object(command, "MOST_OF_FILE", AT_ONCE):
            yield
    finally:
        for phase, original in originals.items():
            setattr(*PHASES[phase], original)


def num_steps(folder: Path) -> int:
    """How many steps the run in a folder has made, by its metrics."""
    path = folder / "runs" / "job" / "metrics.jsonl"
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    return sum('"grad_norm"' in line for line in text.splitlines())


def _write_input(folder: Path) -> None:
    text = (sample_folder("tickets") / "test.jsonl").read_text(encoding="utf-8")
    lines = [json.loads(line)["text"] for line in text.splitlines()[:LINES]]
    (folder / "input.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _compared(folder: Path) -> Tree:
    """What a run leaves, but for checkpoints before its last one, which a stop adds to."""
    found = tree(folder)
    steps = sorted({name.split("/")[3] for name in found if "/checkpoints/step" in name})
    return {name: data for name, data in found.items() if not any(s in name for s in steps[:-1])}


def _trials(bench: Bench, count: int) -> Sequence[str]:
    for scene in SCENES:
        whole(bench, scene)
    every = [
        f"signals:{phase}:{list(SCENES)[number % len(SCENES)]}:{number}"
        for number in range(COUNT // len(PHASES))
        for phase in PHASES
    ]
    return every[:count] if count else every


def _strike_of(trial: str, calls: Calls) -> Strike:
    _, phase, _, number = trial.split(":")
    draw = generator_of(trial)
    call = draw.randrange(len(calls[phase]))
    sent = list(SIGNALS)[int(number) % len(SIGNALS)]
    return Strike(sent, phase, call, draw.randrange(calls[phase][call]))


def _run(bench: Bench, trial: str) -> str | None:
    scene = trial.split(":")[2]
    undisturbed = whole(bench, scene)
    strike = _strike_of(trial, undisturbed.calls)
    folder = bench.place(trial, scene)
    act = _predict if strike.phase == "predict" else _finetune
    fault = act(folder, strike, undisturbed)
    shutil.rmtree(folder)
    return None if fault is None else f"{strike.number.name} at {strike.instant}: {fault}"


def _finetune(folder: Path, strike: Strike, undisturbed: Whole) -> str | None:
    told = folder / "struck"
    ended = typed(folder, FINETUNE, lambda: _striking(strike, told))
    if fault := _fault_of_end(ended.code, ended.text, strike, told):
        return fault
    (line,) = ended.text.splitlines()
    if not line.endswith(f"; to go on: toolkit {' '.join(FINETUNE)}"):
        return f"does not say how to go on: {line}"
    made, before = num_steps(folder), int(told.read_text(encoding="utf-8"))
    if made > before + 1:
        return f"it came behind step {before}, and was heeded behind step {made}"
    saved = max(Run(folder / "runs" / "job").checkpoints.steps(), default=0)
    if saved < made:
        return f"{made} steps were made, and {saved} are saved"
    again = typed(folder, FINETUNE)
    if again.code != 0:
        return f"stuck: exit {again.code}: {last_line(again.text)}"
    return unequal(_compared(folder), undisturbed.left)


def _predict(folder: Path, strike: Strike, undisturbed: Whole) -> str | None:
    _write_input(folder)
    ended = typed(folder, FINETUNE)
    if ended.code != 0:
        return f"exit {ended.code}: {last_line(ended.text)}"
    told = folder / "struck"
    ended = typed(folder, PREDICT, lambda: _striking(strike, told))
    if fault := _fault_of_end(ended.code, ended.text, strike, told):
        return fault
    printed = (folder / OUT).read_bytes()
    if not undisturbed.printed.startswith(printed) or not (b"\n" + printed).endswith(b"\n"):
        return "what it printed is not the beginning of what it prints, line by line"
    return None


def _fault_of_end(code: int, text: str, strike: Strike, told: Path) -> str | None:
    if not told.exists():
        return f"no signal came: exit {code}: {last_line(text)}"
    if code != SIGNALS[strike.number]:
        return f"exit {code}, expected {SIGNALS[strike.number]}: {last_line(text)}"
    how = "interrupted" if code == SIGNALS[signal.SIGINT] else "terminated"
    if len(text.splitlines()) != 1 or not text.startswith(how):
        return f"it said: {text[-300:]}"
    return None


GOAL = Goal(
    "signals",
    "120 signals in 8 phases: the right exit code, at most a step later, no step lost, same bits",
    _trials,
    _run,
    number=0,
)
