"""How a file of columns is laid out, a word a line: separator, width, which column is what.

Settled once a file, by most of its lines, so that one line which disagrees is that line's fault.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Literal, NamedTuple

from toolkit.data.text import TextFile, counted

Separator = Literal["tab", "space"]

SKIPPED_ID = re.compile(r"\d+[-.]\d+")  # CoNLL-U: words written as one, words not written
_DOCUMENT = "-DOCSTART-"
_NUM_LOOKED_AT = 5000  # lines that tell whether words are numbered
_TOGETHER = 100_000  # lines of which equal ones are looked at once


class Want(NamedTuple):
    """What is known of a layout before the file is seen; None is to be detected."""

    separator: Separator | None = None
    word: int | None = None  # a column; negative: from the end
    tag: int | None = None
    gold: bool = True  # whether there has to be a tag


class Layout(NamedTuple):
    """Where the parts of a line are. Columns count from 0."""

    separator: Separator
    width: int  # columns of a line
    word: int  # the column of the word
    tag: int | None  # the column of the tag; None where there is none
    numbered: bool = False  # column 0 counts the words of the sentence
    cut: bool = False  # a line tagged O may end behind its tag

    def fits(self, cells: Sequence[str]) -> bool:
        """Whether a line with these columns is one of this layout."""
        return len(cells) == self.width or (self.cut and _is_cut(cells, self.tag))

    @property
    def note(self) -> str:
        """The layout as a part of a sentence."""
        note = f"separator {self.separator}, {counted(self.width, 'column')}"
        if (self.word, self.tag) in ((0, self.width - 1), (0, None)):
            return note
        return f"{note} (from 0: word {self.word}, tag {'none' if self.tag is None else self.tag})"


def lay_out(text: TextFile[Iterable[str]], want: Want) -> Layout:
    """The layout of a file; DataError where it is not as wanted.

    The separator is the tab where at least half of the lines hold one. Where column 0 counts the
    words of most sentences, word and tag are columns 1 and 2 (Universal NER), elsewhere the first
    and the last.
    """
    has_words = any(True for _ in _lines(text, comments=False))
    if not has_words and not any(True for _ in _lines(text, comments=True)):
        raise text.refusal("no sentence in it")
    separator = want.separator or _separator_of(_lines(text, comments=not has_words))
    first = list(islice(text.lines, _NUM_LOOKED_AT))
    numbered = _is_numbered(first, separator, at_least=3 if want.gold else 2)
    word = int(numbered) if want.word is None else want.word
    tag = want.tag
    if tag is None:
        tag = 2 if numbered else -1
    layout = Layout(separator, 0, word, tag, numbered, cut=tag >= 0)
    width = _width_of(_lines(text, comments=not has_words), layout)
    if numbered and width == 10 and want.gold and want.tag is None:
        raise text.refusal("CoNLL-U: set format: conllu, or columns.tag")
    return _resolved(layout._replace(width=width), want.gold, text)


def cells_of(line: str, separator: Separator) -> list[str]:
    """The columns of a line without spaces around them. A no-break space separates nothing."""
    if separator == "space":
        return [cell for cell in line.replace("\t", " ").split(" ") if cell]
    cells = line.split("\t")
    return [cell.strip(" ") for cell in cells] if " " in line else cells


def number_of(cell: str) -> int:
    """The number of a word that a column holds; 0 where it is none."""
    return int(cell) if cell.isdecimal() and len(cell) < 10 else 0


def is_boundary(line: str) -> bool:
    """Whether the line stands between sentences: white space, or a document's begin."""
    return not line or line.isspace() or (line[0] == "-" and is_document(line))


def is_document(line: str) -> bool:
    """Whether the line begins a document, as in CoNLL-2003."""
    return line.startswith(_DOCUMENT) and line[len(_DOCUMENT) :][:1] in ("", " ", "\t")


def _lines(text: TextFile[Iterable[str]], *, comments: bool) -> Iterator[tuple[str, int]]:
    """The lines of sentences, with or without those that begin as comments do, and how often.

    Equal lines that are not far apart, of which there are many, come once.
    """
    lines = iter(text.lines)
    while some := Counter(islice(lines, _TOGETHER)):
        for line, times in some.items():
            if not is_boundary(line) and (comments or not line.startswith("# ")):
                yield line, times


def _separator_of(lines: Iterable[tuple[str, int]]) -> Separator:
    num_lines = with_tab = 0
    for line, times in lines:
        num_lines += times
        with_tab += times * ("\t" in line and "\t" in line.strip())
    return "tab" if with_tab * 2 >= num_lines else "space"


def _width_of(lines: Iterable[tuple[str, int]], layout: Layout) -> int:
    """The usual number of columns, without those at the end that are always empty.

    Lines that are cut behind an O count only where there are no others.
    """
    whole, cut = _Widths(Counter(), Counter()), _Widths(Counter(), Counter())
    for line, times in lines:
        cells = cells_of(line, layout.separator)
        (cut if layout.cut and _is_cut(cells, layout.tag) else whole).add(cells, times)
    return (whole if whole.lines else cut).usual()


class _Widths(NamedTuple):
    """How wide lines are."""

    lines: Counter[int]  # by the number of columns
    written: Counter[int]  # number of columns -> the last of them that is not always empty, from 1

    def add(self, cells: Sequence[str], times: int) -> None:
        width = last = len(cells)
        while last and not cells[last - 1]:
            last -= 1
        self.lines[width] += times
        if last > self.written[width]:
            self.written[width] = last

    def usual(self) -> int:
        width = self.lines.most_common(1)[0][0]
        return min(width, max(1, self.written[width]))


def _is_cut(cells: Sequence[str], tag: int | None) -> bool:
    return tag is not None and len(cells) == tag + 1 and cells[tag] == "O"


def _resolved(layout: Layout, gold: bool, text: TextFile[Iterable[str]]) -> Layout:
    """With columns that count from 0, and no tag where none is there and none has to be."""
    width, word, tag = layout.width, layout.word, layout.tag
    assert tag is not None
    found = f"{counted(width, 'column')} ({layout.separator})"
    if not gold and width == 1:
        return layout._replace(word=0, tag=None)
    if gold and width == 1:
        raise text.refusal(f"{found}, expected at least 2, a word and its tag")
    if not gold and not -width <= tag < width:
        tag = None
    for key, column in (("word", word), ("tag", tag)):
        if column is not None and not -width <= column < width:
            raise text.refusal(f"{found}, but columns.{key} is {column} (the first column is 0)")
    word, tag = word % width, None if tag is None else tag % width
    if gold and word == tag:
        raise text.refusal(f"{found}: word and tag are both column {word}, expected two")
    return layout._replace(word=word, tag=tag)


def _is_numbered(lines: Iterable[str], separator: Separator, at_least: int) -> bool:
    """Whether column 0 counts the words of their sentence, on most lines at the start.

    It may begin anew where no empty line says so: that line is a fault then, not the layout.
    """
    num_lines = num_counting = 0
    expected = 1
    for line in lines:
        if is_boundary(line):
            expected = 1
        elif not line.lstrip()[0].isdigit() and line[0] != "#":  # as almost all lines of most files
            num_lines += 1
            expected += 1
        elif not line.startswith("#"):
            cells = cells_of(line, separator)
            if cells and not SKIPPED_ID.fullmatch(cells[0]):
                num_lines += 1
                num_counting += cells[0] in ("1", str(expected)) and len(cells) >= at_least
                expected = (number_of(cells[0]) or expected) + 1
    return num_counting * 2 > num_lines
