"""The files in a tar archive, read in memory: nothing is written, and what is unpacked is bounded.

A few kilobytes can unpack to what no memory holds. Links, devices and folders are passed over, and
a name is no more than a name, wherever it points.
"""

import bz2
import gzip
import lzma
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from toolkit.errors import DataError

FEWEST = 1 << 28  # bytes that any archive may unpack to
MOST_TIMES = 20  # its own size; text is packed to a third or a tenth
_UNPACKED: dict[bytes, Callable[[IO[bytes]], Any]] = {  # by the first bytes
    b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open,
}  # fmt: skip


class _TooLargeError(Exception):
    pass


class _Bounded:
    """A file of which so many bytes are read and no more."""

    def __init__(self, file: IO[bytes], most: int) -> None:
        self.file, self.left = file, most

    def read(self, size: int) -> bytes:
        """At most `size` bytes."""
        content = self.file.read(size)
        self.left -= len(content)
        if self.left < 0:
            raise _TooLargeError
        return content


def members_of(place: Path) -> dict[str, bytes]:
    """The content of each file in an archive, by name; DataError where it cannot be read."""
    most = max(FEWEST, MOST_TIMES * place.stat().st_size)
    found = {}
    try:
        with open(place, "rb") as packed:
            start = packed.read(6)
            packed.seek(0)
            ways = [way for magic, way in _UNPACKED.items() if start.startswith(magic)]
            bounded = _Bounded(ways[0](packed) if ways else packed, most)
            with tarfile.open(fileobj=bounded, mode="r|") as archive:  # type: ignore[call-overload]
                for member in archive:
                    content = archive.extractfile(member) if member.isfile() else None
                    if content is not None:  # a folder, or a link
                        found[member.name] = content.read()
    except _TooLargeError:
        raise DataError(
            f"{place}: unpacks to more than {most:,} bytes, expected at most {MOST_TIMES} times "
            "its own size: unpack it into a folder, if you know what it is"
        ) from None
    except (tarfile.TarError, OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        raise DataError(f"{place}: cannot be read: {error}") from None
    return found
