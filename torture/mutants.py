"""The toolkit with one thing wrong: each mutant has to turn the goal red that is there for it.

A mutant is put in force in a process of its own, which then runs trials of its goal until one of
them fails. What a run that nothing happens to leaves is computed with the mutant, too.
"""

import contextlib
import itertools
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from toolkit.errors import RunError, StorageError
from toolkit.runs import checkpoints, files, lines, lock, saving
from toolkit.runs import run as runs
from toolkit.training import batches, cache, ending, finetune, fit, gradients, optimiser, steps


class Mutant(NamedTuple):
    """A defect, and the goal that has to notice it."""

    name: str
    goal: str
    apply: Callable[[], None]


def _set(owner: Any, name: str, value: Any) -> Callable[[], None]:
    return lambda: setattr(owner, name, value)


def _both(*changes: Callable[[], None]) -> Callable[[], None]:
    def apply() -> None:
        for change in changes:
            change()

    return apply


def _nothing(*_: Any, **__: Any) -> None:
    return None


# the protocol of commits

_sync, _write_file = files.sync, files.write_file


def _sync_folders_only(path: Path) -> None:
    if path.is_dir():
        _sync(path)


def _complete_without_own_names(folder: Path) -> None:
    """Everything inside is synced, but not the names of the files in their folder."""
    inside = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    contents = {str(path.relative_to(folder)): files._describe(path) for path in inside}
    (folder / files.CONTENTS).write_text(json.dumps(contents), encoding="utf-8")
    for path in [*inside, folder / files.CONTENTS]:
        _sync(path)


def _complete_unsynced(folder: Path) -> None:
    inside = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    contents = {str(path.relative_to(folder)): files._describe(path) for path in inside}
    _write_file(folder / files.CONTENTS, json.dumps(contents).encode())


def _write_unsynced(path: Path, data: bytes, **_: Any) -> None:
    aside = path.parent / f"{files.TEMPORARY}{path.name}"
    with files.storage_errors(path):
        aside.write_bytes(data)
        os.replace(aside, path)
        files.sync_folder(path.parent)


