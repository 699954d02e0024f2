"""What the processes of a run know of each other beside the operations that they share.

One that fails, is killed or hangs leaves the others waiting in an operation that never ends, or
with a broken connection that names nobody. So each has a thread that looks after the others: what
one has told in the store that they met in, which of this machine's are gone, which have passed no
boundary for long while others wait for them; and whoever sees a broken connection looks for the one
that is silent since. The first to know says it in one line, writes
`error-rank-<r>.json` into the run's folder, and all end.
"""

import contextlib
import json
import logging
import os
import signal
import socket
import sys
import threading
import time
import traceback
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from torch.distributed.distributed_c10d import _get_default_store

from toolkit import stopping
from toolkit.encoders.tokenizer_file import SILENCE
from toolkit.errors import ToolkitError
from toolkit.runs.lock import InUseError  # whose folder is another run's
from toolkit.training.watched import Watched, is_alive

log = logging.getLogger(__name__)
LIMIT = "TOOLKIT_TIMEOUT"  # variable of the environment: seconds
USUAL_LIMIT = 600.0  # that one may take between two boundaries of training while others wait
PREPARING = 3.0  # times as long where nothing is trained: with the usual limit, what gloo waits
EACH = 0.5  # seconds between two looks
GRACE = 1.0  # for who told the cause to say it before the others end
PATIENCE = 5.0  # for the cause of a broken connection to show
WAITING = (  # files whose code waits for others: operations, backward, and the end of both
    "/torch/distributed/", "/torch/autograd/graph.py", "/torch/nn/parallel/distributed.py",
    "/accelerate/utils/operations.py", "/accelerate/state.py", str(Path(__file__).parent),
)  # fmt: skip
SYMPTOMS = ("gloo", "nccl", "connection", "peer", "socket", "store", "timed out")
_runs = 0  # that this process took part in


class Fault(NamedTuple):
    """What ends a run of several processes."""

    rank: int
    cause: str
    exit_code: int
    is_stop: bool = False  # a signal, which is no fault

    @property
    def line(self) -> str:
        """The line that a user reads."""
        return f"rank {self.rank}: {self.cause}"


class Life(NamedTuple):
    """What a process tells of itself twice a second."""

    sign: int  # counts up as long as it lives
    place: str
    is_waiting: bool  # for others
    seconds: float  # since the last boundary
    is_training: bool

    def limit(self, seconds: float) -> float:
        """How long it may take to the next boundary, where that is the limit in training."""
        return seconds if self.is_training else seconds * PREPARING


