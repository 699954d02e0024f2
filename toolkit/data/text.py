"""A text file as lines: found, decoded and split safely, with every fault at its line.

Lines end in `\\n` or `\\r\\n` and nowhere else: `str.splitlines()` would also cut at U+0085, U+2028
and form feeds, which are characters of some words. A `\\r` anywhere else is a fault. Packed files
are not read.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from toolkit.errors import DataError, UnreachableError
from toolkit.registry import nearest

_VARIABLE = re.compile(r"\$\{(\w+)\}")
_BOM = b"\xef\xbb\xbf"
# How files begin that are no UTF-8 text; UTF-32 before the UTF-16 that it begins like.
_OTHER_FORMATS = {
    b"\xff\xfe\x00\x00": "UTF-32",
    b"\x00\x00\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    b"PAR1": "Parquet",
}


class TextFile(NamedTuple):
    """The lines of a file. A line with a fault is there, but its words are not to be trusted."""

    name: str  # the path as messages name it
    lines: list[str]  # without their ends
    faults: dict[int, str]  # line number, from 1 -> what is wrong with its bytes
    notes: list[str]

    @property
    def text(self) -> str:
        """The whole content, its lines ended by `\\n`."""
        return "\n".join(self.lines)

    def located(self, number: int, what: str) -> str:
        """A fault of a line."""
        return f"{self.name}:{number}: {what}"

    def refusal(self, what: str) -> DataError:
        """The error for a file that is wrong as a whole, the faults of its bytes first."""
        faults = [self.located(number, fault) for number, fault in self.faults.items()]
        return DataError(faults or f"{self.name}: {what}")


def expand(path: str) -> Path:
    """The path with `${NAME}` read from the environment and `~` from the user.

    UnreachableError where a variable is not set, or where nothing is at a path through one: such
    a file is elsewhere on this machine, or nowhere. A plain path may lead nowhere.
    """
    names = _VARIABLE.findall(path)
    for name in names:
        if not os.environ.get(name):
            raise UnreachableError(f"the environment variable {name} is not set")
    place = Path(os.path.expanduser(_VARIABLE.sub(lambda match: os.environ[match[1]], path)))
    if names and not os.path.exists(place):
        hint = _nearest_file(place).strip()
        raise UnreachableError(
            f"there is no {place}, with {names[0]} as it is set" + f" ({hint})" * bool(hint)
        )
    return place


def unreachable(paths: Mapping[str, str | None]) -> list[str]:
    """The keys of `data` whose path leads through a variable to no file, a phrase a cause."""
    keys: dict[str, list[str]] = {}
    for key, path in paths.items():
        try:
            expand(path or "")
        except UnreachableError as error:
            keys.setdefault(error.faults[0], []).append(f"data.{key}")
    return [f"{', '.join(names)}: {cause}" for cause, names in keys.items()]


def read_text(path: str, *, keep_returns: bool = False) -> TextFile:
    """The lines of a UTF-8 file; DataError where there is no such file or it is no text.

    With `keep_returns`, a `\\r` inside a line is no fault: the format says what it means.
    """
    place = expand(path)
    return text_of(str(place), _content_of(place), keep_returns=keep_returns)


def text_of(name: str, content: bytes, *, keep_returns: bool = False) -> TextFile:
    """The lines of what a file holds, as `read_text` gives them; DataError where it is no text."""
    for magic, kind in _OTHER_FORMATS.items():
        if content.startswith(magic):
            raise DataError(f"{name}: {kind}, expected UTF-8 text")
    faults = _faults_of(content, keep_returns)
    notes = ["a byte order mark at the start was dropped"] if content.startswith(_BOM) else []
    text = content.removeprefix(_BOM).decode(errors="replace")
    lines = text.split("\n")
    if not lines[-1]:
        del lines[-1]
    if "\r" in text:
        num_crlf = sum(line.endswith("\r") for line in lines)
        lines = [line.removesuffix("\r") for line in lines]
        notes += [f"{counted(num_crlf, 'line')} ended in \\r\\n"] if num_crlf else []
    return TextFile(name, lines, faults, notes)


def lines_of(path: str) -> list[str]:
    """The lines of a UTF-8 file, a text each; DataError with all of its faults."""
    text = read_text(path)
    if text.faults:
        raise text.refusal("no text")
    return text.lines


def counted(number: int, noun: str) -> str:
    """`1 tag`, `1,234 tags`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def read_head(path: str) -> tuple[Path, bytes]:
    """Where a file is and its first bytes; DataError where there is no such file."""
    place = expand(path)
    return place, _content_of(place, 16)


def _content_of(place: Path, size: int = -1) -> bytes:
    try:
        with open(place, "rb") as file:
            content = file.read(size)
    except (FileNotFoundError, NotADirectoryError):
        folder = place.absolute().parent
        where = f"in {folder}" if folder.is_dir() else f"since there is no folder {folder}"
        raise DataError(f"{place}: no such file {where}.{_nearest_file(place)}") from None
    except IsADirectoryError:
        raise DataError(f"{place}: a folder, expected a file") from None
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
        reason = error.strerror if isinstance(error, OSError) else error
        raise DataError(f"{place}: cannot be read: {reason}") from None
    if not content.removeprefix(_BOM):
        raise DataError(f"{place}: an empty file")
    return content


def _nearest_file(place: Path) -> str:
    try:
        return nearest(place.name, sorted(os.listdir(place.parent)))
    except (OSError, ValueError):
        return ""


def _faults_of(content: bytes, keep_returns: bool) -> dict[int, str]:
    """The lines whose bytes are no text; offsets count the bytes of the file from 0."""
    lone_returns = not keep_returns and content.count(b"\r") != content.count(b"\r\n")
    if not lone_returns and b"\0" not in content and _is_utf8(content):
        return {}
    faults = {}
    start = 0
    for number, line in enumerate(content.split(b"\n"), 1):
        body = line.removesuffix(b"\r")
        try:
            body.decode()
        except UnicodeDecodeError as error:
            at = error.start
            faults[number] = f"byte 0x{body[at]:02x} at offset {start + at}, expected UTF-8"
        else:
            if (at := body.find(b"\0")) >= 0:
                faults[number] = f"byte 0x00 at offset {start + at}, expected text"
            elif not keep_returns and (at := body.find(b"\r")) >= 0:
                faults[number] = (
                    f"a \\r inside the line at offset {start + at}, "
                    "expected lines that end in \\n or \\r\\n"
                )
        start += len(line) + 1
    return faults


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True
