"""The windows of a training split as flat arrays in files, which processes read through maps.

A column of numbers for each input and target, laid end to end over all windows, and offsets that
say where windows and examples begin. What comes back makes the same batch, bit for bit; `where`,
which only decoding needs, does not come back.
"""

import json
import mmap
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from toolkit.windows import Window

if TYPE_CHECKING:
    from toolkit.windows import Tokens

META = "meta.json"
_BUFFERED = 1 << 18  # numbers of a column that are kept before they are written
_BETWEEN_RELEASES = 1024  # windows that are read until the maps let go of their pages
_TYPES = {"i": np.int32, "q": np.int64, "d": np.float64}  # by the code of `array`


class UnstorableError(ValueError):
    """Windows that flat arrays cannot hold exactly; the message says why."""


class Windows(NamedTuple):
    """The windows of a training split, wherever they are kept."""

    of: Callable[[int], Sequence[Window]]  # of an example
    total: int
    num_in_several: int  # examples of more than one
    num_truncated: int  # examples of which a part was left out, as the recipe says
    used: "np.ndarray[Any, Any]"  # the input ids that occur, sorted


class _Counts:
    """What is counted of windows while they go by."""

    def __init__(self, num_left_out: Callable[[Sequence[Window]], int]) -> None:
        self.num_left_out = num_left_out
        self.examples = self.total = self.num_in_several = self.num_truncated = 0
        self.seen = np.zeros(1 << 12, dtype=np.bool_)  # (vocabulary,)

    def add(self, group: Sequence[Window]) -> None:
        self.examples += 1
        self.total += len(group)
        self.num_in_several += len(group) > 1
        self.num_truncated += self.num_left_out(group) > 0

    def see(self, ids: "np.ndarray[Any, Any]") -> None:
        if not len(ids):
            return
        if ids.min() < 0:
            raise UnstorableError(f"an input id is {ids.min()}")
        if ids.max() >= len(self.seen):
            self.seen.resize(2 * int(ids.max()) + 1, refcheck=False)
        self.seen[ids] = True

    @property
    def used(self) -> "np.ndarray[Any, Any]":
        return np.flatnonzero(self.seen)


def windows_in_memory(
    groups: Iterable[Sequence[Window]], num_left_out: Callable[[Sequence[Window]], int]
) -> Windows:
    """Windows as they are, where they cannot be stored."""
    kept, counts = [], _Counts(num_left_out)
    for group in groups:
        counts.add(group)
        for window in group:
            counts.see(np.asarray(window.inputs["input_ids"], dtype=np.int64))
        kept.append(group)
    return Windows(
        kept.__getitem__, counts.total, counts.num_in_several, counts.num_truncated, counts.used
    )


class _Column:
    """Numbers of one kind, appended to a file."""

    def __init__(self, path: Path, code: str, width: int | None = None) -> None:
        self.path, self.code = path, code
        self.width = width  # numbers a window; None: one a token; 0: a number, not a tuple of one
        self.file = open(path, "wb")  # noqa: SIM115 - closed by the writer
        self.buffer = array(code)

    def extend(self, values: Iterable[Any]) -> None:
        try:
            self.buffer.extend(values)
        except (TypeError, OverflowError) as error:
            raise UnstorableError(f"a value is no whole number of 32 bits ({error})") from None
        if len(self.buffer) >= _BUFFERED:
            self.flush()

    def flush(self) -> None:
        self.buffer.tofile(self.file)
        del self.buffer[:]

    def described(self) -> dict[str, Any]:
        return {"file": self.path.name, "type": self.code, "width": self.width}


class _Writer:
    """Columns in a folder, which are closed however writing ends."""

    def __init__(self, folder: Path, num_left_out: Callable[[Sequence[Window]], int]) -> None:
        self.folder = folder
        self.columns: list[_Column] = []
        self.counts = _Counts(num_left_out)
        self.examples = self._column("q")  # the first window of each example, and the total
        self.tokens = self._column("q")  # the first token of each window, and the total
        self.inputs: dict[str, _Column] | None = None
        self.targets: dict[str, _Column] | None = None
        self.num_tokens = 0

    def __enter__(self) -> Self:
        self.examples.extend([0])
        self.tokens.extend([0])
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        for column in self.columns:
            column.file.close()

    def add(self, group: Sequence[Window]) -> None:
        self.counts.add(group)
        for window in group:
            self._add_window(window)
        self.examples.extend([self.counts.total])

    def finish(self) -> None:
        for column in self.columns:
            column.flush()
        used = self._column("q")
        used.extend(self.counts.used.tolist())
        used.flush()
        meta = {
            "counts": {
                name: getattr(self.counts, name)
                for name in ("examples", "total", "num_in_several", "num_truncated")
            },
            "examples": self.examples.described(),
            "tokens": self.tokens.described(),
            "used": used.described(),
            "inputs": _described(self.inputs or {}),
            "targets": None if self.targets is None else _described(self.targets),
        }
        (self.folder / META).write_text(json.dumps(meta, indent=1), encoding="utf-8")

    def _add_window(self, window: Window) -> None:
        if self.inputs is None:
            self.inputs = {name: self._column("i") for name in window.inputs}
            if window.targets is not None:
                self.targets = {name: self._fitting(v) for name, v in window.targets.items()}
        if [*window.inputs] != [*self.inputs]:
            raise UnstorableError(f"inputs are {[*window.inputs]} and {[*self.inputs]}")
        if _names(window.targets) != _names(self.targets):
            raise UnstorableError("windows have different targets")
        for name, values in window.inputs.items():
            self._add_tokens(self.inputs[name], values, window.length)
        for name, value in (window.targets or {}).items():
            assert self.targets is not None
            self._add_target(self.targets[name], value, window.length)
        self.counts.see(np.asarray(window.inputs["input_ids"], dtype=np.int64))
        self.num_tokens += window.length
        self.tokens.extend([self.num_tokens])

    def _add_target(self, column: _Column, value: Any, length: int) -> None:
        if column.width is None and isinstance(value, (list, np.ndarray)):
            self._add_tokens(column, value, length)
            return
        if _form(value) != (column.code, column.width):
            raise UnstorableError("the targets of windows have different forms")
        column.extend(value if isinstance(value, tuple) else [value])

    def _add_tokens(self, column: _Column, values: "Tokens", length: int) -> None:
        if len(values) != length:
            raise UnstorableError(f"{len(values)} values for {length} tokens")
        column.extend(values)

    def _fitting(self, value: Any) -> _Column:
        return self._column(*_form(value))

    def _column(self, code: str, width: int | None = None) -> _Column:
        column = _Column(self.folder / f"{len(self.columns)}.bin", code, width)
        self.columns.append(column)
        return column


