"""A file that grows line by line, and loses none of them to a disk that refuses for a while."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from toolkit.runs import files


class Lines:
    """A `.jsonl` file. What could not be written is kept, and written before the next line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._size: int | None = None  # bytes of the whole lines in the file; None: not looked yet
        self._kept = b""

    @property
    def is_behind(self) -> bool:
        """Whether lines wait for the disk."""
        return bool(self._kept)

    def append(self, record: Mapping[str, Any]) -> None:
        """Add a line. StorageError where the disk refuses it; it is kept then."""
        self._kept += (json.dumps(record, ensure_ascii=False) + "\n").encode()
        self._write()

    def sync(self) -> None:
        """Have every line on the disk. StorageError where it refuses."""
        self._write()
        with files.storage_errors(self.path):
            if self.path.is_file():
                files.sync(self.path)
                files.sync_folder(self.path.parent)

    def rewind(self, step: int, *, is_unscored: bool = False) -> None:
        """Cut off the lines behind a step, and what a kill or a power loss left of a line.

        Of a step that is not scored yet the first line stays alone.
        """
        self._size, self._kept = None, b""
        if self.path.is_file():
            kept = b"".join(_until(self.path.read_bytes(), step, is_unscored))
            if len(kept) != self.path.stat().st_size:
                files.write_file(self.path, kept)

    def _write(self) -> None:
        if not self._kept:
            return
        with files.storage_errors(self.path), open(self.path, "ab") as file:
            if self._size is None:
                self._size = os.fstat(file.fileno()).st_size
            file.truncate(self._size)  # a disk that was full took half of a line, perhaps
            file.write(self._kept)
            file.flush()
            self._size, self._kept = self._size + len(self._kept), b""


def _until(data: bytes, step: int, is_unscored: bool) -> list[bytes]:
    """The lines up to a step, which are the first: what is no line ends them."""
    kept = []
    for line in data.splitlines(keepends=True):
        try:
            is_one = line.endswith(b"\n") and json.loads(line)["step"] <= step
        except (ValueError, TypeError, KeyError):  # what a power loss made of it
            is_one = False
        if not is_one:
            break
        kept.append(line)
        if is_unscored and json.loads(line)["step"] == step:
            break
    return kept
