"""What a disk may hold after a power loss: unsynced data torn, unsynced renames reordered or lost.

A job is recorded once, operation by operation. An image is what the disk holds when the power goes
behind one of them: what was synced, and of all else whatever chance says. Every name in a folder
that was made, renamed or removed since the folder was last synced may or may not be so on the disk,
each for itself; a file that was not synced may be empty, cut, or full of zeros. That is more than
journaling file systems lose.
"""

import contextlib
import io
import json
import os
import random
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

from toolkit.runs import files
from toolkit.runs.checkpoints import Checkpoints
from toolkit.runs.run import Run
from torture.bench import SCENE, Bench, generator_of, goes_on, job
from torture.filesystem import FileSystem, Operation, watched
from torture.goal import Goal

COUNT, RESUMED = 5000, 40  # images, and how many of a thousand are run on to the end


class Event(NamedTuple):
    """A change of the disk in the order in which it happened; nodes stand for inodes."""

    kind: str  # make, rename, drop (of a name in a folder), write (of data), sync, mark
    folder: int = 0  # the node of the folder whose names change
    name: str = ""
    node: int = 0
    target: str = ""  # the new name of a rename
    data: bytes | None = None  # None: a folder
    mark: Any = None


class Recording(NamedTuple):
    """What a job did to the disk, and what it had promised by when."""

    events: list[Event]
    steps: dict[int, dict[str, bytes]]  # the files of each checkpoint that was committed
    metrics: bytes
    final: dict[str, bytes]


class Recorder:
    """Turns operations into events; what was written since the last one is found by looking."""

    def __init__(self, root: Path) -> None:
        self.root = str(root)
        self.events: list[Event] = []
        self.nodes: dict[str, int] = {self.root: 0}
        self.seen: dict[str, bytes] = {}
        self.next = 1

    def before(self, operation: Operation) -> None:
        """Take down what was written, then what is about to happen to names and syncs."""
        self.look()

    def after(self, operation: Operation) -> None:
        """Take down what has happened."""
        path, target = operation.path, operation.target
        if operation.name in ("mkdir", "open"):
            self.look()
        elif operation.name == "rename":
            assert target is not None
            node = self.nodes[path]
            folder = self.nodes[os.path.dirname(path)]
            assert os.path.dirname(path) == os.path.dirname(target)
            self.events.append(
                Event("rename", folder, os.path.basename(path), node, os.path.basename(target))
            )
            self._forget(target)
            for each in [each for each in self.nodes if _is_in(each, path)]:
                moved = target + each[len(path) :]
                self.nodes[moved] = self.nodes.pop(each)
                if each in self.seen:
                    self.seen[moved] = self.seen.pop(each)
        elif operation.name in ("unlink", "rmdir"):
            folder = self.nodes[os.path.dirname(path)]
            self.events.append(Event("drop", folder, os.path.basename(path), self.nodes[path]))
            self._forget(path)
        elif operation.name == "fsync":
            self.events.append(Event("sync", node=self.nodes[path]))

    def mark(self, mark: Any) -> None:
        """Take down a promise: from here on it holds, whatever happens to the power."""
        self.look()
        self.events.append(Event("mark", mark=mark))

    def look(self) -> None:
        """Find what is new below the folder, and which files have other bytes."""
        for place, folders, names in os.walk(self.root):
            for name in sorted(folders):
                self._made(os.path.join(place, name), None)
            for name in sorted(names):
                path = os.path.join(place, name)
                data = Path(path).read_bytes()
                self._made(path, data)
                if self.seen.get(path) != data:
                    self.seen[path] = data
                    self.events.append(Event("write", node=self.nodes[path], data=data))

    def _made(self, path: str, data: bytes | None) -> None:
        if path in self.nodes:
            return
        self.nodes[path] = self.next
        folder = self.nodes[os.path.dirname(path)]
        kind = None if data is None else b""
        self.events.append(Event("make", folder, os.path.basename(path), self.next, data=kind))
        if data is not None:
            self.seen[path] = b""
        self.next += 1

    def _forget(self, path: str) -> None:
        for each in [each for each in self.nodes if _is_in(each, path)]:
            del self.nodes[each]
            self.seen.pop(each, None)


def _is_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder + os.sep)


def record(bench: Bench) -> Recording:
    """Run the job once, in this process, and take down everything that it does in `runs`."""
    folder = bench.place(f"power:record:{os.getpid()}", SCENE)
    (folder / "runs").mkdir()
    recorder = Recorder(folder / "runs")
    steps: dict[int, dict[str, bytes]] = {}
    save, finish = Checkpoints.save, Run.write_results

    def saved(self: Checkpoints, step: int, checkpoint: Any) -> None:
        save(self, step, checkpoint)
        steps[step] = _files(self.path(step))
        recorder.mark(step)

    def finished(self: Run, results: Any) -> None:
        finish(self, results)
        recorder.mark("finished")

    system = FileSystem(folder / "runs", recorder.before, recorder.after)
    with (
        mock.patch.object(Checkpoints, "save", saved),
        mock.patch.object(Run, "write_results", finished),
        watched(system),
        contextlib.redirect_stdout(io.StringIO()),
    ):
        job(folder)
    final = _files(folder / "runs" / "job")
    shutil.rmtree(folder)
    return Recording(recorder.events, steps, final["metrics.jsonl"], final)


