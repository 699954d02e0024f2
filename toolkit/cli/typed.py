"""Examples as a user types them: arguments, lines of standard input, lines of a text file."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from toolkit.errors import DataError, ToolkitError

if TYPE_CHECKING:
    from toolkit.tasks.base import Task


class Typed(NamedTuple):
    """What the command line was given to predict for; nothing of it: lines of standard input."""

    texts: Sequence[str] = ()
    pair: tuple[str, str] | None = None
    file: Path | None = None
    is_words: bool = False  # texts are words already

    def check(self) -> None:
        """ToolkitError where there are two kinds of input."""
        if bool(self.texts) + (self.pair is not None) + (self.file is not None) > 1:
            raise ToolkitError("give texts, --pair or --file, only one of them")

    @property
    def has_format(self) -> bool:
        """Whether it is a file of examples, not of texts."""
        return self.file is not None and self.file.suffix not in (".txt", ".text", "")

    @property
    def is_waiting(self) -> bool:
        """Whether a person types, who wants an answer to each line."""
        return not (self.texts or self.pair or self.file) and sys.stdin.isatty()

    def examples(self, task: "Task") -> Iterator[Any]:
        """The examples, one by one as they come. ToolkitError where the task reads others."""
        reads: Any = task.reads
        if self.is_words and "words" not in reads._fields:
            raise ToolkitError(f"--words: this model reads {_named(task)}, not words")
        if self.pair is not None and len(task.typed) != 2:
            raise ToolkitError(f"--pair: this model reads {_named(task)}, not two texts")
        if self.pair is not None:
            yield reads.of(self.pair)
            return
        for where, text in self._places():
            yield reads.of(text.split() if self.is_words else _parts(task, text, where))

    def _places(self) -> Iterator[tuple[str, str]]:
        """Each text, and where it stands."""
        if self.file is not None:
            from toolkit.data.text import lines_of

            for number, line in enumerate(lines_of(str(self.file)), 1):
                yield f"{self.file}:{number}", line.rstrip("\r\n")
        elif self.texts:
            for number, text in enumerate(self.texts, 1):
                yield f"argument {number}", text
        else:
            for number, line in enumerate(_standard_input(), 1):
                yield f"standard input:{number}", line.rstrip("\r\n")


def _standard_input() -> Iterator[str]:
    """The lines of standard input; DataError where one is no UTF-8."""
    for number, line in enumerate(sys.stdin.buffer, 1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            found = f"byte 0x{line[error.start]:02x} at offset {error.start} of the line"
            raise DataError(f"standard input:{number}: {found}, expected UTF-8") from None


def _parts(task: "Task", text: str, where: str) -> str | list[str]:
    """The text, or the two that a TAB parts where the task reads two."""
    names = task.typed
    if len(names) == 1:
        return text
    parts = text.split("\t")
    if len(parts) == len(names) and all(part.strip() for part in parts):
        return parts
    found = "no TAB" if len(parts) == 1 else f"{len(parts) - 1} TABs"
    if len(parts) == len(names):
        found = f"an empty {names[[bool(part.strip()) for part in parts].index(False)]}"
    expected = f"{'<TAB>'.join(names)} (or --pair {_quoted(names)})"
    raise DataError(f"{where}: {found}, expected {expected}")


def _named(task: "Task") -> str:
    return " and ".join(f"a {name}" for name in task.typed)


def _quoted(names: Sequence[str]) -> str:
    return " ".join(f'"{name}"' for name in names)
