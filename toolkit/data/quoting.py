"""The records of a file of separated values (RFC 4180), each with the lines it stands on.

A quoted field may hold separators, line ends and doubled quotes. Anything but a separator or the
end of the line behind a closing quote is a fault, and so is a quote that never closes. A quote
inside a field that does not begin with one is a character.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Literal, NamedTuple

Quoting = Literal["rfc4180", "none"]

_RETURN = "a \\r inside the line, expected lines that end in \\n or \\r\\n"
_HINT = " (quoting: none reads quotes as they are)"


class Record(NamedTuple):
    """The cells of a record, or what is wrong with it."""

    first: int  # line, from 1
    last: int
    cells: list[str]
    fault: str = ""
    has_quotes: bool = False  # on its first line, where they mean something


def records_of(lines: Iterable[str], separator: str, quoting: Quoting) -> Iterator[Record]:
    """The records of the lines, empty ones too. The lines can be walked over again."""
    numbered: Iterator[tuple[int, str]] | None = enumerate(lines, 1)
    while numbered:
        again = None
        for number, line in numbered:
            if quoting == "none" or '"' not in line:
                fault = _RETURN if "\r" in line else ""
                yield Record(number, number, line.split(separator), fault)
                continue
            quoted = _Quoted(numbered, number, line, separator)
            record = quoted.record()
            yield record
            if quoted.never_closes:  # at most one in a file, to whose end it was read
                again = islice(enumerate(lines, 1), record.last, None)
        numbered = again


class _Quoted:
    """A record with a quote in it, read from where it begins."""

    def __init__(
        self, numbered: Iterator[tuple[int, str]], number: int, line: str, separator: str
    ) -> None:
        self.numbered = numbered  # the lines behind this one
        self.first = self.last = number
        self.never_closes = False
        self.separator = separator
        self.line = line
        self.at = 0  # in the line: where a cell begins, behind it: where it ended
        self.fault = ""

    def record(self) -> Record:
        """The record. One that never ends is as long as its first line."""
        cells = []
        while True:
            quoted = self.line.startswith('"', self.at)
            cells.append(self._quoted_cell() if quoted else self._plain_cell())
            if self.fault or self.at >= len(self.line):
                return Record(self.first, self.last, cells, self.fault, has_quotes=True)
            self.at += 1

    def _plain_cell(self) -> str:
        begin, end = self.at, self.line.find(self.separator, self.at)
        self.at = len(self.line) if end < 0 else end
        if "\r" in self.line[begin : self.at]:
            self.fault = _RETURN
        return self.line[begin : self.at]

    def _quoted_cell(self) -> str:
        opened, parts = self.last, []
        self.at += 1
        while True:
            end = self.line.find('"', self.at)
            if end >= 0:
                parts.append(self.line[self.at : end])
                self.at = end + 1
                if not self.line.startswith('"', self.at):
                    break
                parts.append('"')
                self.at += 1
            elif (behind := next(self.numbered, None)) is not None:
                parts.append(self.line[self.at :] + "\n")
                (self.last, self.line), self.at = behind, 0
            else:
                self.never_closes = True
                self.first = self.last = opened
                self.fault = f"a quote opens here and never closes{_HINT}"
                return ""
        sign = self.line[self.at : self.at + 1]
        if sign not in ("", self.separator):
            ends = f"the quote that opens here closes in line {self.last} before"
            where = ends if self.last > opened else "a quote closes before"
            self.first = opened
            self.fault = f"{where} {sign!r}, expected a separator{_HINT}"
        return "".join(parts)
