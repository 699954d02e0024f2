"""Processes of this machine, by their numbers: which live, and when one ends."""

import os
import select
from pathlib import Path


class Watched:
    """Processes whose end is noticed at once, where the system can."""

    def __init__(self, processes: dict[int, int]) -> None:
        self.processes = processes
        self.poll = select.poll()
        self.open: list[int] = []

    def __enter__(self) -> "Watched":
        for number in self.processes.values():
            try:
                self.open.append(os.pidfd_open(number))
            except (AttributeError, OSError):  # not Linux, or gone already
                continue
            self.poll.register(self.open[-1], select.POLLIN)
        return self

    def wait(self, seconds: float) -> None:
        """Until the time is over or one of them ends."""
        for descriptor, _ in self.poll.poll(seconds * 1000):
            self.poll.unregister(descriptor)

    def __exit__(self, *_: object) -> None:
        for descriptor in self.open:
            os.close(descriptor)


def is_alive(number: int) -> bool:
    """Whether a process still runs; one that has ended and was not waited for does not."""
    try:
        stat = Path(f"/proc/{number}/stat").read_text(encoding="utf-8", errors="replace")
        return stat.rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        pass
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
