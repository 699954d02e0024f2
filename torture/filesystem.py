"""Every operation on the file system below a folder, seen before it happens.

What Python code of ours and of the libraries does goes through `os` and `open`; both are replaced
while this is in force. safetensors and tokenizers write from Rust: there the call stands for one
operation to open and one to write.
"""

import builtins
import io
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import safetensors.torch
from safetensors import SafetensorError
from transformers import PreTrainedTokenizerFast

_PATHS = ("mkdir", "rmdir", "unlink", "remove", "rename", "replace", "truncate", "link", "symlink")
_TWO = ("rename", "replace", "link", "symlink")
_truncate = os.truncate
_DESCRIPTORS = ("fsync", "fdatasync", "ftruncate")


class Operation(NamedTuple):
    """An operation that is about to happen."""

    number: int  # counted from 0
    name: str
    path: str
    target: str | None = None  # of a rename

    def __str__(self) -> str:
        return f"{self.number} {self.name} {self.path}"


class FileSystem:
    """Hooks around the operations below a folder: `before` may kill or raise, `after` looks."""

    def __init__(
        self,
        root: Path,
        before: Callable[[Operation], None],
        after: Callable[[Operation], None] = lambda operation: None,
        half: Callable[[Operation], bool] = lambda operation: False,
    ) -> None:
        self.root = os.path.realpath(root)
        self.before, self.after = before, after
        self.half = half  # whether to stop in the middle of a write, which has happened by half
        self.number = 0

    def covers(self, path: str) -> bool:
        """Whether a path lies below the folder."""
        return path == self.root or path.startswith(self.root + os.sep)

    def begin(self, name: str, path: str, target: str | None = None) -> Operation:
        """Count an operation and tell of it."""
        operation = Operation(self.number, name, path, target)
        self.number += 1
        self.before(operation)
        return operation


@contextmanager
def watched(system: FileSystem) -> Iterator[FileSystem]:
    """Put the hooks in force."""
    originals: list[tuple[Any, str, Any]] = []

    def replace(owner: Any, name: str, new: Any) -> None:
        originals.append((owner, name, getattr(owner, name)))
        setattr(owner, name, new)

    for name in _PATHS:
        replace(os, name, _by_path(system, name, getattr(os, name)))
    for name in _DESCRIPTORS:
        replace(os, name, _by_descriptor(system, name, getattr(os, name)))
    replace(os, "open", _os_open(system, os.open))
    opened = _open(system, builtins.open)
    replace(builtins, "open", opened)
    replace(io, "open", opened)
    replace(shutil, "_USE_CP_SENDFILE", False)  # copies go through `open`, too
    replace(safetensors.torch, "serialize_file", _weights(system, safetensors.torch.serialize_file))
    own = PreTrainedTokenizerFast._save_pretrained
    replace(PreTrainedTokenizerFast, "_save_pretrained", _tokenizer(system, own))
    try:
        yield system
    finally:
        for owner, name, original in reversed(originals):
            setattr(owner, name, original)


def _full(path: Any, folder: int | None = None) -> str:
    path = os.fsdecode(path)
    if folder is not None and not os.path.isabs(path):
        return str(os.path.join(os.readlink(f"/proc/self/fd/{folder}"), path))
    parent, name = os.path.split(os.path.abspath(path))
    return str(os.path.join(os.path.realpath(parent), name))


def _by_path(system: FileSystem, name: str, original: Any) -> Any:
    def call(path: Any, *others: Any, **keys: Any) -> Any:
        if isinstance(path, int):
            return original(path, *others, **keys)
        place = _full(path, keys.get("dir_fd", keys.get("src_dir_fd")))
        if not system.covers(place):
            return original(path, *others, **keys)
        target = _full(others[0], keys.get("dst_dir_fd")) if name in _TWO else None
        operation = system.begin({"remove": "unlink", "replace": "rename"}.get(name, name),
                                 place, target)  # fmt: skip
        result = original(path, *others, **keys)
        system.after(operation)
        return result

    return call


