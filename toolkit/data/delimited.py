"""CSV and TSV: a row a record, with or without a line of names.

Cells are text and stay text: `NA`, `null` and `1` are words like any other.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Literal, NamedTuple

from toolkit.data.fields import gathered
from toolkit.data.names import is_header
from toolkit.data.quoting import Quoting, Record, records_of
from toolkit.data.rows import Rows
from toolkit.data.sentences import Fault
from toolkit.data.table import Asked, Key, Table
from toolkit.data.text import TextFile, counted, read_text

Separator = Literal["comma", "semicolon", "tab", "bar"]
Header = Literal["auto"] | bool

_SIGNS: dict[Separator, str] = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"}
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
    text = read_text(source, keep_returns=form.quoting != "none")
    records = records_of(text.lines, _SIGNS[form.separator], form.quoting)
    written = [record for record in records if not _is_blank(record, text)]
    if not written:
        raise text.refusal("no row in it")
    has_header = _has_header(written[0], asked, form)
    width = _width_of(written, has_header)
    rows, faults, num_long = _checked(written, width, text, form)
    header = None
    if has_header:
        header = [cell.strip() for cell in written[0].cells[:width]]
        rows = [row for row in rows if row is not written[0]]
        faults += _twice(header, written[0], asked)
    elif form.header == "auto" and not faults and _looks_like_header(rows, asked):
        label = _position(asked, "label")
        what = f"label {rows[0].cells[label]!r} is in no other row: set data.header"
        faults.append(Fault(rows[0].first, what))
    cells = [row.cells for row in rows]
    positions = {name: at for at, name in enumerate(header or ())}
    return Table(
        text.name,
        [row.first for row in rows],
        lambda key: _column(cells, key, positions),
        header,
        width,
        typed=False,
        faults=faults,
        glance=f"{form.separator}, {'header' if has_header else 'no header'}",
        notes=[*_notes(len(records) - len(written), num_long), *text.notes],
    )


def _column(cells: Sequence[Sequence[str]], key: Key, positions: dict[str, int]) -> list[str]:
    at = positions[key] if isinstance(key, str) else key
    return [row[at] for row in cells]


def _is_blank(record: Record, text: TextFile[list[str]]) -> bool:
    """Whether nothing is written in a record: an empty line, or separators only."""
    empty = not record.fault and not any(cell.strip() for cell in record.cells)
    return empty and '"' not in text.lines[record.first - 1]


def _has_header(first: Record, asked: Asked, form: Form) -> bool:
    if form.header != "auto":
        return form.header
    return is_header(first.cells, asked)


def _width_of(records: Sequence[Record], has_header: bool) -> int:
    if has_header:
        return len(records[0].cells)
    return Counter(len(record.cells) for record in records).most_common(1)[0][0]


def _checked(
    records: Sequence[Record], width: int, text: TextFile[list[str]], form: Form
) -> tuple[list[Record], list[Fault], int]:
    """The records as wide as the file, the faults, and how many ended in separators."""
    faults = [Fault(line, what) for line, what in text.faults.items()]
    rows, odd = [], []
    num_long = 0
    for record in records:
        if any(line in text.faults for line in range(record.first, record.last + 1)):
            continue
        if record.fault:
            faults.append(Fault(record.first, record.fault))
        elif len(record.cells) == width:
            rows.append(record)
        elif len(record.cells) > width and not any(record.cells[width:]):
            rows.append(record._replace(cells=record.cells[:width]))
            num_long += 1
        else:
            odd.append(Fault(record.first, _wrong_width(record, width, text, form)))
    num_checked = len(records) - (records[0] in rows)  # a header is as wide as itself
    return rows, faults + gathered(odd, num_checked), num_long


def _wrong_width(record: Record, width: int, text: TextFile[list[str]], form: Form) -> str:
    what = f"{counted(len(record.cells), 'column')}, expected {width} ({form.separator})"
    if record.last > record.first:
        what += f"; its quotes reach to line {record.last}"
    elif form.quoting == "none" and any(cell.startswith('"') for cell in record.cells):
        what += "; quoting: rfc4180 reads quoted cells"
    elif len(record.cells) == 1:
        line = text.lines[record.first - 1]
        others = [name for name, sign in _SIGNS.items() if line.count(sign) == width - 1 > 0]
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


def _looks_like_header(rows: Sequence[Record], asked: Asked) -> bool:
    """Whether the label of the first row is no label: all others occur again and again."""
    at = _position(asked, "label")
    if len(rows) < _ENOUGH or not asked.gold or not -len(rows[0].cells) <= at < len(rows[0].cells):
        return False
    labels = Counter(row.cells[at] for row in rows)
    return labels[rows[0].cells[at]] == 1 and len(labels) * 3 <= len(rows)


def _position(asked: Asked, field: str) -> int:
    """Where a field is in rows without names."""
    key = asked.columns.get(field, 1)
    return key if isinstance(key, int) else len(asked.fields)


def _notes(num_blank: int, num_long: int) -> list[str]:
    notes = [f"{counted(num_blank, 'empty row')} skipped"] if num_blank else []
    if num_long:
        notes.append(f"{counted(num_long, 'row')} ended in separators, dropped")
    return notes