def _names(named: Mapping[str, Any] | None) -> list[str] | None:
    return None if named is None else [*named]


def _form(value: Any) -> tuple[str, int | None]:
    """The type of a target's column and its width."""
    if isinstance(value, (list, np.ndarray)):
        return "i", None
    values = value if isinstance(value, tuple) else (value,)
    kinds = {type(each) for each in values}
    if kinds not in ({int}, {float}):  # torch would choose a type by all values of a batch
        raise UnstorableError(f"a target is {value!r}, expected whole numbers only or floats only")
    return "q" if kinds == {int} else "d", len(value) if isinstance(value, tuple) else 0


def _described(columns: Mapping[str, _Column]) -> dict[str, Any]:
    return {name: column.described() for name, column in columns.items()}


def write_windows(
    folder: Path,
    groups: Iterable[Sequence[Window]],
    num_left_out: Callable[[Sequence[Window]], int],
) -> None:
    """Write the windows of examples as they come, none of them kept. UnstorableError: no way."""
    with _Writer(folder, num_left_out) as writer:
        for group in groups:
            writer.add(group)
        writer.finish()


class WindowStore:
    """What `write_windows` left in a folder. Its pages are let go of again and again, so that the
    memory of the process does not grow with what it has read."""

    def __init__(self, folder: Path) -> None:
        meta = json.loads((folder / META).read_text(encoding="utf-8"))
        self._maps: list[mmap.mmap] = []
        self._num_read = 0
        self._counts: dict[str, int] = meta["counts"]
        self._examples = self._mapped(folder, meta["examples"])  # (examples + 1,)
        self._tokens = self._mapped(folder, meta["tokens"])  # (windows + 1,)
        self._used = self._mapped(folder, meta["used"]).copy()
        self._inputs = {n: self._mapped(folder, each) for n, each in meta["inputs"].items()}
        self._targets: dict[str, tuple[int | None, np.ndarray[Any, Any]]] | None = None
        if meta["targets"] is not None:
            self._targets = {
                name: (each["width"], self._mapped(folder, each))
                for name, each in meta["targets"].items()
            }

    def __len__(self) -> int:
        """How many examples there are."""
        return self._counts["examples"]

    def windows(self) -> Windows:
        """With what was counted when they were written."""
        counts = self._counts
        return Windows(
            self.of, counts["total"], counts["num_in_several"], counts["num_truncated"], self._used
        )

    def of(self, example: int) -> list[Window]:
        """The windows of an example, their tokens as arrays that nobody can write to."""
        first, end = self._examples[example : example + 2].tolist()
        self._num_read += end - first
        if self._num_read >= _BETWEEN_RELEASES:
            self._release()
        bounds = self._tokens[first : end + 1].tolist()
        return [
            self._window(first + number, bounds[number], bounds[number + 1])
            for number in range(end - first)
        ]

    def _window(self, number: int, start: int, end: int) -> Window:
        inputs: dict[str, Any] = {name: flat[start:end] for name, flat in self._inputs.items()}
        if self._targets is None:
            return Window(inputs)
        targets: dict[str, Any] = {}
        for name, (width, flat) in self._targets.items():
            if width is None:
                targets[name] = flat[start:end]
            elif width == 0:
                targets[name] = flat[number].item()
            else:
                targets[name] = tuple(flat[number * width : (number + 1) * width].tolist())
        return Window(inputs, targets)

    def _release(self) -> None:
        self._num_read = 0
        if hasattr(mmap, "MADV_DONTNEED"):  # the pages stay in the system's cache
            for each in self._maps:
                each.madvise(mmap.MADV_DONTNEED)

    def _mapped(self, folder: Path, column: Mapping[str, Any]) -> "np.ndarray[Any, Any]":
        kind = _TYPES[column["type"]]
        with open(folder / column["file"], "rb") as file:
            if not file.seek(0, 2):  # nothing cannot be mapped
                return np.empty(0, dtype=kind)
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._maps.append(mapped)
        return np.frombuffer(mapped, dtype=kind)
