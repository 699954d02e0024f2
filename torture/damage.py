"""What lies on the disk is changed behind our back while the run is stopped: bytes, and clocks."""

import contextlib
import os
import shutil
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from unittest import mock

from toolkit.runs import files
from toolkit.runs.checkpoints import Checkpoint, Checkpoints
from torture.bench import Bench, generator_of, goes_on, run, tree, unequal
from torture.crash import killing, points
from torture.goal import Goal

SCENE = "tags-lstm"
WAYS = ("flipped", "cut", "longer", "missing", "empty", "zeros")


def _stopped(bench: Bench, trial: str) -> Path:
    """A run that was killed when it had some checkpoints."""
    places = [point for point in points(bench, SCENE) if "." not in point]
    place = generator_of(trial).randrange(len(places) // 3, len(places))
    folder = bench.place(trial, SCENE)
    ended = run(folder, within=lambda: killing(folder, places[place]))
    assert ended.code == -signal.SIGKILL, ended.text
    return folder


def _harm(path: Path, way: str, place: int) -> None:
    data = bytearray(path.read_bytes())
    if way == "missing":
        path.unlink()
        return
    if way == "flipped":
        data[place % len(data)] ^= 1 << place % 8
    elif way == "zeros":
        data = bytearray(len(data))
    elif way == "longer":
        data += b"\0"
    else:
        del data[place % len(data) if way == "cut" else 0 :]
    path.write_bytes(data)


def _damaged(bench: Bench, trial: str) -> str | None:
    """One file of what was committed is harmed; often the run is killed once more behind it."""
    draw, folder = generator_of(f"{trial}:harm"), _stopped(bench, trial)
    committed = sorted(
        path
        for top in ("runs/job/checkpoints/step-*/*", "cache/[!.]*/*")
        for path in folder.glob(top)
        if path.is_file()
    )
    if not committed:
        return None
    harmed = draw.choice(committed)
    _harm(harmed, draw.choice(WAYS), draw.randrange(10**6))
    before, fault = _newest_whole(folder), None
    if draw.random() < 0.7:
        place = draw.randrange(120)
        run(folder, within=lambda: _noted(folder, str(place)))
        note = _note_of(folder)
        before = max(before, int(note.read_text(encoding="utf-8")) if note.exists() else 0)
        if (after := _newest_whole(folder)) < before:
            fault = f"step {before} was whole, and step {after} is the newest now"
    fault = fault or goes_on(
        bench, folder, top="runs"
    )  # a run that is finished looks into no cache
    shutil.rmtree(folder)
    return fault and f"{fault} ({harmed.name} of {harmed.parent.name})"


@contextlib.contextmanager
def _noted(folder: Path, point: str) -> Iterator[None]:
    """Kill this process at a point, and note each step that it has committed before."""
    save = Checkpoints.save

    def saved(self: Checkpoints, step: int, checkpoint: Checkpoint) -> None:
        save(self, step, checkpoint)
        _note_of(folder).write_text(str(step), encoding="utf-8")

    with mock.patch.object(Checkpoints, "save", saved), killing(folder, point):
        yield


def _note_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.committed")


def _newest_whole(folder: Path) -> int:
    """The newest step that a run could go on behind."""
    found = Checkpoints(folder / "runs" / "job" / "checkpoints")
    whole = (
        step
        for step in reversed(found.steps())
        if not files.fault_of(found.path(step)) and not found._fault_of_best(step)
    )
    return next(whole, 0)


def _clock(bench: Bench, trial: str) -> str | None:
    """Every file gets some time of ten years before or behind; the newest step counts."""
    draw, folder = generator_of(f"{trial}:clock"), _stopped(bench, trial)
    for path in sorted(folder.glob("**/*")):
        then = path.stat().st_mtime + draw.uniform(-1, 1) * 3.2e8
        os.utime(path, (then, then))
    steps = [int(path.name[5:]) for path in folder.glob("runs/job/checkpoints/step-*")]
    ended = run(folder)
    if ended.code != 0:
        return f"exit {ended.code}"
    if steps and f"Resumed(step={max(steps)})" not in ended.text:
        return f"of the steps {sorted(steps)} not the newest counted"
    fault = unequal(tree(folder), bench.expected(SCENE))
    shutil.rmtree(folder)
    return fault


def _numbered(name: str) -> Callable[[Bench, int], Sequence[str]]:
    def trials(bench: Bench, count: int) -> Sequence[str]:
        points(bench, SCENE)  # once, before workers are forked
        return [f"{name}:{number}" for number in range(count)]

    return trials


DAMAGE = Goal(
    "damage",
    "a committed file that was flipped, cut, emptied or removed is noticed, and costs steps only",
    _numbered("damage"),
    _damaged,
    number=60,
)
CLOCK = Goal(
    "clock",
    "whatever the clock says, the newest step counts",
    _numbered("clock"),
    _clock,
    number=20,
)
