"""Two runs in one folder, at the same time or nearly so."""

import os
import shutil
import signal
from collections.abc import Sequence

from torture.bench import LOG, SCENE, Bench, finish, generator_of, goes_on, job, last_line, start
from torture.filesystem import FileSystem, Operation, watched
from torture.goal import Goal


def _trials(bench: Bench, count: int) -> Sequence[str]:
    return [f"pairs:{number}" for number in range(count)]


def _run(bench: Bench, trial: str) -> str | None:
    """The first run stops at some operation until the second has ended, or is killed there."""
    draw, folder = generator_of(trial), bench.place(trial, SCENE)
    place, is_killed = draw.randrange(3, 250), draw.random() < 0.3
    reached, told = os.pipe()
    waits, goes = os.pipe()

    def before(operation: Operation) -> None:
        if operation.number == place:
            os.write(told, b"x")
            os.read(waits, 1)

    def first() -> None:
        with watched(FileSystem(folder, before)):
            job(folder)

    one = start(first, folder / LOG)
    os.read(reached, 1)
    if is_killed:
        os.kill(one, signal.SIGKILL)
        finish(one, folder / LOG)
    second = finish(start(lambda: job(folder), folder / "second"), folder / "second")
    fault = None
    if not is_killed:
        os.write(goes, b"x")
        ended = finish(one, folder / LOG)
        refusal = f"in use by another run (process {one} on "
        if second.code != 2 or refusal not in second.text or len(second.text.splitlines()) != 1:
            fault = f"the second was not refused: exit {second.code}: {last_line(second.text)}"
        elif ended.code != 0:
            fault = f"the first ended with exit {ended.code}: {last_line(ended.text)}"
    elif second.code != 0:
        fault = f"a killed run holds the folder: exit {second.code}: {last_line(second.text)}"
    for descriptor in (reached, told, waits, goes):
        os.close(descriptor)
    fault = fault or goes_on(bench, folder)
    shutil.rmtree(folder)
    return fault


GOAL = Goal(
    "pairs",
    "of two runs in a folder the second is refused in a line; one that was killed holds nothing",
    _trials,
    _run,
    number=30,
)
