"""A signal asks a command to stop; here it is decided when it does.

Where nothing would be lost, it stops at once. Inside `deferred()` the signal is only noted, and
heeded at the next boundary: behind a step, a batch of predictions, a line of output. Several
processes add up what they were asked at a boundary that they share anyway, so that all stop there
together, although a signal may have reached one alone.

What was asked is kept for the whole process, as signals are; `listen` is called by the command line
alone. Without it nothing is ever asked here, and Ctrl-C is Python's KeyboardInterrupt.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED, TERMINATED = 130, 143  # exit codes
CODES = {
    signal.SIGINT: INTERRUPTED,
    signal.SIGTERM: TERMINATED,
    signal.SIGUSR1: TERMINATED,  # what schedulers can be asked to send ahead of a time limit
}
_VOTES = {INTERRUPTED: 1, TERMINATED: 2**20}  # whose sum over processes tells them apart


class Stopped(BaseException):
    """A signal ends the command: like KeyboardInterrupt no fault, which nobody should catch."""

    def __init__(self, exit_code: int, kept: str = "") -> None:
        self.exit_code = exit_code
        self.kept = kept  # what was saved last, in words
        super().__init__(exit_code, kept)


class _State:
    """What this process was asked, and whether it may be stopped at any instant."""

    def __init__(self) -> None:
        self.asked = 0  # an exit code
        self.depth = 0  # of `deferred`
        self.is_leaving = False
        self.boundaries = 0  # that were passed


_state = _State()


def listen() -> None:
    """Take signals for requests to stop, from here on."""
    global _state
    _state = _State()
    for number in CODES:
        signal.signal(number, _hear)


def leave() -> None:
    """Heed no further signal: this process is ending already. Only Ctrl-C ends it at once."""
    _state.is_leaving = True


def ask(exit_code: int) -> None:
    """Ask this process to stop, as a signal does, from any thread."""
    if not _state.is_leaving:
        _state.asked = _state.asked or exit_code
        signal.raise_signal(signal.SIGTERM)


def vote() -> int:
    """What this process was asked, at a boundary: 0 for nothing, else a number to add up."""
    _state.boundaries += 1
    return _VOTES[_state.asked] if _state.asked else 0


def outcome(votes: float) -> int:
    """The exit code that a sum of votes asks for; 0 for none."""
    return TERMINATED if votes >= _VOTES[TERMINATED] else INTERRUPTED if votes else 0


def heed(votes: float) -> None:
    """Stop here if the votes say so."""
    if votes:
        raise stopped(outcome(votes))


def stopped(exit_code: int, kept: str = "") -> Stopped:
    """What ends the command now, whatever signal comes next."""
    leave()
    return Stopped(exit_code, kept)


def boundaries() -> int:
    """How many boundaries this process has passed: a sign of life."""
    return _state.boundaries


def is_deferred() -> bool:
    """Whether signals wait for a boundary."""
    return _state.depth > 0


@contextmanager
def at_once() -> Iterator[None]:
    """Let signals end the process in here, even while it waits in a library that hears none."""
    before = {number: signal.getsignal(number) for number in CODES}
    if not any(handler is _hear for handler in before.values()):
        yield
        return
    for number in CODES:
        signal.signal(number, signal.SIG_DFL)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def deferred() -> Iterator[None]:
    """Let signals wait for a boundary in here, or for the end."""
    _state.depth += 1
    try:
        yield
    finally:
        _state.depth -= 1
    if not _state.depth:
        heed(vote())


def _hear(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a second Ctrl-C ends at once
    if _state.is_leaving:
        return
    # kept where it is raised, too: code that swallows exceptions only delays it to a boundary
    _state.asked = _state.asked or CODES[signal.Signals(number)]
    if not _state.depth:
        raise Stopped(_state.asked)
