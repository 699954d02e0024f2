"""How long a user waits before anything happens, the loading of libraries included."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.commands import failure, run
from benchmarks.table import Table, spread
from toolkit.recipe.load import load_recipe
from toolkit.standin import ready

RECIPE = "wnut17-minilm"
LOOK = 0.01  # seconds between looks at a file


def start(times: int, recipe: str = RECIPE, changes: Sequence[str] = ()) -> Table:
    """The commands that answer before they train, and training up to its first step."""
    ready(load_recipe(recipe, *changes))  # that it can run here, before anything is measured
    rows: list[list[str]] = []
    with tempfile.TemporaryDirectory() as folder:
        waits: dict[str, Callable[[], float]] = {
            "toolkit --version": lambda: _whole("--version"),
            f"toolkit check {recipe}": lambda: _whole("check", recipe, *changes),
            f"toolkit finetune {recipe}, to the end of its first step": lambda: first_step(
                Path(folder), recipe, changes
            ),
        }
        for wait in waits.values():  # into the caches: the file system's, Python's and our own
            wait()
        seconds = [[wait() for wait in waits.values()] for _ in range(times)]  # they take turns
        for name, values in zip(waits, zip(*seconds, strict=True), strict=True):
            rows.append([name, spread(values)])
    return Table("Start", ("command", "seconds"), rows, [f"{times} times each, all cached"])


def first_step(folder: Path, recipe: str, changes: Sequence[str] = ()) -> float:
    """Seconds from the start of a run until the line of its first step is written."""
    lines, log = folder / "start" / "timing.jsonl", folder / "log"
    lines.unlink(missing_ok=True)
    words = [
        "-m",
        "toolkit",
        "finetune",
        recipe,
        *changes,
        f"run.folder={folder}",
        "run.name=start",
    ]
    with log.open("wb") as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *words, "--fresh"], stdout=output, stderr=subprocess.STDOUT
        )
        try:
            while not (lines.is_file() and lines.stat().st_size):
                if process.poll():
                    raise failure(words, process.returncode, log.read_text("utf-8", "replace"))
                time.sleep(LOOK)
            return time.perf_counter() - began
        finally:
            process.kill()
            process.wait()


def _whole(*words: str) -> float:
    return run("-m", "toolkit", *words).seconds
