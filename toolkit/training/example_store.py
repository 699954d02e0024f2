"""Examples of any number, set aside so that they can be walked over again and again.

As JSON in a file that has no name and ends with the process. A few stay in memory.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

_IN_MEMORY = 1 << 25  # bytes
_TOGETHER = 500  # examples that are written at once


class ExampleStore:
    """Examples of one class, in the order in which they were added."""

    def __init__(self, made: type[Any], folder: Path | None) -> None:
        """`folder` has room for more than memory holds; None: the system's for such files."""
        self._adapter = TypeAdapter(list[made])  # type: ignore[valid-type]
        where = None if folder is None else str(folder)
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY, dir=where)  # noqa: SIM115
        self._bounds = [0]  # of what was written at once
        self._new: list[Any] = []

    def add(self, example: Any) -> None:
        """Keep an example. OSError where there is no room."""
        self._new.append(example)
        if len(self._new) == _TOGETHER:
            self._write()

    def __iter__(self) -> Iterator[Any]:
        for start, end in zip(self._bounds, self._bounds[1:]):
            self._file.seek(start)
            yield from self._adapter.validate_json(self._file.read(end - start))
        yield from self._new

    def _write(self) -> None:
        self._file.seek(self._bounds[-1])
        self._file.write(self._adapter.dump_json(self._new))
        self._bounds.append(self._file.tell())
        self._new = []
