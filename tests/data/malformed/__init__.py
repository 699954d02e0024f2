"""Wrong files of each format, each with the lines that say so."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from toolkit.data.text import lines_of
from toolkit.errors import DataError
from toolkit.examples import Question, Tagged, Text
from toolkit.registry import look_up

CLASSES = {"conll": Tagged, "conllu": Tagged, "spans": Tagged, "squad": Question}


class Wrong(NamedTuple):
    """A file and the faults that it has, without its path in front."""

    name: str
    content: bytes | str
    faults: list[str]
    options: Mapping[str, Any] = {}
    format: str = ""  # of the table by default
    reads: type[Any] | None = None  # the usual class of the format by default
    bare: bool = False  # read for prediction
    key: str = ""  # behind the path of the source: `#train`


def write(content: bytes | str, path: Path) -> str:
    """The path of a new file."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def read(wrong: Wrong, source: str) -> Any:
    """Read a file in its format."""
    if wrong.format == "lines":
        return lines_of(source)
    data = look_up("data", wrong.format)(train=source, **wrong.options)
    reads = wrong.reads or CLASSES.get(wrong.format, Text)
    return data.read_bare(source, reads) if wrong.bare else data.read(source, reads)


def as_long(told: str, expected: str) -> str:
    """What was told, as far as is expected: pyarrow's own words change."""
    return told[: len(expected) - 1] + "…" if expected.endswith("…") else told


def assert_told(wrong: Wrong, folder: Path) -> None:
    """Reading the file ends with exactly its faults, a printable line each."""
    path = write(wrong.content, folder / "file")
    with pytest.raises(DataError) as caught:
        read(wrong, path + wrong.key)
    expected = [fault if fault.startswith("data.") else f"{path}{fault}" for fault in wrong.faults]
    told = list(caught.value.faults)
    assert [as_long(*pair) for pair in zip(told, expected)] == expected
    assert len(told) == len(expected)
    assert all(line.isprintable() for line in caught.value.lines())
