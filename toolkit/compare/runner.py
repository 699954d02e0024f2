"""Many runs at once, each in a process of its own; what is finished is not run again.

The processes are forked from a server that has the framework loaded, so that each starts in
milliseconds, and computes on one thread: the bits do not depend on how many work beside it.
"""

import multiprocessing
import os
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle, islice
from multiprocessing import connection, forkserver
from typing import Any, NamedTuple

from toolkit import stopping
from toolkit.compare.worker import Ended, Job, Said, make_run, work
from toolkit.data.text import counted
from toolkit.errors import RunError
from toolkit.recipe.schema import Recipe
from toolkit.runs.run import Run, folder_of

_ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
_LOADED = (  # before any process is forked; the last are what a run loads on its way
    "toolkit.training.finetune", "toolkit.predict", "transformers.models.auto.modeling_auto",
    "torch._dynamo", "seqeval.metrics", "seqeval.scheme", "scipy.stats", "sklearn.metrics",
)  # fmt: skip
_KILLED = "its process was killed; for want of memory? Fewer --workers at once need less"
_SECONDS = 0.2  # between two looks whether a signal asks to stop


class Machine(NamedTuple):
    """Where runs go."""

    workers: int  # processes at once
    devices: tuple[str, ...]  # of CUDA, one for each process; none: a CPU


class Event(NamedTuple):
    """What a run says, or how it ended."""

    run: str
    what: Said | Ended
    num_finished: int
    num_runs: int


Tell = Callable[[Event], None]


def machine(workers: int | None) -> Machine:
    """The machine as it is; `workers` where the user or the ladder says how many.

    More processes than GPUs share them, as evenly as can be.
    """
    import torch

    devices = _devices(torch.cuda.device_count())
    if devices:
        number = workers or len(devices)
        return Machine(number, tuple(islice(cycle(devices), number)))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return Machine(workers or cores or 1, ())


def _devices(number: int) -> tuple[str, ...]:
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = named.split(",") if named else map(str, range(number))
    return tuple(name.strip() for name in names)[:number]


def unfinished(
    recipes: Sequence[Recipe], *, fresh: bool = False, allow_code: Sequence[str] = ()
) -> list[Recipe]:
    """The recipes that are to be run. RunError where a folder is the run of another recipe."""
    if fresh:
        return list(recipes)
    faults: list[str] = []
    found = []
    for recipe in recipes:
        run = Run(folder_of(recipe))
        try:
            run.settle(recipe, allow_code)
        except RunError as error:
            faults += error.faults
        if not run.is_finished:
            found.append(recipe)
    if faults:
        raise RunError(faults)
    return found


def run_all(jobs: Sequence[Job], workers: int | None, tell: Tell) -> dict[str, Ended]:
    """Make all runs, some at once; how each ended, by its name.

    One that fails ends no other. Where a signal asks to stop, each stops behind its step, and so
    does this.
    """
    if not jobs:
        return {}
    # the last rungs take longest, as a rule: begun first, none is left over at the end
    calls = [Call(job.recipe.run.name, make_run, (job,)) for job in reversed(jobs)]
    start_server()
    return worked(machine(workers), calls, tell)


def run_one_by_one(
    task: Callable[..., None], given: Mapping[str, tuple[Any, ...]], tell: Tell
) -> dict[str, Ended]:
    """Do a task for each name, one behind the other; how each ended."""
    if not given:
        return {}
    start_server()
    calls = [Call(name, task, arguments) for name, arguments in given.items()]
    return worked(machine(1), calls, tell)


class Call(NamedTuple):
    """Something for a process to do: a function of `tell` and what is given."""

    name: str
    task: Callable[..., None]
    given: tuple[Any, ...]


def worked(place: Machine, calls: Sequence[Call], tell: Tell) -> dict[str, Ended]:
    """Do all calls, as many at once as the machine has workers; how each ended, by its name."""
    ended: dict[str, Ended] = {}
    with stopping.deferred():
        _Crew(place, calls, tell, ended).work()
    return ended


def start_server() -> None:
    """Start what processes are forked from, unless it runs: with one thread."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*_LOADED])
    before = {name: os.environ.get(name) for name in _ONE_THREAD}
    os.environ.update(_ONE_THREAD)
    try:
        forkserver.ensure_running()
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


class _Crew:
    """The processes that are at work."""

    def __init__(
        self, place: Machine, calls: Sequence[Call], tell: Tell, ended: dict[str, Ended]
    ) -> None:
        self.context = multiprocessing.get_context("forkserver")
        self.workers = place.workers
        self.free = [*place.devices]
        self.waiting = [*calls]
        self.total = len(calls)
        self.tell = tell
        self.ended = ended
        self.active: dict[
            connection.Connection, tuple[str, Any, str | None]
        ] = {}  # pipe -> name, process, device

    def work(self) -> None:
        """Work until all have ended, or a signal has stopped those that began."""
        try:
            while self.active or self.waiting:
                while self.waiting and len(self.active) < self.workers:
                    self._start(self.waiting.pop(0))
                self._listen()
                if votes := stopping.vote():
                    self._stop()
                    raise stopping.stopped(stopping.outcome(votes), self._kept())
        finally:
            self._stop()

    def _start(self, call: Call) -> None:
        device = self.free.pop(0) if self.free else None
        ours, theirs = self.context.Pipe(duplex=False)
        given = (theirs, device, call.task, *call.given)
        process = self.context.Process(target=work, args=given, name=call.name)
        process.start()
        theirs.close()
        self.active[ours] = (call.name, process, device)

    def _listen(self) -> None:
        """Hear what processes say, for a moment."""
        for pipe in connection.wait([*self.active], timeout=_SECONDS):
            assert isinstance(pipe, connection.Connection)
            name, process, device = self.active[pipe]
            said: Said | Ended
            try:
                said = pipe.recv()
            except (EOFError, OSError):  # killed: by the system, for its memory, or by hand
                said = Ended(-1, (_KILLED,))
            if isinstance(said, Ended):
                process.join()
                pipe.close()
                del self.active[pipe]
                if device is not None:
                    self.free.append(device)
                self.ended[name] = said
            self.tell(Event(name, said, len(self.ended), self.total))

    def _stop(self) -> None:
        """Ask all to stop, and wait until they have."""
        self.waiting.clear()
        for _, process, _ in self.active.values():
            process.terminate()
        while self.active:
            self._listen()

    def _kept(self) -> str:
        done = sum(not each.exit_code for each in self.ended.values())
        return f"{done} of {counted(self.total, 'run')} finished, the others saved"