class Peers:
    """The other processes, seen from one of them."""

    def __init__(self, rank: int, count: int, folder: Path) -> None:
        global _runs
        _runs += 1
        self.rank, self.count, self.folder = rank, count, folder
        self.name = f"toolkit/{_runs}"
        self.limit = limit()
        self.parent = os.getppid() if "TORCHELASTIC_RUN_ID" in os.environ else None
        self.main = threading.main_thread().ident
        self.is_over = threading.Event()
        self.lock = threading.Lock()
        self.is_deserted = False  # and that was said
        self.said: list[Fault] = []  # aloud, by either thread
        self.boundary = (-1, time.monotonic())  # how many were passed, and when the last one
        store: Any = _get_default_store()
        self.store = store.clone()  # a client of its own: no lock is shared with operations
        self._show_life(0)  # before the others know of it: whoever asks for a life finds one
        self.store.set(f"{self.name}/process/{rank}", f"{socket.gethostname()} {os.getpid()}")
        self.processes = self._of_this_machine()
        self.thread = threading.Thread(target=self._look_after, name="peers", daemon=True)
        self.thread.start()

    def part(self) -> None:
        """Take leave: this process has done its work."""
        self.is_over.set()
        with contextlib.suppress(RuntimeError):  # who keeps the store may be done and gone already
            self.store.set(f"{self.name}/left/{self.rank}", "")
        self.thread.join()

    def end(self, error: BaseException) -> None:
        """Tell the others that an error ends this process.

        Returns where the error is what ends the run. Raises SystemExit where it is only what the
        fault of another led to, and Stopped where a signal does.
        """
        stopping.leave()
        if isinstance(error, stopping.Stopped):
            self.is_over.set()  # it leaves by itself, and who keeps the store may have left already
        fault = self._look()
        if fault is None and _is_symptom(error):
            fault = self._broken(error)
        if fault is None:
            fault = _fault_of(self.rank, error)
            with contextlib.suppress(RuntimeError):  # nobody is left to hear it
                fault, _ = self._tell(fault, error)
        with self.lock:  # its thread may be about to say it
            pass
        if fault.is_stop and not isinstance(error, stopping.Stopped):
            raise stopping.Stopped(fault.exit_code) from None
        if fault.rank == self.rank:
            self.is_over.set()  # this thread leaves by itself, with the error
        if isinstance(error, SystemExit) and fault.rank == self.rank:
            _say(fault.line)
        if isinstance(error, SystemExit) or not (fault.is_stop or fault.rank == self.rank):
            raise SystemExit(fault.exit_code) from None

    def _broken(self, error: BaseException) -> Fault | None:
        """What broke a connection: what is told soon, or another one that is silent from now on.

        Nobody else sees one end that was alone on its machine.
        """
        before, deadline = self._signs(), time.monotonic() + PATIENCE
        fault = self._look()
        while fault is None and time.monotonic() < deadline:
            time.sleep(EACH / 10)
            fault = self._look()
        if fault is not None or _fault_of(self.rank, error).is_stop:
            return fault
        others = [rank for rank in before if rank != self.rank]
        after = self._signs()
        for rank in (rank for rank in others if before[rank] == after.get(rank)):
            if not self.store.check([f"{self.name}/left/{rank}"]):
                host, number = self._place_of(rank)
                cause = f"gives no sign of life since a connection broke (process {number}, {host})"
                return self._told_aloud(Fault(rank, cause, 1))
        return None

    def _look_after(self) -> None:
        """The thread: look at the others until one of them ends the run, or all is over."""
        sign = 1
        with Watched(self.processes) as watched:
            while not self.is_over.is_set():
                watched.wait(EACH)
                fault = self._look()
                try:
                    if fault is None:
                        self._show_life(sign)
                        fault = self._stuck()
                except RuntimeError:
                    fault = self._deserted()
                if fault is not None:
                    self._leave(fault)
                    return
                sign += 1

    def _leave(self, fault: Fault) -> None:
        """End this process, whatever its main thread waits for."""
        if fault.is_stop:  # as if this process had got the signal, too
            stopping.ask(fault.exit_code)
            self.is_over.wait(10 * PATIENCE)
        if not self.is_over.wait(GRACE):
            os._exit(fault.exit_code)

    def _look(self) -> Fault | None:
        """What ends the run, if anything does."""
        if self.parent is None:
            is_kept = 0 not in self.processes or is_alive(self.processes[0])
        else:
            is_kept = os.getppid() == self.parent
        if not is_kept:
            return self._deserted()
        try:
            return self._told() or self._gone()
        except RuntimeError:
            return self._deserted()

    def _deserted(self) -> Fault | None:
        """The fault where the store is gone, and with it who keeps it: launcher or first process.

        Who asks the store of a process that is gone has lines of torch before its own.
        """
        if self.is_over.wait(GRACE):
            return None  # it has done its work, as this one has
        if self.parent is not None:  # what can be saved is
            return Fault(self.rank, "the launcher is gone", stopping.TERMINATED, is_stop=True)
        fault = Fault(0, "is gone without a word: killed, or left early", 1)
        with self.lock:
            if not self.is_deserted:
                self.is_deserted = True
                _say(fault.line)
                self._write(fault, None)
        return fault

    def _told(self) -> Fault | None:
        """The fault that ends the run, if one was told."""
        key = f"{self.name}/fault"
        return Fault(*json.loads(self.store.get(key))) if self.store.check([key]) else None

    def _tell(self, fault: Fault, error: BaseException | None = None) -> tuple[Fault, bool]:
        """The fault that was told first, and whether it is this one, which is written down."""
        told = self.store.compare_set(f"{self.name}/fault", "", json.dumps(fault))
        first = Fault(*json.loads(told))
        if first == fault and not (fault.is_stop or isinstance(error, InUseError)):
            self._write(fault, error)
        return first, first == fault

    def _write(self, fault: Fault, error: BaseException | None) -> None:
        lines = traceback.format_exception(error) if error is not None else []
        found = fault._asdict() | {"told_by": self.rank, "host": socket.gethostname()}
        found |= {"process": self.processes.get(fault.rank), "traceback": "".join(lines)}
        del found["is_stop"]
        place = self.folder / f"error-rank-{fault.rank}.json"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            place.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        except OSError as failed:  # it is said on standard error, too
            log.warning("%s: could not be written (%s)", place, failed.strerror)
        report = os.environ.get("TORCHELASTIC_ERROR_FILE")  # for the table of torchrun
        if report and fault.rank == self.rank:
            extra = {"timestamp": str(int(time.time())), "py_callstack": "".join(lines)}
            text = json.dumps({"message": {"message": fault.line, "extraInfo": extra}})
            Path(report).write_text(text, encoding="utf-8")

    def _of_this_machine(self) -> dict[int, int]:
        """The process numbers of the ranks of this machine."""
        found = {}
        for rank in range(self.count):
            host, number = self._place_of(rank)
            if host == socket.gethostname():
                found[rank] = int(number)
        return found

    def _place_of(self, rank: int) -> list[str]:
        """Host and process number."""
        return str(self.store.get(f"{self.name}/process/{rank}").decode()).rsplit(" ", 1)

    def _gone(self) -> Fault | None:
        """The fault of a process of this machine that is gone without a word."""
        for rank, number in self.processes.items():
            if rank == self.rank or is_alive(number):
                continue
            if self.store.check([f"{self.name}/left/{rank}"]):
                continue
            if (told := self._told()) is not None:  # it did say why
                return told
            cause = f"is gone without a word: killed, or left early (process {number})"
            return self._told_aloud(Fault(rank, cause, 1))
        return None

    def _told_aloud(self, fault: Fault) -> Fault:
        with self.lock:  # whoever reads what was told, and ends, waits until it was said
            first, is_first = self._tell(fault)
            if is_first and fault not in self.said:
                self.said.append(fault)
                _say(fault.line)
        return first

    def _life(self, sign: int) -> Life:
        passed = stopping.boundaries()
        if passed != self.boundary[0]:
            self.boundary = (passed, time.monotonic())
        place, is_waiting = _place(sys._current_frames().get(self.main or 0))
        seconds = time.monotonic() - self.boundary[1]
        return Life(sign, place, is_waiting, seconds, stopping.is_deferred())

    def _show_life(self, sign: int) -> None:
        self.store.set(f"{self.name}/life/{self.rank}", json.dumps(self._life(sign)))

    def _stuck(self) -> Fault | None:
        """The fault of a process that this one has been waiting for too long."""
        mine = self._life(0)
        if not mine.is_waiting or mine.seconds < mine.limit(self.limit):
            return None
        before = self._lives()
        self.is_over.wait(6 * EACH)  # on a busy machine a sign may come late
        for rank, life in self._lives().items():
            silent = life.sign == before[rank].sign
            if rank != self.rank and (silent or _is_stuck(life, self.limit)):
                what = "gives no sign of life" if silent else f"hangs in {life.place}"
                longest = mine.limit(self.limit)
                cause = f"{what}, {longest:g} s behind the last boundary ({LIMIT})"
                fault = self._told_aloud(Fault(rank, cause, 1))
                if silent and rank in self.processes:  # it is stopped, and hears nothing else
                    os.kill(self.processes[rank], signal.SIGKILL)
                return fault
        return None

    def _lives(self) -> dict[int, Life]:
        ranks = range(self.count)
        return {r: Life(*json.loads(self.store.get(f"{self.name}/life/{r}"))) for r in ranks}

    def _signs(self) -> dict[int, int]:
        """How many signs of life each has given; none where the store is gone."""
        try:
            return {rank: life.sign for rank, life in self._lives().items()}
        except RuntimeError:
            return {}


