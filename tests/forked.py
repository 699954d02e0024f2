"""Runs and commands in processes that are forked from this one, which has everything imported."""

import gc
import importlib
import json
import logging
import os
import runpy
import shutil
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from accelerate.state import AcceleratorState

import toolkit
from toolkit.cli import main
from toolkit.training import fit
from toolkit.training.steps import Step

WANTED = (
    "toolkit.training.finetune",
    "toolkit.predict",
    "transformers.modeling_utils",
    "seqeval.metrics",
)
for each in WANTED:  # else every process would import it again
    importlib.import_module(each)
STOPPED = 77  # the exit code of processes that were taken away


def forked(act: Callable[[], None], variables: Mapping[str, str] = {}) -> int:
    """Start a process that does something and ends with the code of its exit; its number."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        gc.freeze()  # to look for rubbish in all of torch takes longer than a run
        os.environ.update(variables)
        AcceleratorState._reset_state(reset_partial_state=True)
        act()
        code = 0
    except SystemExit as ended:
        code = int(ended.code or 0)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def finished(child: int) -> int:
    """Wait for a process; its exit code, negative: the signal that killed it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def surroundings(processes: int) -> list[dict[str, str]]:
    """The variables that a launcher gives to each of so many processes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    if processes == 1:
        return [{}]
    shared = {
        "WORLD_SIZE": str(processes),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    return [{**shared, "RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(processes)]


def finetune_forked(
    recipe: str, *overrides: str, processes: int, until: int | None = None
) -> list[int]:
    """Run a recipe on so many processes; with `until` they all vanish behind that step.

    Gives the exit codes.
    """

    def run() -> None:
        if until is not None:
            _vanish_behind(until)
        toolkit.finetune(toolkit.load_recipe(recipe, *overrides))
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()

    children = [forked(run, variables) for variables in surroundings(processes)]
    return [finished(child) for child in children]


def run_forked(recipe: str, name: str, *overrides: str, processes: int = 2) -> Path:
    """Run a recipe to its end on so many processes; the folder of the run, beside the recipe."""
    folder = Path(recipe).parent / name
    codes = finetune_forked(recipe, f"run.folder={folder}", *overrides, processes=processes)
    assert codes == [0] * processes
    manifest = json.loads((folder / "small" / "manifest.json").read_text())
    assert manifest["processes"] == processes
    return folder / "small"


def command_forked(
    *words: object,
    folder: str | Path = ".",
    stdin: str = "",
    meanwhile: Callable[[], None] = lambda: None,
) -> subprocess.CompletedProcess[str]:
    """Type a command of the toolkit in a folder; `meanwhile` is done in its process before it."""

    def command() -> None:
        meanwhile()
        _command(words)

    return _ended(_typed(command, folder, stdin=stdin))


def commands_forked(
    *words: object, folder: str | Path, processes: int
) -> list[subprocess.CompletedProcess[str]]:
    """Type a command of the toolkit as a launcher of so many processes does."""
    act = partial(_command, words)
    return [
        _ended(each)
        for each in [_typed(act, folder, variables) for variables in surroundings(processes)]
    ]


def script_forked(
    path: str, *words: object, folder: str | Path
) -> subprocess.CompletedProcess[str]:
    """Run a script, as Python does that is started in a folder."""

    def script() -> None:
        sys.argv = [path, *map(str, words)]
        sys.path.insert(0, str(Path(path).parent.resolve()))
        runpy.run_path(path, run_name="__main__")

    return _ended(_typed(script, folder))


def _command(words: Sequence[object]) -> None:
    sys.argv = ["toolkit", *map(str, words)]
    main()


class Typed(NamedTuple):
    """A process, and the folder with what it reads and says."""

    child: int
    place: Path


def _typed(
    act: Callable[[], None],
    folder: str | Path,
    variables: Mapping[str, str] = {},
    stdin: str = "",
) -> Typed:
    place = Path(tempfile.mkdtemp())
    (place / "in").write_text(stdin, encoding="utf-8")

    def typed() -> None:
        _connect(place)
        os.chdir(folder)
        act()

    return Typed(forked(typed, variables), place)


def _ended(typed: Typed) -> subprocess.CompletedProcess[str]:
    code = finished(typed.child)
    out, err = ((typed.place / name).read_text(encoding="utf-8") for name in ("out", "err"))
    shutil.rmtree(typed.place)
    return subprocess.CompletedProcess((), code, out, err)


def _connect(place: Path) -> None:
    """Let what a process reads and says be in files of a folder; pytest hears no log any more."""
    logging.getLogger().handlers.clear()
    for number, name in enumerate(("in", "out", "err")):
        flags = os.O_WRONLY | os.O_CREAT if number else os.O_RDONLY
        os.dup2(os.open(place / name, flags), number)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115


def _vanish_behind(step: int) -> None:
    steps = fit.steps

    def some_steps(*arguments):
        for event in steps(*arguments):
            if isinstance(event, Step) and event.number > step:
                os._exit(STOPPED)
            yield event

    fit.steps = some_steps
