"""The records of a file of separated values (RFC 4180), each with the lines it stands on.

A quoted field may hold separators, line ends and doubled quotes. Anything but a separator or the
end of the line behind a closing quote is a fault, and so is a quote that never closes. A quote
inside a field that does not begin with one is a character.
"""

from collections.abc import Sequence
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


def records_of(lines: Sequence[str], separator: str, quoting: Quoting) -> list[Record]:
    """The records of the lines, empty ones too."""
    records = []
    index = 0
    while index < len(lines):
        line = lines[index]
        if quoting == "none" or '"' not in line:
            records.append(_plain(index + 1, line, separator))
        else:
            records.append(_Quoted(lines, index, separator).record())
        index = records[-1].last
    return records


def _plain(number: int, line: str, separator: str) -> Record:
    return Record(number, number, line.split(separator), _RETURN if "\r" in line else "")


class _Quoted:
    """A record with a quote in it, read from where it begins."""

    def __init__(self, lines: Sequence[str], index: int, separator: str) -> None:
        self.lines = lines
        self.first = self.index = index
        self.separator = separator
        self.line = lines[index]
        self.at = 0  # in the line: where a cell begins, behind it: where it ended
        self.fault = ""

    def record(self) -> Record:
        """The record. One that never ends is as long as its first line."""
        cells = []
        while True:
            quoted = self.line.startswith('"', self.at)
            cells.append(self._quoted_cell() if quoted else self._plain_cell())
            if self.fault or self.at >= len(self.line):
                return Record(self.first + 1, self.index + 1, cells, self.fault)
            self.at += 1

    def _plain_cell(self) -> str:
        begin, end = self.at, self.line.find(self.separator, self.at)
        self.at = len(self.line) if end < 0 else end
        if "\r" in self.line[begin : self.at]:
            self.fault = _RETURN
        return self.line[begin : self.at]

    def _quoted_cell(self) -> str:
        opened, parts = self.index, []
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
            elif self.index + 1 < len(self.lines):
                parts.append(self.line[self.at :] + "\n")
                self.index += 1
                self.line, self.at = self.lines[self.index], 0
            else:
                self.first = self.index = opened
                self.fault = f"a quote opens here and never closes{_HINT}"
                return ""
        behind = self.line[self.at : self.at + 1]
        if behind not in ("", self.separator):
            ends = f"the quote that opens here closes in line {self.index + 1} before"
            where = ends if self.index > opened else "a quote closes before"
            self.first = opened
            self.fault = f"{where} {behind!r}, expected a separator{_HINT}"
        return "".join(parts)
