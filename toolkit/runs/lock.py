"""A run folder belongs to one run at a time."""

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from toolkit.errors import RunError
from toolkit.runs.files import storage_errors


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; RunError where another process has it.

    The kernel lets go of the lock when its holder ends, however that comes about, so that a killed
    run leaves no stale one. The file's text only says who holds it.
    """
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        file = open(folder / ".lock", "a+", encoding="utf-8")  # noqa: SIM115 - held to the end
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise RunError(f"{folder}: in use by another run ({_holder(file.read())})") from None
        file.seek(0)
        file.truncate()
        json.dump({"host": socket.gethostname(), "process": os.getpid()}, file)
        file.flush()
        yield


def _holder(text: str) -> str:
    try:
        holder = json.loads(text)
        return f"process {holder['process']} on {holder['host']}"
    except (ValueError, KeyError, TypeError):
        return "process unknown"
