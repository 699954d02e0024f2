"""Killed before each operation on the file system, and in the middle of each write.

A scene is a job and where it is attacked: from its start, while it goes on behind a kill, or while
`--fresh` clears a finished run and what its cache holds is damaged, so that it is made again.
"""

import contextlib
import os
import shutil
import signal
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from toolkit.runs import files
from torture.bench import Bench, SceneFailed, goes_on, last_line, run
from torture.filesystem import FileSystem, Operation, watched
from torture.goal import Goal

SCENES = ("tags-lstm", "tags-lstm+resumed", "tags-lstm+fresh", "tags-bert", "texts-lstm")
_KILLED_FIRST = 150  # operation at which the first process of `+resumed` is killed
_points: dict[str, list[str]] = {}


def points(bench: Bench, scene: str) -> list[str]:
    """Where a scene can be killed: `17` before operation 17, `17.5` in the middle of its write."""
    if scene not in _points:
        found: list[Operation] = []
        folder = _prepared(bench, f"points:{scene}", scene)
        listing = folder.parent / f"{folder.name}.ops"

        def note(operation: Operation) -> None:
            found.append(operation)

        def within() -> AbstractContextManager[object]:
            return _Noting(folder, note, found, listing)

        ended = run(folder, within=within, fresh=scene.endswith("+fresh"))
        if ended.code != 0:
            raise SceneFailed(f"{scene}: {last_line(ended.text)}")
        _points[scene] = listing.read_text(encoding="utf-8").split()
    return _points[scene]


class _Noting:
    """Writes the points that came by into a file, for the process that forked this one."""

    def __init__(
        self, folder: Path, note: Callable[[Operation], None], found: list[Operation], listing: Path
    ) -> None:
        self.watching = watched(FileSystem(folder, note))
        self.found, self.listing = found, listing

    def __enter__(self) -> object:
        return self.watching.__enter__()

    def __exit__(self, *error: object) -> None:
        self.watching.__exit__(None, None, None)
        halves = (f"{each.number}.5" for each in self.found if each.name == "write")
        whole = (str(each.number) for each in self.found)
        self.listing.write_text(" ".join([*whole, *halves]), encoding="utf-8")


def killing(folder: Path, point: str) -> AbstractContextManager[object]:
    """Kill this process at a point."""
    number, _, half = point.partition(".")

    def before(operation: Operation) -> None:
        if operation.number == int(number) and (operation.name == "half" or not half):
            os.kill(os.getpid(), signal.SIGKILL)

    return watched(
        FileSystem(folder, before, half=lambda each: bool(half) and each.number == int(number))
    )


def _prepared(bench: Bench, trial: str, scene: str) -> Path:
    """A folder in which a scene stands where it is attacked: a copy of the first such folder."""
    base, _, how = scene.partition("+")
    folder = bench.place(trial, base)
    if not how:
        return folder
    first = bench.trials / f"prepared-{scene}"
    if not first.exists():
        _prepare(folder, how)
        aside = first.with_name(f"{first.name}-{os.getpid()}")
        shutil.copytree(folder, aside)
        with contextlib.suppress(OSError):  # another process was quicker
            aside.rename(first)
        return folder
    shutil.rmtree(folder)
    shutil.copytree(first, folder)
    return folder


def _prepare(folder: Path, how: str) -> None:
    if how == "resumed":
        ended = run(folder, within=lambda: killing(folder, str(_KILLED_FIRST)))
        assert ended.code == -signal.SIGKILL, ended.text
    elif how == "fresh":
        ended = run(folder)
        assert ended.code == 0, ended.text
        for contents in (folder / "cache").glob(f"*/{files.CONTENTS}"):
            contents.unlink()


def _trials(bench: Bench, count: int) -> Sequence[str]:
    """Every point of the scenes on which all is shown, and every third of the others."""
    every = [
        f"crash:{scene}:{point}"
        for scene in SCENES
        for point in points(bench, scene)[:: 1 if scene.startswith("tags-lstm") else 3]
    ]
    return every[:: max(1, len(every) // count)] if count else every


def _run(bench: Bench, trial: str) -> str | None:
    _, scene, point = trial.split(":")
    folder = _prepared(bench, trial, scene)
    ended = run(folder, within=lambda: killing(folder, point), fresh=scene.endswith("+fresh"))
    if ended.code not in (0, -signal.SIGKILL):
        return f"exit {ended.code} instead of a kill: {last_line(ended.text)}"
    return goes_on(bench, folder, scene.partition("+")[0])


GOAL = Goal(
    "crash",
    "killed before any operation on the file system or inside any write, it ends with the same "
    "bits and leaves nothing over",
    _trials,
    _run,
    number=0,
)
