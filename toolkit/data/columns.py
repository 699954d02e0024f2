"""The lines of a file of columns made into sentences.

Knows comments, document marks, white space and separators that are too many. What can be meant
only one way is mended and counted; everything else is a fault, and its sentence is left out.
"""

import re
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator

from toolkit.data.layout import SKIPPED_ID, Layout, cells_of, is_boundary, is_document, number_of
from toolkit.data.sentences import Fault, Sentence
from toolkit.data.text import TextFile, counted

Line = tuple[int, str]  # its number, from 1

_KEY_AND_VALUE = re.compile(r"# ?([A-Za-z_.:]+(?: [A-Za-z_.:]+)?) ?=(.*)")
_COUNTED = re.compile(r"(?:doc([1-9]\d{0,17})-s)?([1-9]\d{0,17})", re.ASCII)
_NEW_DOCUMENT = re.compile(r"# ?newdoc(?: +id ?=(.*))?\s*")
# what is counted -> (noun, what is said of it)
_NOTES = {
    "white": ("line", "between sentences held only white space"),
    "document": ("document", "(-DOCSTART-)"),
    "comment": ("comment line", "skipped"),
    "unwritten": ("line", "of multiword tokens and empty nodes skipped"),
    "empty": ("sentence", "without a word dropped"),
    "cut": ("line", "tagged O ended behind the tag"),
    "end": ("line", "ended in separators, dropped"),
    "spaces": ("line", "had spaces around a column, dropped"),
    "tabs": ("line", "held tabs, read as spaces"),
}