def _files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def image(recording: Recording, draw: random.Random) -> tuple[dict[int, Any], list[Any]]:
    """What the disk holds behind a random operation (names by folder, data by node); the promises.

    Folders are dictionaries from name to node, files are bytes.
    """
    end = draw.randrange(1, len(recording.events) + 1)
    events = recording.events[:end]
    synced = {}  # node -> place of its last sync
    for place, event in enumerate(events):
        if event.kind == "sync":
            synced[event.node] = place
    share = draw.choice((0.0, 0.5, 1.0, draw.random()))  # of what was not synced and arrived
    disk: dict[int, Any] = {0: {}}
    safe: dict[int, bytes] = {}  # what a file held when it was last synced
    for place, event in enumerate(events):
        if event.kind in ("make", "rename", "drop"):
            if event.kind == "make":  # the inode itself; whether it has a name is another matter
                disk[event.node] = {} if event.data is None else b""
            if synced.get(event.folder, -1) > place or draw.random() < share:
                _rename(disk[event.folder], event)
        elif event.kind == "write":
            assert event.data is not None
            if synced.get(event.node, -1) > place:
                disk[event.node] = safe[event.node] = event.data
            else:
                known = safe.get(event.node, b"")
                disk[event.node] = _torn(disk[event.node], event.data, known, draw)
    return disk, [event.mark for event in events if event.kind == "mark"]


def _rename(names: dict[str, int], event: Event) -> None:
    if event.kind == "make":
        names[event.name] = event.node
    elif event.kind == "drop":
        if names.get(event.name) == event.node:
            del names[event.name]
    elif names.get(event.name) == event.node:
        del names[event.name]
        names[event.target] = event.node
    else:  # the name that it had before never reached the disk
        names[event.target] = event.node


def _torn(before: bytes, data: bytes, known: bytes, draw: random.Random) -> bytes:
    """Something between what a file held and what was written to it."""
    how = draw.randrange(4)
    if how == 0:
        return before
    if how == 1:
        return data
    kept = draw.randrange(len(data) + 1)
    if data.startswith(known):
        kept = max(kept, len(known))  # what is appended to a file leaves its beginning alone
    return data[:kept] + (bytes(len(data) - kept) if how == 2 else b"")


def write_image(disk: dict[int, Any], folder: Path, node: int = 0) -> None:
    """Write an image below a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, inside in disk[node].items():
        if isinstance(disk[inside], dict):
            write_image(disk, folder / name, inside)
        else:
            (folder / name).write_bytes(disk[inside])


def fault_of_image(recording: Recording, folder: Path, promised: list[Any]) -> str | None:
    """What a power loss has cost that was promised; None: nothing."""
    run = Run(folder / "job")
    if run.folder.is_dir():
        run.sweep()
    newest = run.checkpoints.newest()
    step = newest.state["step"] if newest else 0
    committed = max((mark for mark in promised if mark != "finished"), default=0)
    if step < committed:
        return f"step {committed} was committed, and step {step} is the newest"
    if step and _files(run.checkpoints.path(step)) != recording.steps[step]:
        return f"the checkpoint of step {step} is not what was saved"
    run.rewind(step, "metrics.jsonl")
    found = _files(run.folder).get("metrics.jsonl", b"") if run.folder.is_dir() else b""
    if found != _metrics_until(recording, step):
        return f"metrics.jsonl lacks lines up to step {step}"
    if run.is_finished:
        return _fault_of_finished(recording, run)
    return "the run was finished, and is not" if "finished" in promised else None


def _metrics_until(recording: Recording, step: int) -> bytes:
    lines = recording.metrics.splitlines(keepends=True)
    return b"".join(line for line in lines if json.loads(line)["step"] <= step)


def _fault_of_finished(recording: Recording, run: Run) -> str | None:
    if fault := files.fault_of(run.model):
        return f"the run is finished, and its model is not whole: {fault}"
    found = _files(run.folder)
    for name in ("results.json", "manifest.json", "recipe.yaml", "predictions-test.jsonl"):
        if found.get(name) != recording.final[name]:
            return f"the run is finished, and {name} is not what was written"
    return None


_recordings: dict[int, Recording] = {}


def _recorded(bench: Bench) -> Recording:
    if id(bench) not in _recordings:
        _recordings[id(bench)] = record(bench)
    return _recordings[id(bench)]


def _trials(bench: Bench, count: int) -> Sequence[str]:
    _recorded(bench)
    return [f"power:{number}" for number in range(count or COUNT)]


def _run(bench: Bench, trial: str) -> str | None:
    draw = generator_of(trial)
    recording = _recorded(bench)
    disk, promised = image(recording, draw)
    folder = bench.place(trial)
    write_image(disk, folder / "runs")
    if draw.randrange(1000) < RESUMED:
        fault = goes_on(bench, folder)
    else:
        fault = fault_of_image(recording, folder / "runs", promised)
    shutil.rmtree(folder)
    return fault


GOAL = Goal(
    "power",
    "after a power loss behind any operation, every committed step is there, whole, with its lines",
    _trials,
    _run,
    number=COUNT,
)
