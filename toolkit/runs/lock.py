"""A run folder belongs to one run at a time."""

import contextlib
import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

import psutil

from toolkit.errors import RunError
from toolkit.runs import files

LOCK = ".lock"


class InUseError(RunError):
    """Another process has the folder."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; InUseError where another process has it.

    The kernel lets go of the lock when its holder ends, however that comes about, so that a killed
    run leaves no stale one. The file's text only says who holds it. A folder in which nothing but
    the lock was ever written, since the run was refused, is gone afterwards if it was new.
    """
    new = [each for each in (folder, *folder.parents) if not each.exists()]
    with files.storage_errors(folder):
        files.make_folder(folder)
        file = _taken(folder)
    with file:
        try:
            with files.storage_errors(folder):
                file.seek(0)
                file.truncate()
                holder = {"host": socket.gethostname(), "process": os.getpid()}
                file.write(json.dumps(holder).encode())
            yield
        finally:
            _leave(folder, new)


def _taken(folder: Path) -> FileIO:
    """The folder's lock file, open and locked."""
    while True:
        file = open(folder / LOCK, "ab+", buffering=0)  # noqa: SIM115 - held to the end
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # another run may have removed the file between opening and locking it
            if os.path.samestat(os.fstat(file.fileno()), os.stat(folder / LOCK)):
                return file
        except BlockingIOError:
            file.seek(0)
            holder = _holder(file.read().decode(errors="replace"))
            file.close()
            raise InUseError(f"{folder}: in use by another run ({holder})") from None
        except FileNotFoundError:
            pass
        except BaseException:
            file.close()
            raise
        file.close()
        files.make_folder(folder)


def _leave(folder: Path, new: list[Path]) -> None:
    with contextlib.suppress(OSError):  # a disk that takes nothing; another run that came
        if [path.name for path in folder.iterdir()] == [LOCK]:
            (folder / LOCK).unlink()
            for each in new:
                each.rmdir()


def _holder(text: str) -> str:
    """Who the text of a lock says holds it."""
    try:
        holder = json.loads(text)
        process, host = holder["process"], holder["host"]
    except (ValueError, KeyError, TypeError):
        return "process unknown"
    if host == socket.gethostname() and not psutil.pid_exists(process):
        return f"process {process} has ended, but one that it started is still at work"
    return f"process {process} on {host}"