def _by_descriptor(system: FileSystem, name: str, original: Any) -> Any:
    def call(descriptor: Any, *others: Any) -> Any:
        number = descriptor if isinstance(descriptor, int) else descriptor.fileno()
        place = os.readlink(f"/proc/self/fd/{number}")
        if not system.covers(place):
            return original(descriptor, *others)
        operation = system.begin(name, place)
        result = original(descriptor, *others)
        system.after(operation)
        return result

    return call


def _os_open(system: FileSystem, original: Any) -> Any:
    def call(path: Any, flags: int, *others: Any, **keys: Any) -> Any:
        place = _full(path, keys.get("dir_fd"))
        is_written = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if not is_written or not system.covers(place):
            return original(path, flags, *others, **keys)
        operation = system.begin("open", place)
        result = original(path, flags, *others, **keys)
        system.after(operation)
        return result

    return call


class _Raw(io.FileIO):
    """A file whose writes are operations."""

    def __init__(self, system: FileSystem, path: str, mode: str) -> None:
        self.system, self.path = system, path
        super().__init__(path, mode)

    def write(self, data: Any) -> int:
        operation = self.system.begin("write", self.path)
        data = memoryview(data).cast("B")
        if self.system.half(operation):
            super().write(data[: len(data) // 2])
            self.system.before(operation._replace(name="half"))
        count = super().write(data)
        self.system.after(operation)
        return count

    def truncate(self, size: int | None = None) -> int:
        if size is None or size == os.fstat(self.fileno()).st_size:
            return super().truncate(size)
        operation = self.system.begin("truncate", self.path)
        result = super().truncate(size)
        self.system.after(operation)
        return result


def _open(system: FileSystem, original: Any) -> Any:
    def call(file: Any, mode: str = "r", buffering: int = -1, *others: Any, **keys: Any) -> Any:
        is_path = isinstance(file, (str, bytes, os.PathLike))
        if not is_path or not set(mode) & set("wax+") or not system.covers(_full(file)):
            return original(file, mode, buffering, *others, **keys)
        place = _full(file)
        operation = system.begin("open", place)
        raw = _Raw(system, place, mode.replace("b", "").replace("t", ""))
        system.after(operation)
        if buffering == 0:
            return raw
        buffered = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
        return buffered if "b" in mode else io.TextIOWrapper(buffered, *others, **keys)

    return call


def _written_elsewhere(
    system: FileSystem, path: str, write: Callable[[], Any], error: Callable[[str], Exception]
) -> Any:
    """A file that is written from Rust, whose errors have the system's number in their text."""
    try:
        opened = system.begin("open", path)
        system.after(opened)
        operation = system.begin("write", path)
    except OSError as refused:
        raise error(f"{refused.strerror} (os error {refused.errno})") from None
    result = write()
    if system.half(operation):
        _truncate(path, os.path.getsize(path) // 2)
        system.before(operation._replace(name="half"))
    system.after(operation)
    return result


def _weights(system: FileSystem, original: Any) -> Any:
    def call(tensors: Any, filename: Any, *others: Any, **keys: Any) -> Any:
        place = _full(filename)
        if not system.covers(place):
            return original(tensors, filename, *others, **keys)

        def write() -> Any:
            return original(tensors, filename, *others, **keys)

        return _written_elsewhere(system, place, write, SafetensorError)

    return call


def _tokenizer(system: FileSystem, original: Any) -> Any:
    def call(self: Any, save_directory: Any, *others: Any, **keys: Any) -> Any:
        place = os.path.join(_full(save_directory), "tokenizer.json")
        if not system.covers(place):
            return original(self, save_directory, *others, **keys)

        def write() -> Any:
            return original(self, save_directory, *others, **keys)

        return _written_elsewhere(system, place, write, Exception)

    return call
