"""What one process of a ladder does: a run, or a measurement, on one thread or one GPU.

It is forked from a process that has the framework loaded and does nothing else. Its parent may
vanish: then it stops as on a signal, so that whoever goes on finds the run free.
"""

import json
import os
import resource
import sys
import threading
import time
import traceback
from collections.abc import Callable
from multiprocessing import connection, parent_process
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from toolkit import stopping
from toolkit.errors import ToolkitError
from toolkit.recipe.schema import Recipe
from toolkit.runs import files
from toolkit.runs.lock import InUseError
from toolkit.runs.run import Run, folder_of

if TYPE_CHECKING:
    from toolkit.training.events import Event

USAGE = "usage.json"  # what a run took of the machine; beside it, since it is another every time
PATIENCE = 60.0  # seconds for a run that a compare which was killed is just leaving
_DEFECT = 1  # exit code of what is no fault of the user's


class Said(NamedTuple):
    """A sentence, or how far a run is."""

    sentence: str
    is_note: bool = False  # about data or model: the same in every run of a rung


class Ended(NamedTuple):
    """How a process ended."""

    exit_code: int
    faults: tuple[str, ...] = ()


class Job(NamedTuple):
    """A run to make."""

    recipe: Recipe
    fresh: bool = False
    allow_code: tuple[str, ...] = ()


def work(
    pipe: "connection.Connection", device: str | None, task: Callable[..., None], *given: Any
) -> None:
    """Do a task in this process, and tell the parent how it ended."""
    if device is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = device
    pipe.send(_outcome(_telling(pipe), device is None, task, *given))
    pipe.close()


def _outcome(
    tell: Callable[[Said], None], is_cpu: bool, task: Callable[..., None], *given: Any
) -> Ended:
    try:
        stopping.listen()
        threading.Thread(target=_follow, daemon=True).start()
        import torch

        if is_cpu:
            torch.set_num_threads(1)
        task(tell, *given)
    except ToolkitError as error:
        return Ended(error.exit_code, error.faults)
    except stopping.Stopped as stopped:
        return Ended(stopped.exit_code)
    except KeyboardInterrupt:  # before anybody listened
        return Ended(stopping.INTERRUPTED)
    except Exception as error:  # told, and raised nowhere else: the parent prints the traceback
        return Ended(_DEFECT, (f"{type(error).__name__}: {error}", traceback.format_exc()))
    return Ended(0)


def _telling(pipe: "connection.Connection") -> Callable[[Said], None]:
    def tell(said: Said) -> None:
        try:
            pipe.send(said)
        except OSError:  # nobody listens any more, which `_follow` sees, too
            stopping.ask(stopping.TERMINATED)

    return tell


def _follow() -> None:
    """Stop where the parent has ended, however that came about."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        stopping.ask(stopping.TERMINATED)


def make_run(tell: Callable[[Said], None], job: Job) -> None:
    """Run a recipe to its end, and leave beside it what it took."""
    from toolkit.training.finetune import finetune

    began, watching = time.monotonic(), _Watching(tell)
    run, is_new = Run(folder_of(job.recipe)), True
    try:
        while True:
            try:
                finished = finetune(
                    job.recipe, fresh=job.fresh, allow_code=job.allow_code, watch=watching.watch
                )
                is_new = not finished.was_finished
                return
            except InUseError:
                if time.monotonic() > began + PATIENCE:
                    raise
                time.sleep(0.2)
    finally:
        if is_new and run.recipe_file.is_file():  # else it had not begun
            _leave_usage(run.folder, time.monotonic() - began, watching.sizes)


class _Watching:
    """Turns the events of a run into sentences."""

    def __init__(self, tell: Callable[[Said], None]) -> None:
        self.tell = tell
        self.num_steps = 0
        self.sizes: dict[str, int] = {}

    def watch(self, event: "Event") -> None:
        from toolkit.training.events import Evaluation, Note, Resumed, Started

        if isinstance(event, Note):
            self.tell(Said(event.text, is_note=True))
        elif isinstance(event, Started):
            self.num_steps = event.num_steps
            self.sizes = {
                "parameters": event.num_parameters,
                "parameters_trained": event.num_trained,
            }
        elif isinstance(event, Resumed):
            self.tell(Said(f"goes on behind step {event.step}"))
        elif isinstance(event, Evaluation):
            score = event.scores.get(event.metric)
            shown = "undefined" if score is None else f"{score:.4f}"
            self.tell(Said(f"step {event.step}/{self.num_steps}  dev {event.metric} {shown}"))


def _leave_usage(folder: Path, seconds: float, sizes: dict[str, int]) -> None:
    """Write what this process took, added to what earlier ones of the run did."""
    before = usage_of(folder)
    usage: dict[str, Any] = {
        "seconds": round(before.get("seconds", 0.0) + seconds, 3),
        "peak_memory_mb": max(before.get("peak_memory_mb", 0.0), _peak_memory()),
        "peak_gpu_memory_mb": max(before.get("peak_gpu_memory_mb", 0.0), _peak_gpu_memory()),
        **sizes,
    }
    files.write_json(folder / USAGE, usage)


def usage_of(folder: Path) -> dict[str, Any]:
    """What a run took; empty where it was made by another command."""
    path = folder / USAGE
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return found


def _peak_memory() -> float:
    """Of this process, in MB."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(most / (2**20 if sys.platform == "darwin" else 2**10), 1)  # bytes there, else KB


def _peak_gpu_memory() -> float:
    import torch

    return round(torch.cuda.max_memory_allocated() / 2**20, 1)  # 0 where there is no GPU