class Columns:
    """A file of columns being read: faults, and counts of what was mended, gather here."""

    def __init__(self, text: TextFile[Iterable[str]], layout: Layout, gold: bool = True) -> None:
        self.text = text
        self.layout = layout
        self.tag = layout.tag if gold else None
        self.faults = [Fault(number, what) for number, what in text.faults.items()]
        self.counts: Counter[str] = Counter()
        self._ids = _Ids()
        self._number = 0  # of the sentence in its document, or in a file without documents
        self._document = ""  # the one that the sentence is a part of
        self._num_named = 0  # documents that a comment began

    def sentences(self) -> Iterator[Sentence]:
        """The sentences without a fault, once; the faults are in `faults` then."""
        for group in self._groups():
            sentence = self._sentence(group)
            if sentence is not None:
                yield sentence

    def notes(self) -> list[str]:
        """What was mended or skipped, with its count."""
        return [
            f"{counted(self.counts[key], noun)} {rest}"
            for key, (noun, rest) in _NOTES.items()
            if self.counts[key]
        ]

    def _groups(self) -> Iterator[list[Line]]:
        """The lines of one sentence at a time, comments included."""
        group: list[Line] = []
        for number, line in enumerate(self.text.lines, 1):
            if not is_boundary(line):
                group.append((number, line))
                continue
            if group:
                yield group
                group = []
            if is_document(line):
                self.counts["document"] += 1
                self._document = f"doc{self.counts['document']}"
                self._number = 0
            elif line:
                self.counts["white"] += 1
        if group:
            yield group

    def _sentence(self, group: list[Line]) -> Sentence | None:
        """The sentence of these lines, or None where it is empty or has a fault."""
        num_faults = len(self.faults)
        comments = self._comments(group)
        words, tags, places = [], [], []
        expected = 1  # number of the next word; 0 where it cannot be known
        for number, line in group[len(comments) :]:
            cells = self._cells(number, line)
            if cells is None:
                expected = 0
                continue
            if self.layout.numbered:
                if cells[0] != str(expected):
                    if SKIPPED_ID.fullmatch(cells[0]):
                        self.counts["unwritten"] += 1
                        continue
                    expected = self._misnumbered(number, cells[0], expected)
                expected += expected > 0
            words.append(cells[self.layout.word])
            places.append(number)
            if self.tag is not None:
                tag = cells[self.tag].strip()  # of every white space, which no tag ends in
                if tag != cells[self.tag]:
                    self.counts["spaces"] += 1
                tags.append(tag)
        self._check_empty(words, places, "word")
        self._check_empty(tags, places, "tag")
        if not words and len(self.faults) == num_faults:
            self.counts["empty"] += 1
            return None
        name, text = self._name(group, comments)
        broken = self.text.faults and any(number in self.text.faults for number, _ in group)
        if broken or len(self.faults) > num_faults:
            return None
        return Sentence(words, tags, places, name, text, self._document)

    def _comments(self, group: list[Line]) -> list[str]:
        """The comments in front of a sentence."""
        comments = []
        for _, line in group:
            if not self._is_comment(line):
                break
            comments.append(line)
            self._begin_document(line)
        self.counts["comment"] += len(comments)
        return comments

    def _begin_document(self, comment: str) -> None:
        """Note the document that begins here, as CoNLL-U says it; it may have no id."""
        match = _NEW_DOCUMENT.fullmatch(comment)
        if match:
            self._num_named += 1
            self._document = (match[1] or "").strip() or f"doc{self._num_named}"

    def _is_comment(self, line: str) -> bool:
        """Whether a line in front of the first word says something about the sentence.

        The word `#` and words such as `#this` are none: where words are not numbered, a comment
        begins with a hash and a space, and is either `# key = value` or no line of columns.
        """
        if self.layout.numbered or not line.startswith("#"):
            return line.startswith("#")
        if not line.startswith("# "):
            return False
        if _KEY_AND_VALUE.fullmatch(line):
            return True
        if self.layout.separator == "tab":
            return "\t" not in line
        return not self.layout.fits(cells_of(line, "space"))

    def _cells(self, number: int, line: str) -> list[str] | None:
        """The columns of a line, or None where it has too few or too many."""
        separator = self.layout.separator
        cells = cells_of(line, separator)
        if number in self.text.faults:
            return None
        if separator == "space":
            self.counts["tabs"] += "\t" in line
        elif " " in line:
            self.counts["spaces"] += "\t".join(cells) != line
        if len(cells) == self.layout.width:
            return cells
        if self.layout.fits(cells):
            self.counts["cut"] += 1
            return cells
        num_cells = len(cells)
        while cells and not cells[-1]:
            cells.pop()
            if self.layout.fits(cells):
                self.counts["end"] += 1
                return cells
        what = f"{counted(num_cells, 'column')}, expected {self.layout.width} ({separator})"
        if line.startswith("# "):
            what += "; comments stand in front of a sentence"
        elif num_cells == 1 and self.layout.fits(cells_of(line, "space")):
            what += "; spaces separate this line"
        self.faults.append(Fault(number, what))
        return None

    def _misnumbered(self, number: int, found: str, expected: int) -> int:
        """Note a gap in the numbers of the words; the number that the line has, 0 for none."""
        if expected or not number_of(found):
            what = f"id {found!r}, expected {str(expected or 'a number')!r}"
            if found == "1":
                what += ": is the empty line between two sentences missing?"
            self.faults.append(Fault(number, what))
        return number_of(found)

    def _check_empty(self, parts: list[str], places: list[int], what: str) -> None:
        if not all(parts):
            self.faults += [
                Fault(place, f"the {what} is empty")
                for part, place in zip(parts, places)
                if not part
            ]

    def _name(self, group: list[Line], comments: list[str]) -> tuple[str, str | None]:
        """The id of a sentence, unique in its file, and its text where a comment holds it."""
        self._number += 1
        document = self.counts["document"]
        given, text = "", None
        place = group[len(comments)][0]
        for (number, _), comment in zip(group, comments):
            match = _KEY_AND_VALUE.fullmatch(comment)
            if match and match[1] == "sent_id" and match[2].strip():
                given, place = match[2].strip(), number
            elif match and match[1] == "text":
                text = match[2].strip(" ")
        name = given or (f"doc{document}-s{self._number}" if document else str(self._number))
        first = self._ids.first(name, place, document, is_given=bool(given))
        if first != place:
            self.faults.append(Fault(place, f"sent_id {name!r} again, as in line {first}"))
        return name, text


class _Ids:
    """Where each id of a file was first. One that only counts takes eight bytes."""

    def __init__(self) -> None:
        self.given: dict[str, int] = {}  # id that a comment gives -> its place
        self.places = array("q")  # of each sentence; -1: a comment gives its id
        self.begins = array("q")  # by the number of a document: its first sentence

    def first(self, name: str, place: int, document: int, *, is_given: bool) -> int:
        """Where the id of the next sentence was first: here, unless it was there before."""
        while len(self.begins) <= document:
            self.begins.append(len(self.places))
        before = self.given.get(name)
        if is_given and before is None:
            before = self._of_count(name)
        if is_given and before is None:
            self.given[name] = place
        self.places.append(-1 if is_given else place)
        return place if before is None else before

    def _of_count(self, name: str) -> int | None:
        """Where a sentence was that has this id because it was counted."""
        match = _COUNTED.fullmatch(name)
        if match is None:
            return None
        document = int(match[1] or 0)
        if document >= len(self.begins):
            return None
        sentence = self.begins[document] + int(match[2]) - 1
        behind = [*self.begins[document + 1 : document + 2], len(self.places)][0]
        found = self.places[sentence] if sentence < behind else -1
        return None if found < 0 else found