def _write_in_place(path: Path, data: bytes, **_: Any) -> None:
    with files.storage_errors(path), open(path, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _make_folder_unsynced(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)


def _commit_in_place(target: Path, fill: Callable[[Path], None]) -> None:
    with files.storage_errors(target):
        files.make_folder(target.parent)
        files.remove(target)
        target.mkdir()
        fill(target)
        files._complete(target)
        files.sync_folder(target.parent)


def _commit_without_cleaning(target: Path, fill: Callable[[Path], None]) -> None:
    aside = target.parent / f"{files.TEMPORARY}{target.name}"
    with files.storage_errors(target):
        files.make_folder(target.parent)
        files.remove(aside)
        aside.mkdir()
        fill(aside)
        files._complete(aside)
        files._rename(aside, target)
        files.sync_folder(target.parent)
        files.remove(files._older(target))


def _commit_over(target: Path, fill: Callable[[Path], None]) -> None:
    """What a kill left under the temporary name stands in the way."""
    aside = target.parent / f"{files.TEMPORARY}{target.name}"
    with files.storage_errors(target):
        files.make_folder(target.parent)
        aside.mkdir()
        fill(aside)
        files._complete(aside)
        files._rename(aside, target)
        files.sync_folder(target.parent)


def _fsync_errors_ignored() -> None:
    def sync(path: Path) -> None:
        with contextlib.suppress(OSError):
            _sync(path)

    files.sync = sync
    files.sync_folder = sync


def _trusting(folder: Path) -> str | None:
    return None if folder.is_dir() else "is not there"


def _sizes_only(folder: Path) -> str | None:
    try:
        contents = json.loads((folder / files.CONTENTS).read_text(encoding="utf-8"))
        odd = [n for n, each in contents.items() if (folder / n).stat().st_size != each["bytes"]]
    except (OSError, ValueError):
        return "no contents"
    return f"{odd[0]} has another size" if odd else None


def _errors_of_os_only() -> None:
    @contextlib.contextmanager
    def storage_errors(path: Path) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StorageError(f"{path}: could not be written ({error.strerror})") from error

    files.storage_errors = storage_errors


# checkpoints


def _newest_by_time(self: checkpoints.Checkpoints) -> Any:
    found = [step for step in self.steps() if files.fault_of(self.path(step)) is None]
    if not found:
        return None
    return self.load(max(found, key=lambda step: self.path(step).stat().st_mtime))


def _oldest(self: checkpoints.Checkpoints) -> Any:
    found = [step for step in self.steps() if files.fault_of(self.path(step)) is None]
    return self.load(found[0]) if found else None


def _rotate_first(self: saving.Saving, step: int, checkpoint: Any) -> None:
    for name in self.logs:
        self.run.lines(name).sync()
    for each in self.run.checkpoints.steps():
        if each != checkpoint.state["best_step"]:
            files.remove(self.run.checkpoints.path(each))
    self.run.checkpoints.save(step, checkpoint)


def _state_without(*names: str) -> Callable[[], None]:
    resume = fit._resume

    def resumed(*arguments: Any) -> Any:
        progress = resume(*arguments)
        usual = fit.Progress()
        return progress._replace(**{name: getattr(usual, name) for name in names})

    return _set(fit, "_resume", resumed)


# lines, results, lock, cache

_rewind = lines.Lines.rewind


def _rewind_too_far(self: lines.Lines, step: int, **keys: Any) -> None:
    _rewind(self, step - 1, **keys)


def _rewind_without_looking(self: lines.Lines, step: int, **_: Any) -> None:
    if self.path.is_file():
        text = self.path.read_text(encoding="utf-8")
        kept = [each for each in text.splitlines() if f'"step": {step + 1},' not in each]
        self.path.write_text("".join(each + "\n" for each in kept), encoding="utf-8")


def _append_in_pieces(self: lines.Lines) -> None:
    """What was refused is forgotten."""
    kept, self._kept = self._kept, b""
    if kept:
        with files.storage_errors(self.path), open(self.path, "ab") as file:
            file.write(kept)


def _append_after_half(self: lines.Lines) -> None:
    """Half of a line that a full disk took is left in front of it."""
    if self._kept:
        with files.storage_errors(self.path), open(self.path, "ab") as file:
            for place in range(0, len(self._kept), 40):
                file.write(self._kept[place : place + 40])
                file.flush()
        self._kept = b""


_finish = ending.finish


def _finish_after_results(job: Any, save: Any, results: Any, record: Any, **kinds: Any) -> None:
    job.run.write_results(results)
    _finish(job, save, results, record, **kinds)


@contextlib.contextmanager
def _lock_by_name(folder: Path) -> Iterator[None]:
    """A file that says that the folder is in use, which a kill leaves there."""
    files.make_folder(folder)
    try:
        (folder / lock.LOCK).open("x").close()
    except FileExistsError:
        raise RunError(f"{folder}: in use by another run (process 1 on host)") from None
    try:
        yield
    finally:
        (folder / lock.LOCK).unlink()


@contextlib.contextmanager
def _no_lock(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / lock.LOCK).touch()
    yield


def _clear_in_any_order(self: runs.Run) -> None:
    for path in sorted(self.folder.iterdir()):
        if path.name == lock.LOCK:
            continue
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _publish_in_place(self: cache.Cache, name: str, fill: Callable[[Path], None]) -> Path:
    place: Path = self.folder / name
    place.mkdir()
    fill(place)
    return place


# saving on a disk that refuses


def _give_up(self: saving.Saving, step: int, checkpoint: Any, *, best: Any, is_last: bool) -> None:
    self._commit(step, checkpoint)
    self.run.checkpoints.rotate(self.keep, best)


def _never_owed(
    self: saving.Saving, step: int, checkpoint: Any, *, best: Any, is_last: bool
) -> None:
    try:
        self._commit(step, checkpoint)
        self.run.checkpoints.rotate(self.keep, best)
    except StorageError:
        if is_last:
            raise


def _owed_without_copy() -> None:
    checkpoints.Checkpoint.copy = lambda self: self


def _last_refusal_ignored(
    self: saving.Saving, step: int, checkpoint: Any, *, best: Any, is_last: bool
) -> None:
    with contextlib.suppress(StorageError):
        self._commit(step, checkpoint)
        self.run.checkpoints.rotate(self.keep, best)


# training that does not go on as it began


def _order_from_generator() -> None:
    generator = np.random.default_rng(5)
    batches.Plan.order = lambda self, epoch: generator.permutation(self.num_examples)


def _seeds_from_generator() -> None:
    numbers = itertools.count(1)
    gradients.counted_seed = lambda *_: next(numbers)


def _schedule_from_here() -> None:
    factor, first = steps.rate_factor, []

    def from_here(schedule: str, warmup: float, step: int, num_steps: int) -> float:
        first.append(step)
        return factor(schedule, warmup, step - first[0], num_steps)

    steps.rate_factor = from_here


def _moments_only() -> None:
    """The optimiser forgets how many steps it has made."""
    restore = optimiser.restore_state

    def restored(found: Any, model: Any, state: Any) -> None:
        zero = {name: tensor * (not name.endswith("/step")) for name, tensor in state.items()}
        restore(found, model, zero)

    fit.restore_state = restored


def _finished_by_manifest(self: runs.Run) -> bool:
    return bool(self.manifest().get("model"))


MUTANTS = (
    Mutant("files of a folder are not synced", "power",
           _set(files, "_complete", _complete_unsynced)),
    Mutant("no file is synced", "power", _set(files, "sync", _sync_folders_only)),
    Mutant("single files are not synced", "power", _set(files, "write_file", _write_unsynced)),
    Mutant("names inside a folder are not synced", "power",
           _set(files, "_complete", _complete_without_own_names)),
    Mutant("the folder of a rename is not synced", "power", _set(files, "sync_folder", _nothing)),
    Mutant("new folders are not synced", "power",
           _set(files, "make_folder", _make_folder_unsynced)),
    Mutant("metrics are not synced before a checkpoint", "power",
           _set(lines.Lines, "sync", lines.Lines._write)),
    Mutant("rotation before the commit", "power", _set(saving.Saving, "_commit", _rotate_first)),
    Mutant("results before the model", "power", _set(finetune, "finish", _finish_after_results)),
    Mutant("files are written in place", "power", _set(files, "write_file", _write_in_place)),
    Mutant("a commit stumbles over a killed one", "crash",
           _both(_set(files, "commit_folder", _commit_over), _set(files, "sweep", _nothing))),
    Mutant("nothing is swept", "crash", _set(files, "sweep", _nothing)),
    Mutant("folders are written in place and trusted", "kills",
           _both(_set(files, "commit_folder", _commit_in_place),
                 _set(files, "fault_of", _trusting))),
    Mutant("lines behind the checkpoint stay", "crash", _set(lines.Lines, "rewind", _nothing)),
    Mutant("lines of the checkpoint's step go", "crash",
           _set(lines.Lines, "rewind", _rewind_too_far)),
    Mutant("half a line stays", "crash", _set(lines.Lines, "rewind", _rewind_without_looking)),
    Mutant("the oldest checkpoint counts", "clock",
           _set(checkpoints.Checkpoints, "newest", _oldest)),
    Mutant("the best score is forgotten", "crash", _state_without("best_score")),
    Mutant("the best step is forgotten", "crash", _state_without("best_step", "best_score")),
    Mutant("the step is forgotten", "crash", _state_without("step")),
    Mutant("the optimiser begins anew", "crash", _set(fit, "restore_state", _nothing)),
    Mutant("the optimiser counts anew", "crash", _moments_only),
    Mutant("weights begin anew", "crash", _set(fit, "put_weights", _nothing)),
    Mutant("the order is drawn", "crash", _order_from_generator),
    Mutant("dropout is drawn", "crash", _seeds_from_generator),
    Mutant("the learning rate begins anew", "crash", _schedule_from_here),
    Mutant("finished once the manifest is sealed", "crash",
           _set(runs.Run, "is_finished", property(_finished_by_manifest))),
    Mutant("--fresh clears in any order", "crash", _set(runs.Run, "clear", _clear_in_any_order)),
    Mutant("the cache is filled in place and trusted", "crash",
           _both(_set(cache.Cache, "_filled", _publish_in_place),
                 _set(files, "fault_of", _trusting))),
    Mutant("the cache is not swept", "crash", _set(cache.Cache, "_sweep", _nothing)),
    Mutant("no checks of contents", "damage", _set(files, "fault_of", _trusting)),
    Mutant("sizes are checked, not contents", "damage", _set(files, "fault_of", _sizes_only)),
    Mutant("a damaged best checkpoint is overlooked", "damage",
           _set(checkpoints.Checkpoints, "_fault_of_best", _nothing)),
    Mutant("what was passed over pushes others out", "damage",
           _set(checkpoints.Checkpoints, "forget_after", _nothing)),
    Mutant("the newest by the clock counts", "clock",
           _set(checkpoints.Checkpoints, "newest", _newest_by_time)),
    Mutant("no lock", "pairs", _set(runs, "locked", _no_lock)),
    Mutant("a lock that is a name", "pairs", _set(runs, "locked", _lock_by_name)),
    Mutant("a refused checkpoint ends the run", "disk", _set(saving.Saving, "save", _give_up)),
    Mutant("a refused best checkpoint is forgotten", "disk",
           _set(saving.Saving, "save", _never_owed)),
    Mutant("a refused best checkpoint changes with the model", "disk", _owed_without_copy),
    Mutant("a refused last checkpoint is overlooked", "disk",
           _set(saving.Saving, "save", _last_refusal_ignored)),
    Mutant("a refused line is forgotten", "disk", _set(lines.Lines, "_write", _append_in_pieces)),
    Mutant("a refused commit is not cleaned up", "disk",
           _set(files, "commit_folder", _commit_without_cleaning)),
    Mutant("errors from Rust are tracebacks", "disk", _errors_of_os_only),
    Mutant("errors of a sync are overlooked", "disk", _fsync_errors_ignored),
)  # fmt: skip
