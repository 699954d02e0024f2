"""A text file as lines: found, decoded and split safely, with every fault at its line.

Lines end in `\\n` or `\\r\\n` and nowhere else: `str.splitlines()` would also cut at U+0085, U+2028
and form feeds, which are characters of some words. A `\\r` anywhere else is a fault. Packed files
are not read.
"""

import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from toolkit.errors import DataError, UnreachableError
from toolkit.registry import nearest

_VARIABLE = re.compile(r"\$\{(\w+)\}")
_BOM = b"\xef\xbb\xbf"
_HEAD = 16  # bytes that tell what a file is
_BLOCK = 1 << 22  # bytes that are read at a time
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


Lines = TypeVar("Lines", bound=Iterable[str], covariant=True)


class TextFile(NamedTuple, Generic[Lines]):
    """The lines of a file. A line with a fault is there, but its words are not to be trusted."""

    name: str  # the path as messages name it
    lines: Lines  # without their ends
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


class FileLines:
    """The lines of a file that may be larger than memory: read anew by whoever walks over them."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __iter__(self) -> Iterator[str]:
        for block in _blocks(self.place):
            yield from _split(block.decode(errors="replace"))


def read_text(path: str, *, keep_returns: bool = False) -> TextFile[list[str]]:
    """The lines of a UTF-8 file; DataError where there is no such file or it is no text.

    With `keep_returns`, a `\\r` inside a line is no fault: the format says what it means.
    """
    place = expand(path)
    return text_of(str(place), _content_of(place), keep_returns=keep_returns)


def open_text(path: str, *, keep_returns: bool = False) -> TextFile[Iterable[str]]:
    """As `read_text`, the lines not in memory: what can be read once only is read whole."""
    place = expand(path)
    if not os.path.isfile(place):  # a pipe, or nothing
        return read_text(path, keep_returns=keep_returns)
    head = _content_of(place, _HEAD)
    _check_kind(str(place), head)
    faults: dict[int, str] = {}
    num_lines = num_crlf = 0
    num_bytes = len(_BOM) if head.startswith(_BOM) else 0
    for block in _blocks(place):
        faults |= _faults_of(block, keep_returns, num_lines, num_bytes)
        num_crlf += _num_crlf(block)
        num_lines += block.count(b"\n")
        num_bytes += len(block)
    return TextFile(str(place), FileLines(place), faults, _notes(head, num_crlf))


def text_of(name: str, content: bytes, *, keep_returns: bool = False) -> TextFile[list[str]]:
    """The lines of what a file holds, as `read_text` gives them; DataError where it is no text."""
    _check_kind(name, content)
    faults = _faults_of(content, keep_returns)
    lines = _split(content.removeprefix(_BOM).decode(errors="replace"))
    return TextFile(name, lines, faults, _notes(content, _num_crlf(content)))


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
    return place, _content_of(place, _HEAD)


def _blocks(place: Path) -> Iterator[bytes]:
    """The bytes of a file without a byte order mark, some whole lines at a time."""
    try:
        with open(place, "rb") as file:
            if file.read(len(_BOM)) != _BOM:
                file.seek(0)
            while block := file.read(_BLOCK):
                yield block if block.endswith(b"\n") else block + file.readline()
    except OSError as error:
        raise _unreadable(place, error) from None


def _split(text: str) -> list[str]:
    """The lines without their ends; no empty one behind the last end."""
    lines = text.split("\n")
    if not lines[-1]:
        del lines[-1]
    return [line.removesuffix("\r") for line in lines] if "\r" in text else lines


def _check_kind(name: str, content: bytes) -> None:
    for magic, kind in _OTHER_FORMATS.items():
        if content.startswith(magic):
            raise DataError(f"{name}: {kind}, expected UTF-8 text")


def _num_crlf(content: bytes) -> int:
    """How many lines end in a `\\r`, the last one included."""
    return content.count(b"\r\n") + content.endswith(b"\r")


def _notes(content: bytes, num_crlf: int) -> list[str]:
    notes = ["a byte order mark at the start was dropped"] if content.startswith(_BOM) else []
    return notes + ([f"{counted(num_crlf, 'line')} ended in \\r\\n"] if num_crlf else [])


def _content_of(place: Path, size: int = -1) -> bytes:
    try:
        if stat.S_ISCHR(os.stat(place).st_mode) and size < 0:  # some of them never end
            raise DataError(f"{place}: a device, expected a file")
        with open(place, "rb") as file:
            content = file.read(size)
    except (FileNotFoundError, NotADirectoryError):
        folder = place.absolute().parent
        where = f"in {folder}" if folder.is_dir() else f"since there is no folder {folder}"
        raise DataError(f"{place}: no such file {where}.{_nearest_file(place)}") from None
    except IsADirectoryError:
        raise DataError(f"{place}: a folder, expected a file") from None
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
        raise _unreadable(place, error) from None
    if not content.removeprefix(_BOM):
        raise DataError(f"{place}: an empty file")
    return content


def _unreadable(place: Path, error: OSError | ValueError) -> DataError:
    reason = error.strerror if isinstance(error, OSError) else error
    return DataError(f"{place}: cannot be read: {reason}")


def _nearest_file(place: Path) -> str:
    try:
        return nearest(place.name, sorted(os.listdir(place.parent)))
    except (OSError, ValueError):
        return ""


def _faults_of(
    content: bytes, keep_returns: bool, num_lines: int = 0, start: int = 0
) -> dict[int, str]:
    """The lines whose bytes are no text, behind so many lines and bytes of the same file.

    Offsets count the bytes of the file from 0.
    """
    lone_returns = not keep_returns and content.count(b"\r") != content.count(b"\r\n")
    if not lone_returns and b"\0" not in content and _is_utf8(content):
        return {}
    faults = {}
    for number, line in enumerate(content.split(b"\n"), num_lines + 1):
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
