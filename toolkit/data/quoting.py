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
    ahead = _Ahead(lines)
    while (line := ahead.next()) is not None:
        if quoting == "none" or '"' not in line:
            yield _plain(ahead.number, line, separator)
            continue
        record = _Quoted(ahead, line, separator).record()
        if record.last < ahead.number:  # a quote that never closes: at most one in a file
            ahead.go_back(record.last)
        yield record


class _Ahead:
    """Lines as they are read, and their numbers."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.lines = lines
        self.number = 0  # of the line that was read last, from 1
        self._rest = iter(lines)

    def next(self) -> str | None:
        """The next line; None where there is none."""
        line = next(self._rest, None)
        self.number += line is not None
        return line

    def go_back(self, number: int) -> None:
        """To behind a line that was read before."""
        self.number = number
        self._rest = islice(self.lines, number, None)


def _plain(number: int, line: str, separator: str) -> Record:
    return Record(number, number, line.split(separator), _RETURN if "\r" in line else "")


class _Quoted:
    """A record with a quote in it, read from where it begins."""

    def __init__(self, ahead: _Ahead, line: str, separator: str) -> None:
        self.ahead = ahead
        self.first = self.last = ahead.number
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
            elif (line := self.ahead.next()) is not None:
                parts.append(self.line[self.at :] + "\n")
                self.last += 1
                self.line, self.at = line, 0
            else:
                self.first = self.last = opened
                self.fault = f"a quote opens here and never closes{_HINT}"
                return ""
        behind = self.line[self.at : self.at + 1]
        if behind not in ("", self.separator):
            ends = f"the quote that opens here closes in line {self.last} before"
            where = ends if self.last > opened else "a quote closes before"
            self.first = opened
            self.fault = f"{where} {behind!r}, expected a separator{_HINT}"
        return "".join(parts)
