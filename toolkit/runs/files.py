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

from toolkit.errors import StorageError, ToolkitError

TEMPORARY = ".tmp-"
OLDER = f"{TEMPORARY}old-"  # a folder that is being replaced
DISCARDED = f"{TEMPORARY}del-"  # a folder that is being removed
FREE_SPACE = ": free some space, then type the same command again"
CONTENTS = "contents.json"  # sizes and hashes of the files of a committed folder


def write_file(path: Path, data: bytes, *, apart: bool = False) -> None:
    """Write a file, complete or not at all; `apart` where other processes may write it, too."""
    aside = path.parent / f"{TEMPORARY}{f'{os.getpid()}-' * apart}{path.name}"
    with storage_errors(path):
        try:
            with open(aside, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(aside, path)
        except OSError:
            with contextlib.suppress(OSError):  # what cannot be removed now is swept later
                aside.unlink()
            raise
        sync_folder(path.parent)


def write_json(path: Path, value: Any, *, apart: bool = False) -> None:
    """Write JSON, complete or not at all; `apart` where other processes may write it, too."""
    data = (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()
    write_file(path, data, apart=apart)


def make_folder(folder: Path) -> None:
    """Make a folder and what is missing above it, so that all of it survives a power loss."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def commit_folder(target: Path, fill: Callable[[Path], None]) -> None:
    """Make the folder `target` from what `fill` writes, complete or not at all.

    An older folder of that name is replaced.
    """
    aside = target.parent / f"{TEMPORARY}{target.name}"
    with storage_errors(target):
        make_folder(target.parent)
        remove(aside)
        try:
            aside.mkdir()
            fill(aside)
            _complete(aside)
            _rename(aside, target)
        except BaseException:
            with contextlib.suppress(OSError):  # what cannot be removed now is swept later
                remove(aside)
            raise
        sync_folder(target.parent)
        remove(_older(target))


def _complete(folder: Path) -> None:
    """Describe what a folder holds, and have all of it on the disk."""
    inside = sorted(folder.rglob("*"))
    files = [path for path in inside if path.is_file()]
    write_json(folder / CONTENTS, {str(p.relative_to(folder)): _describe(p) for p in files})
    for path in [*inside, folder]:
        sync(path)


def _rename(aside: Path, target: Path) -> None:
    if not target.exists() or not any(target.iterdir()):  # an empty folder is replaced in one go
        os.replace(aside, target)
        return
    older = _older(target)
    remove(older)
    os.replace(target, older)
    try:
        os.replace(aside, target)
    except OSError:
        os.replace(older, target)
        raise


def _older(target: Path) -> Path:
    """Where a folder stands aside that is being replaced; `sweep` puts it back after a kill."""
    return target.parent / f"{OLDER}{target.name}"


def fault_of(folder: Path) -> str | None:
    """What is wrong with a committed folder: None where every file is as it was written."""
    try:
        contents = json.loads((folder / CONTENTS).read_text(encoding="utf-8"))
        expected = {name: (each["bytes"], each["sha256"]) for name, each in contents.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        return f"no readable {CONTENTS} ({type(error).__name__})"
    for name, (size, sha256) in expected.items():
        path = folder / name
        try:
            if not path.is_file():
                return f"{name} is missing"
            if path.stat().st_size != size:
                return f"{name} has {path.stat().st_size} bytes instead of {size}"
            if sha256_of(path) != sha256:
                return f"{name} has other contents than were written"
        except OSError as error:
            return f"{name} cannot be read ({error.strerror})"
    return None


def remove(folder: Path) -> None:
    """Remove a folder: out of sight first, so that a kill leaves no half of it under its name."""
    if not folder.exists():
        return
    if not folder.name.startswith(TEMPORARY):
        aside = folder.parent / f"{DISCARDED}{folder.name}"
        shutil.rmtree(aside, ignore_errors=True)
        os.replace(folder, aside)
        sync_folder(folder.parent)  # before files go: a power loss leaves no half of it either
        folder = aside
    with contextlib.suppress(FileNotFoundError):  # another process sweeps here, too
        shutil.rmtree(folder)


def sweep(folder: Path) -> None:
    """Remove what a kill left behind under temporary names, and put back what it left aside."""
    with storage_errors(folder):
        for path in sorted(folder.glob(f"{TEMPORARY}*")):
            replaced = folder / path.name.removeprefix(OLDER)
            if path.name.startswith(OLDER) and not replaced.exists():
                os.replace(path, replaced)  # killed between the two renames of `commit_folder`
            elif path.is_dir() and not path.is_symlink():
                remove(path)
            else:
                path.unlink(missing_ok=True)
        if folder.is_dir():
            sync_folder(folder)  # what the killed one had renamed last


def sha256_of(path: Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync_folder(folder: Path) -> None:
    """Make renames and new names in a folder survive a power loss."""
    sync(folder)


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn what a disk refuses into a StorageError of one line."""
    try:
        yield
    except ToolkitError:
        raise
    except Exception as error:  # tokenizers raises this very class, with the number in its text
        number = _number_of(error)
        if number is None and not isinstance(error, (OSError, SafetensorError)):
            raise
        reason = os.strerror(number) if number else str(error)
        hint = FREE_SPACE * (number in (errno.ENOSPC, errno.EDQUOT))
        raise StorageError(f"{path}: could not be written ({reason}){hint}") from error


def _number_of(error: Exception) -> int | None:
    """The system's number of an error; safetensors and tokenizers have it in the text only."""
    if isinstance(error, OSError):
        return error.errno
    found = re.search(r"os error (\d+)", str(error))
    return int(found[1]) if found else None


def _describe(path: Path) -> dict[str, int | str]:
    return {"bytes": path.stat().st_size, "sha256": sha256_of(path)}


def sync(path: Path) -> None:
    """Have a file or folder on the disk as it is now."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # some network file systems cannot sync a folder, and say so
        if not (path.is_dir() and error.errno in (errno.EINVAL, errno.ENOTSUP)):
            raise
    finally:
        os.close(descriptor)
