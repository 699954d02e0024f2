"""Several processes that compute together, forked from one that has everything imported.

The process that forks them keeps the store in which they meet, as `torchrun` does. The store has a
thread, which may hold a lock of the C library whenever one forks: so it is made behind the forks.

torch asks the name service for the name of every address that connects, and waits 5 seconds where
an answer is lost.
"""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import torch
from accelerate.state import AcceleratorState
from torch.distributed import TCPStore  # type: ignore[attr-defined]

from torture.bench import LOG, Ended, finish, start

os.environ.setdefault("RES_OPTIONS", "timeout:1 attempts:1")  # read by each thread that asks
HOST = "127.0.0.1"
DIGITS = 5  # of a port


class Group:
    """Processes of which each does the same, told apart by its rank."""

    def __init__(
        self, act: Callable[[int], None], count: int, folder: Path, **variables: str
    ) -> None:
        self.folder = folder
        waits, goes = os.pipe()
        self.children = [
            start(lambda rank=rank: self._act(act, rank, count, waits, variables), self.log(rank))  # type: ignore[misc]
            for rank in range(count)
        ]
        self.store: TCPStore | None = TCPStore(
            HOST, 0, is_master=True, wait_for_workers=False, timeout=timedelta(seconds=60)
        )
        os.write(goes, f"{self.store.port:{DIGITS}}".encode() * count)
        os.close(goes)
        os.close(waits)

    def log(self, rank: int) -> Path:
        """What a process says goes here."""
        return self.folder / f"{LOG}-{rank}"

    def finish(self) -> list[Ended]:
        """Wait for all of them."""
        ended = [finish(child, self.log(rank)) for rank, child in enumerate(self.children)]
        self.store = None
        return ended

    def _act(
        self,
        act: Callable[[int], None],
        rank: int,
        count: int,
        waits: int,
        variables: dict[str, str],
    ) -> None:
        port = os.read(waits, DIGITS).decode().strip()
        os.environ |= {
            "RANK": str(rank), "LOCAL_RANK": str(rank),
            "WORLD_SIZE": str(count), "LOCAL_WORLD_SIZE": str(count),
            "MASTER_ADDR": HOST, "MASTER_PORT": port,
            "TORCHELASTIC_USE_AGENT_STORE": "True", "TORCHELASTIC_RUN_ID": "torture",
            "TORCHELASTIC_RESTART_COUNT": "0", "TORCHELASTIC_MAX_RESTARTS": "0",
        } | variables  # fmt: skip
        AcceleratorState._reset_state(reset_partial_state=True)
        act(rank)
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()


def fault_of(ended: list[Ended]) -> str | None:
    """The first process of a group that did not end well, and what it said last."""
    for rank, each in enumerate(ended):
        if each.code != 0:
            lines = [line for line in each.text.splitlines() if line.strip()]
            said = lines[-1] if lines else "(nothing said)"
            return f"process {rank} ended with exit {each.code}: {said}"
    return None
