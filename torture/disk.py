"""Disks that refuse: an operation fails once, or all fail from some point on, or space runs out.

An operation of a job is made to fail with an error that disks give. Checkpoints before the last one
and lines of metrics may be refused for a while: the job goes on. What may not be refused ends it
with exit 5, and the same command goes on once the disk is well.
"""

import contextlib
import ctypes
import errno
import os
import resource
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

from toolkit.runs.saving import Saving
from toolkit.training.fit import METRICS, TIMING
from torture.bench import (
    NUM_STEPS,
    SCENE,
    Bench,
    Ended,
    generator_of,
    goes_on,
    last_line,
    run,
    tree,
    unequal,
)
from torture.filesystem import FileSystem, Operation, watched
from torture.goal import Goal

ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS)
KINDS = ("once", "once", "on", "a while", "limit", "full")  # the last two are the system's own
COUNT = 160
_NEW_MOUNTS, _PRIVATE = 0x00020000, 0x4000 | 0x40000  # CLONE_NEWNS; MS_REC, MS_PRIVATE
ENDING = "ending"  # the operations that were refused and may end the job, a line each
_operations: dict[str, list[Operation]] = {}


def operations(bench: Bench) -> list[Operation]:
    """The operations of a job that nothing happens to."""
    if SCENE not in _operations:
        folder = bench.place(f"disk:operations:{os.getpid()}")
        listing = bench.trials / f"operations-{os.getpid()}"

        @contextlib.contextmanager
        def within() -> Iterator[None]:
            found: list[Operation] = []
            with watched(FileSystem(folder, found.append)):
                yield
            lines = (f"{each.number}\t{each.name}\t{each.path}\n" for each in found)
            listing.write_text("".join(lines), encoding="utf-8")

        ended = run(folder, within=within)
        assert ended.code == 0, ended.text
        rows = (line.split("\t") for line in listing.read_text(encoding="utf-8").splitlines())
        _operations[SCENE] = [Operation(int(n), name, path) for n, name, path in rows]
        shutil.rmtree(folder)
    return _operations[SCENE]


def may_not_pass(operation: Operation) -> bool:
    """Whether a job may not end well where this operation fails once: a sync of what is final."""
    final = ("/model", f"step-{NUM_STEPS:08d}", ".tmp-results.json", ".tmp-predictions")
    return operation.name == "fsync" and any(
        part in operation.path.partition("/runs/")[2] for part in final
    )


@contextlib.contextmanager
def failing(folder: Path, first: int, times: int, number: int) -> Iterator[None]:
    """Let operations fail with the error of a number; leaves those that may end the job.

    A job has to go on where the cache, lines of metrics or all of a save but the last are refused.
    """
    at_work, ending = None, []  # whether the save at work is the last one, None: outside of one
    save = Saving.save

    def saved(saving: Saving, *arguments: Any, is_last: bool, **keys: Any) -> None:
        nonlocal at_work
        at_work = is_last
        save(saving, *arguments, is_last=is_last, **keys)
        at_work = None

    def before(operation: Operation) -> None:
        if first <= operation.number < first + times:
            is_line = operation.path.endswith((METRICS, TIMING)) and not at_work
            if at_work is not False and not is_line and "/cache" not in operation.path:
                ending.append(f"{operation}\n")
            raise OSError(number, os.strerror(number), operation.path)

    try:
        with mock.patch.object(Saving, "save", saved), watched(FileSystem(folder, before)):
            yield
    finally:
        (folder / ENDING).write_text("".join(ending), encoding="utf-8")


@contextlib.contextmanager
def limited(size: int) -> Iterator[None]:
    """No file of this process may be larger; what would be fails with EFBIG."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


@contextlib.contextmanager
def small_disk(folder: Path, size: int) -> Iterator[None]:
    """A file system of so many bytes for the runs, which only this process sees.

    It goes with the process; what it held is left in `kept`.
    """
    library = ctypes.CDLL(None, use_errno=True)
    place = folder / "runs"
    place.mkdir(exist_ok=True)
    options = f"size={size}".encode()
    refused = (
        library.unshare(_NEW_MOUNTS)
        or library.mount(b"none", b"/", None, _PRIVATE, None)
        or library.mount(b"none", bytes(place), b"tmpfs", 0, options)
    )
    if refused:
        raise RuntimeError(f"no file system: {os.strerror(ctypes.get_errno())}")
    try:
        yield
    finally:
        shutil.copytree(place, folder / "kept")


def can_mount() -> bool:
    """Whether a trial can have a file system of its own."""
    return os.geteuid() == 0


def _trials(bench: Bench, count: int) -> Sequence[str]:
    total = len(operations(bench))
    found = []
    for number in range(count or COUNT):
        kind = KINDS[number % len(KINDS)]
        if kind == "full" and not can_mount():
            kind = "limit"
        place = generator_of(f"disk:{number}").randrange(total)
        found.append(f"disk:{kind}:{place}:{number}")
    return found


def _run(bench: Bench, trial: str) -> str | None:
    _, kind, place, _ = trial.split(":")
    draw = generator_of(trial)
    folder, first = bench.place(trial), int(place)
    error = draw.choice(ERRORS)
    times = {"once": 1, "a while": draw.randrange(2, 60)}.get(kind, 10**9)
    if kind == "limit":
        ended = run(folder, within=lambda: limited(draw.randrange(4_000, 20_000)))
    elif kind == "full":
        ended = _on_small_disk(folder, 4096 * draw.randrange(2, 60))
    else:
        ended = run(folder, within=lambda: failing(folder, first, times, error))
    operation = operations(bench)[first] if kind == "once" else None
    fault = _fault(bench, folder, ended, operation) or goes_on(bench, folder)
    shutil.rmtree(folder)
    return fault and f"{fault} ({os.strerror(error)}, {operation})"


def _on_small_disk(folder: Path, size: int) -> Ended:
    ended = run(folder, within=lambda: small_disk(folder, size))
    if (folder / "kept").exists():  # the disk is replaced by a larger one with the same contents
        shutil.rmtree(folder / "runs", ignore_errors=True)
        (folder / "kept").rename(folder / "runs")
    return ended


def _fault(bench: Bench, folder: Path, ended: Ended, operation: Operation | None) -> str | None:
    if ended.code not in (0, 5):
        return f"exit {ended.code} instead of 0 or 5: {last_line(ended.text)}"
    if ended.code == 5 and "Traceback" in ended.text:
        return "a traceback"
    if ended.code == 0 and operation is not None and may_not_pass(operation):
        return "a sync failed, and nothing was said"
    if ended.code == 0:
        return unequal(tree(folder), bench.expected(), "runs")
    told = folder / ENDING
    if told.exists() and not told.read_text(encoding="utf-8"):
        return f"ended with exit 5, and could have gone on: {last_line(ended.text)}"
    return None


GOAL = Goal(
    "disk",
    "whatever a disk refuses, the job goes on or ends with exit 5, and then goes on to the same "
    "bits",
    _trials,
    _run,
    number=COUNT,
)
