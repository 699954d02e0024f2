"""CSV and TSV: a row a record, with or without a line of names.

Cells are text and stay text: `NA`, `null` and `1` are words like any other.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

from toolkit.data.fields import gathered
from toolkit.data.hashes import Hashes
from toolkit.data.names import is_header
from toolkit.data.quoting import Quoting, Record, records_of
from toolkit.data.rows import SIGNS, Rows
from toolkit.data.sentences import Fault
from toolkit.data.table import Asked, Key, Table
from toolkit.data.text import TextFile, counted, open_text

Separator = Literal["comma", "semicolon", "tab", "bar"]
Header = Literal["auto"] | bool

_ENOUGH = 20  # rows, to tell that a label which occurs once is the name of a column


class Form(NamedTuple):
    """How a file separates its cells."""

    separator: Separator
    header: Header
    quoting: Quoting


class Csv(Rows):
    """Files of rows with commas, or other signs, between the cells; quoted cells as in RFC 4180."""

    separator: Separator = "comma"  # of the cells
    header: Header = "auto"  # whether the first row names the columns
    quoting: Quoting = "rfc4180"  # none: a quote is a character like any other

    def table(self, source: str, asked: Asked) -> Table:
        """The rows of a file."""
        return table_of(source, asked, Form(self.separator, self.header, self.quoting))


class Tsv(Rows):
    """Files of rows with a tab between the cells."""

    header: Header = "auto"  # whether the first row names the columns
    quoting: Quoting = "none"  # rfc4180: as in CSV; none: a quote is a character like any other

    def table(self, source: str, asked: Asked) -> Table:
        """The rows of a file."""
        return table_of(source, asked, Form("tab", self.header, self.quoting))


def table_of(source: str, asked: Asked, form: Form) -> Table:
    """The rows of a file; a row with too few or too many cells is a fault."""
    text = open_text(source, keep_returns=form.quoting != "none")
    first = next((each for each in _records(text, form) if not _is_blank(each)), None)
    if first is None:
        raise text.refusal("no row in it")
    has_header = _has_header(first, asked, form)
    width = len(first.cells) if has_header else _width_of(_records(text, form))
    checked = _Checked(text, form, width, first if has_header else None)
    labels = _Labels(_position(asked, "label"), width)
    for row in checked:
        labels.add(row)
    faults, header = checked.all_faults(), None
    if has_header:
        header = [cell.strip() for cell in first.cells]
        faults += _twice(header, first, asked)
    elif form.header == "auto" and not faults and asked.gold and labels.begin_with_a_name():
        what = (
            f"label {labels.first!r} is in no other row: "
            "set data.header: true if the row names columns, false if it is an example"
        )
        faults.append(Fault(labels.place, what))
    positions = {name: at for at, name in enumerate(header or ())}

    def rows(keys: Sequence[Key]) -> Iterator[tuple[int, list[str]]]:
        columns = [positions[key] if isinstance(key, str) else key for key in keys]
        for row in checked:
            yield row.first, [row.cells[at] for at in columns]

    return Table(
        text.name,
        labels.num_rows,
        rows,
        header,
        width,
        typed=False,
        faults=faults,
        glance=f"{form.separator}, {'header' if has_header else 'no header'}",
        notes=[*_notes(checked.num_blank, checked.num_long), *text.notes],
    )


def _records(text: TextFile[Iterable[str]], form: Form) -> Iterator[Record]:
    return records_of(text.lines, SIGNS[form.separator], form.quoting)


def _is_blank(record: Record) -> bool:
    """Whether nothing is written in a record: an empty line, or separators only."""
    return not (record.fault or record.has_quotes or "".join(record.cells).strip())


def _has_header(first: Record, asked: Asked, form: Form) -> bool:
    if form.header != "auto":
        return form.header
    return is_header(first.cells, asked)


def _width_of(records: Iterable[Record]) -> int:
    """The width of most records."""
    widths = Counter(len(record.cells) for record in records if not _is_blank(record))
    return widths.most_common(1)[0][0]


class _Checked:
    """The rows as wide as the file, for any number of walks; of the last one what was wrong."""

    def __init__(
        self, text: TextFile[Iterable[str]], form: Form, width: int, header: Record | None
    ) -> None:
        self.text = text
        self.form = form
        self.width = width
        self.header = header
        self._begin()

    def _begin(self) -> None:
        self.num_blank = self.num_long = 0
        self.num_checked = 0  # rows that could have a fault; a first row that has none is no proof
        self._faults = [Fault(line, what) for line, what in self.text.faults.items()]
        self._odd: list[Fault] = []  # rows with too few or too many cells

    def __iter__(self) -> Iterator[Record]:
        self._begin()
        is_first = True
        for record in _records(self.text, self.form):
            if _is_blank(record):
                self.num_blank += 1
                continue
            row = self._row(record)
            self.num_checked += not (is_first and row is record)
            if row is not None and not (is_first and self.header):
                yield row
            is_first = False

    def all_faults(self) -> list[Fault]:
        """The faults of the lines that are no row."""
        return self._faults + gathered(self._odd, self.num_checked)

    def _row(self, record: Record) -> Record | None:
        """The record as wide as the file; None where it has a fault."""
        lines = self.text.faults
        if lines and any(line in lines for line in range(record.first, record.last + 1)):
            return None
        if record.fault:
            self._faults.append(Fault(record.first, record.fault))
        elif len(record.cells) == self.width:
            return record
        elif len(record.cells) > self.width and not any(record.cells[self.width :]):
            self.num_long += 1
            return record._replace(cells=record.cells[: self.width])
        else:
            what = _wrong_width(record, self.width, self.form)
            self._odd.append(Fault(record.first, what))
        return None


def _wrong_width(record: Record, width: int, form: Form) -> str:
    what = f"{counted(len(record.cells), 'column')}, expected {width} ({form.separator})"
    if record.last > record.first:
        what += f"; its quotes reach to line {record.last}"
    elif form.quoting == "none" and any(cell.startswith('"') for cell in record.cells):
        what += "; quoting: rfc4180 reads quoted cells"
    elif len(record.cells) == 1:
        cell = record.cells[0]
        others = [name for name, sign in SIGNS.items() if cell.count(sign) == width - 1 > 0]
        what += f"; a {others[0]} separates this line" if others else ""
    return what


def _twice(header: Sequence[str], record: Record, asked: Asked) -> list[Fault]:
    """Names of the header that stand there twice, where it matters."""
    wanted = {*asked.columns.values(), *asked.reads._fields}
    return [
        Fault(record.first, f"column {name!r} twice in the header")
        for name in dict.fromkeys(header)
        if header.count(name) > 1 and name in wanted
    ]


class _Labels:
    """What tells whether the label of the first row is no label: others occur again and again."""

    def __init__(self, position: int, width: int) -> None:
        self.position = position if -width <= position < width else None
        self.num_rows = 0
        self.first: str | None = None
        self.place = 0  # of the first row
        self._is_again = False  # whether the first label is also elsewhere
        self._hashes = Hashes()

    def add(self, row: Record) -> None:
        self.num_rows += 1
        if self.position is None or self._is_again:
            return
        label = row.cells[self.position]
        if self.num_rows == 1:
            self.first, self.place = label, row.first
        else:
            self._is_again = label == self.first
        self._hashes.add(label)

    def begin_with_a_name(self) -> bool:
        """Whether the first label seems to be the name of the column."""
        if self.num_rows < _ENOUGH or self.first is None or self._is_again:
            return False
        return self._hashes.number() * 3 <= self.num_rows


def _position(asked: Asked, field: str) -> int:
    """Where a field is in rows without names."""
    key = asked.columns.get(field, 1)
    return key if isinstance(key, int) else len(asked.fields)


def _notes(num_blank: int, num_long: int) -> list[str]:
    notes = [f"{counted(num_blank, 'empty row')} skipped"] if num_blank else []
    if num_long:
        notes.append(f"{counted(num_long, 'row')} ended in separators, dropped")
    return notes
