"""Writing so that a file or folder is complete or absent, whatever happens in between.

Everything is written under a temporary name in the same folder, synced to the disk, renamed, and
the folder synced, in that order. A temporary name that is found later is what a kill left behind.
"""

import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from toolkit.errors import StorageError

TEMPORARY = ".tmp-"
CONTENTS = "contents.json"  # sizes and hashes of the files of a committed folder


def write_file(path: Path, data: bytes) -> None:
    """Write a file, complete or not at all."""
    aside = path.parent / f"{TEMPORARY}{path.name}"
    with storage_errors(path):
        with open(aside, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
        sync_folder(path.parent)


def write_json(path: Path, value: Any) -> None:
    """Write JSON, complete or not at all."""
    write_file(path, (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode())


def commit_folder(target: Path, fill: Callable[[Path], None]) -> None:
    """Make the folder `target` from what `fill` writes, complete or not at all.

    An older folder of that name is replaced.
    """
    aside = target.parent / f"{TEMPORARY}{target.name}"
    with storage_errors(target):
        remove(aside)
        aside.mkdir(parents=True)
        try:
            fill(aside)
            files = sorted(path for path in aside.rglob("*") if path.is_file())
            contents = {str(path.relative_to(aside)): _describe(path) for path in files}
            write_json(aside / CONTENTS, contents)
            for path in files:
                _sync(path)
            for folder in {path.parent for path in files} | {aside}:
                sync_folder(folder)
        except BaseException:
            remove(aside)
            raise
        if target.exists():
            discarded = target.parent / f"{TEMPORARY}old-{target.name}"
            remove(discarded)
            os.replace(target, discarded)
            os.replace(aside, target)
            sync_folder(target.parent)
            remove(discarded)
        else:
            os.replace(aside, target)
            sync_folder(target.parent)


def fault_of(folder: Path) -> str | None:
    """What is wrong with a committed folder: None where every file is as it was written."""
    try:
        contents = json.loads((folder / CONTENTS).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        return f"no readable {CONTENTS} ({type(error).__name__})"
    for name, expected in contents.items():
        path = folder / name
        if not path.is_file():
            return f"{name} is missing"
        if path.stat().st_size != expected["bytes"]:
            return f"{name} has {path.stat().st_size} bytes instead of {expected['bytes']}"
        if sha256_of(path) != expected["sha256"]:
            return f"{name} has other contents than were written"
    return None


def remove(folder: Path) -> None:
    """Remove a folder: out of sight first, so that a kill leaves no half of it under its name."""
    if not folder.exists():
        return
    if not folder.name.startswith(TEMPORARY):
        aside = folder.parent / f"{TEMPORARY}del-{folder.name}"
        shutil.rmtree(aside, ignore_errors=True)
        os.replace(folder, aside)
        folder = aside
    shutil.rmtree(folder)


def sweep(folder: Path) -> None:
    """Remove what a kill left behind under temporary names."""
    for path in folder.glob(f"{TEMPORARY}*"):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def sha256_of(path: Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync_folder(folder: Path) -> None:
    """Make renames and new names in a folder survive a power loss."""
    _sync(folder)


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn what a disk refuses into a StorageError of one line."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        number = _number_of(error)
        reason = os.strerror(number) if number else str(error)
        hint = ": free some space, then type the same command again" * (
            number in (errno.ENOSPC, errno.EDQUOT)
        )
        raise StorageError(f"{path}: could not be written ({reason}){hint}") from error


def _number_of(error: Exception) -> int | None:
    """The system's number of an error; safetensors has it in its text only."""
    if isinstance(error, OSError):
        return error.errno
    found = re.search(r"os error (\d+)", str(error))
    return int(found[1]) if found else None


def _describe(path: Path) -> dict[str, int | str]:
    return {"bytes": path.stat().st_size, "sha256": sha256_of(path)}


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        # some network file systems cannot sync a folder, and say EINVAL
        with contextlib.suppress(OSError) if path.is_dir() else contextlib.nullcontext():
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
