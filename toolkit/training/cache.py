"""The folder of what can be made again: entries under keys, complete or absent, for all processes.

An entry's key says everything that it was made of, so none is ever out of date. One that was
damaged is found by its sizes and hashes and made again. The least recently used are removed when
all together take more than the limit.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from importlib import metadata
from pathlib import Path

from toolkit.errors import ToolkitError
from toolkit.runs import files
from toolkit.runs.manifest import source_sha256

FOLDER, LIMIT = "TOOLKIT_CACHE", "TOOLKIT_CACHE_GB"  # variables of the environment
USUAL_LIMIT = 20.0  # GB
_PIECE, _BLOCK = 1 << 26, 1 << 20  # bytes of a file that are hashed by themselves, and at a time
_AT_ONCE = 4  # pieces
_VERSIONED = ("toolkit.", "transformers.")  # modules whose code `code_version` knows
_PACKAGES = ("tokenizers", "transformers", "numpy", "pydantic")  # whose code decides the contents


def cache_folder() -> Path:
    """`$TOOLKIT_CACHE`, or `toolkit` in the user's folder for caches."""
    if named := os.environ.get(FOLDER):
        return Path(named).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path("~/.cache").expanduser()) / "toolkit"


def key_of(*parts: str) -> str:
    """A key from everything that an entry is made of, the code included."""
    return hashlib.sha256(json.dumps([code_version(), *parts]).encode()).hexdigest()[:40]


def is_own_code(*parts: object) -> bool:
    """Whether a part is of a user's own class, whose code may change under the same name."""
    return any(not type(part).__module__.startswith(_VERSIONED) for part in parts)


@lru_cache(maxsize=1)
def code_version() -> str:
    """A hash of this package's source, and the versions of what reads text with it."""
    return " ".join([source_sha256(), *(metadata.version(name) for name in _PACKAGES)])


def hash_of_file(path: Path) -> str:
    """A hash of all bytes of a file: the sha256 of those of its pieces, some of them at a time."""
    starts = range(0, path.stat().st_size, _PIECE)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        hashes = list(pool.map(lambda start: _hash_of_piece(path, start), starts))
    return hashlib.sha256(b"".join(hashes)).hexdigest()


def _hash_of_piece(path: Path, start: int) -> bytes:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        file.seek(start)
        for _ in range(0, _PIECE, _BLOCK):
            digest.update(file.read(_BLOCK))  # other threads run meanwhile
    return digest.digest()


class Cache:
    """Entries in a folder. OSError or StorageError where the folder cannot be used."""

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        self.folder = folder
        self.say = say
        self._is_swept = False
        _limit()  # said at once where it is none

    def room(self) -> Path | None:
        """A folder for large files that end with the process; None where this one is no use."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError:
            return None
        return self.folder if os.access(self.folder, os.W_OK) else None

    def entry(self, name: str, fill: Callable[[Path], None]) -> Path:
        """The folder of an entry, made by `fill` unless it is there; others wait meanwhile."""
        with self._locked(name):
            return self._intact(name) or self._filled(name, fill)

    def find(self, name: str) -> Path | None:
        """The folder of an entry, if it is there."""
        if not (self.folder / name).is_dir():
            return None
        with self._locked(name):
            return self._intact(name)

    def _intact(self, name: str) -> Path | None:
        place = self.folder / name
        if not place.is_dir():
            return None
        if fault := files.fault_of(place):
            self.say(f"cache: {place} is damaged ({fault}): made again")
            files.remove(place)
            return None
        os.utime(place)  # used now
        return place

    def _filled(self, name: str, fill: Callable[[Path], None]) -> Path:
        place = self.folder / name
        files.commit_folder(place, fill)
        self._trim(place)
        return place

    @contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        """Hold an entry's lock; the kernel lets go of it when its holder ends, however."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self._is_swept:
            self._is_swept = True
            self._sweep()
        with open(self.folder / f".lock-{name}", "a", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _trim(self, newest: Path) -> None:
        """Remove what was not used for longest, beyond the limit."""
        room = _limit() - _size_of(newest)
        entries = [path for path in self.folder.iterdir() if path.is_dir() and path != newest]
        for path in sorted(entries, key=_last_used, reverse=True):
            room -= _size_of(path)
            if room < 0 and not path.name.startswith(files.TEMPORARY):
                self._remove(path, path.name)

    def _sweep(self) -> None:
        """Remove what a kill left behind."""
        for path in self.folder.glob(f"{files.TEMPORARY}*"):
            name = path.name
            for prefix in (files.OLDER, files.DISCARDED, files.TEMPORARY):
                name = name.removeprefix(prefix)
            self._remove(path, name)

    def _remove(self, path: Path, name: str) -> None:
        with self._unless_locked(name) as is_free:
            if is_free:  # a process that has mapped its files keeps them
                files.remove(path)

    @contextmanager
    def _unless_locked(self, name: str) -> Iterator[bool]:
        with open(self.folder / f".lock-{name}", "a", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True


def _limit() -> float:
    """The bytes that all entries may take. ToolkitError where the variable holds no number."""
    found = os.environ.get(LIMIT, "")
    try:
        return float(found or USUAL_LIMIT) * 1e9
    except ValueError:
        raise ToolkitError(f"{LIMIT}: found {found!r}, expected a number of gigabytes") from None


def _last_used(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # another process removed it
        return 0.0


def _size_of(folder: Path) -> int:
    try:
        return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    except FileNotFoundError:
        return 0