def _say(line: str) -> None:
    """Say what ends the run; where standard error leads nowhere for a moment, behind that."""
    is_heard = SILENCE.acquire(timeout=GRACE)
    try:
        log.critical(line)
    finally:
        if is_heard:
            SILENCE.release()


def limit() -> float:
    """The seconds between two boundaries. ToolkitError where the variable holds no number."""
    found = os.environ.get(LIMIT, "")
    try:
        return float(found or USUAL_LIMIT)
    except ValueError:
        raise ToolkitError(f"{LIMIT}: found {found!r}, expected a number of seconds") from None


def _fault_of(rank: int, error: BaseException) -> Fault:
    asked = stopping.outcome(stopping.vote()) if _is_symptom(error) else 0
    if isinstance(error, stopping.Stopped):
        asked = error.exit_code
    if asked:
        return Fault(rank, "was asked to stop", asked, is_stop=True)
    if isinstance(error, KeyboardInterrupt):
        return Fault(rank, "was interrupted", stopping.INTERRUPTED)
    if isinstance(error, SystemExit):
        return Fault(rank, f"left early (exit code {error.code})", 1)
    if isinstance(error, ToolkitError):
        return Fault(rank, _first(error), error.exit_code)
    return Fault(rank, f"{type(error).__name__}: {_first(error)}", 1)


def _first(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), "")


def _is_symptom(error: BaseException) -> bool:
    """Whether it may only say that another process is gone."""
    told = str(error).lower()
    return isinstance(error, RuntimeError) and any(word in told for word in SYMPTOMS)


def _is_stuck(life: Life, seconds: float) -> bool:
    return not life.is_waiting and life.seconds > life.limit(seconds) / 2


def _place(frame: FrameType | None) -> tuple[str, bool]:
    """Where a thread is, and whether it waits there for other processes."""
    if frame is None:
        return "nowhere", False
    file = frame.f_code.co_filename.replace(os.sep, "/")
    is_waiting = any(part in file for part in WAITING)
    return f"{frame.f_code.co_name} ({Path(file).name}:{frame.f_lineno})", is_waiting


def forget(folder: Path) -> None:
    """Remove what earlier starts of the run told."""
    for path in folder.glob("error-rank-*.json"):
        path.unlink(missing_ok=True)
