"""Plain text without labels: a file, a folder of files, or a tar archive, cut into documents.

Nothing is left out but what `drop` and `share` name, and all of that is counted. Archives are read
as they are; what in a folder or archive is no UTF-8 text is a fault.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field

from toolkit.data.archive import members_of
from toolkit.data.base import Data, Reading
from toolkit.data.fields import GOLD, fields_of
from toolkit.data.recast import check_class, recast
from toolkit.data.text import TextFile, counted, expand, read_text, text_of
from toolkit.errors import DataError
from toolkit.examples import Document
from toolkit.recipe.marks import shown

_ARCHIVES = (".tar", ".tgz", ".tar.gz", ".tar.xz", ".tar.bz2")


class PlainText(Data):
    """Text files, folders of them, and tar archives; without labels.

    `train`, `dev` and `test` are paths; `${NAME}` in one is read from the environment. All files
    of a folder are read, and of those in it, in the order of their names, but for hidden ones.
    """

    documents: Literal["blank", "file", "line"] = "blank"  # what ends one: an empty line, …
    drop: tuple[str, ...] = ()  # lines in which one of these regular expressions is found
    share: Annotated[float, Field(gt=0, lt=1)] | None = None  # of all documents; null: all

    def faults(self) -> list[tuple[str, str]]:
        """Faults between fields, and expressions that are none."""
        faults = super().faults()
        for pattern in self.drop:
            try:
                re.compile(pattern)
            except re.error as error:
                faults.append(("drop", f"found {shown(pattern)}, no regular expression: {error}"))
        return faults

    def read(self, source: str, reads: type[Any] = Document) -> Reading:
        """The documents of a source; DataError where it is wrong or the task wants labels."""
        if hasattr(reads, "_fields"):
            labels = [field.name for field in fields_of(reads) if field.name in GOLD]
            if labels:
                raise DataError(
                    f"{source}: plain text has no {labels[0]}, and the task reads "
                    f"{reads.__name__}: set another data.format"
                )
        return self.read_bare(source, reads)

    def read_bare(self, source: str, reads: type[Any] = Document) -> Reading:
        """The documents of a source."""
        check_class(Document, reads, ("text",), source)
        counts = _Counts(Counter(), Counter(), Counter())
        documents = list(self._documents(str(expand(source)), _files(source), counts))
        if not documents:
            raise DataError(f"{expand(source)}: no document in it")
        kept = documents
        if self.share is not None:
            kept = [document for document in documents if _place_of(document.text) < self.share]
            if not kept:
                raise DataError(
                    f"data.share: none of {counted(len(documents), 'document')} is left"
                )
        notes = [_glance(kept, counts)]
        if len(kept) < len(documents):
            notes.append(
                f"{len(kept):,} of {counted(len(documents), 'document')} (data.share "
                f"{self.share:g}, by a hash of the text)"
            )
        return Reading(recast(kept, reads), [*notes, *_notes(self.drop, counts)])

    def _documents(
        self, place: str, files: Iterable[TextFile[list[str]]], counts: "_Counts"
    ) -> Iterator[Document]:
        drop = [re.compile(pattern) for pattern in self.drop]
        faults: list[str] = []
        for file in files:
            counts.of["file"] += 1
            counts.notes.update(file.notes)
            faults += [file.located(line, what) for line, what in file.faults.items()]
            inside = file.name.removeprefix(place).lstrip(":/\\")  # the same wherever it lies
            kept = [line for line in file.lines if not _is_dropped(line, drop, counts)]
            for number, lines in enumerate(self._cut(kept), 1):
                text = "\n".join(lines).strip()
                if text:
                    yield Document(text, f"{inside}:{number}" if inside else str(number))
                else:
                    counts.of["empty document"] += 1
        if faults:
            raise DataError(faults)

    def _cut(self, lines: list[str]) -> Iterable[list[str]]:
        """The lines of each document of a file."""
        if self.documents == "file":
            return [lines]
        if self.documents == "line":
            return ([line] for line in lines if line.strip())
        runs = groupby(lines, key=lambda line: bool(line.strip()))
        return (list(run) for is_written, run in runs if is_written)


def _place_of(text: str) -> float:
    """A number in [0, 1) that depends on the text only, and not as that of a split's rule does."""
    digest = hashlib.blake2b(text.encode(), digest_size=8, person=b"share").digest()
    return int.from_bytes(digest, "big") / 2**64


class _Counts(NamedTuple):
    dropped: Counter[str]  # lines, by the expression that was found first
    notes: Counter[str]  # of single files
    of: Counter[str]


def _is_dropped(line: str, drop: Iterable[re.Pattern[str]], counts: _Counts) -> bool:
    for pattern in drop:
        if pattern.search(line):
            counts.dropped[pattern.pattern] += 1
            return True
    return False


def _files(source: str) -> Iterator[TextFile[list[str]]]:
    """The files of a source, one after the other."""
    place = expand(source)
    if place.is_dir():
        yield from _in_folder(place)
    elif place.name.endswith(_ARCHIVES) and place.is_file():
        yield from _in_archive(place)
    else:
        yield read_text(source)


def _in_folder(folder: Path) -> Iterator[TextFile[list[str]]]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in paths:
        if not any(part.startswith(".") for part in path.relative_to(folder).parts):
            yield text_of(str(path), path.read_bytes())


def _in_archive(place: Path) -> Iterator[TextFile[list[str]]]:
    found = members_of(place)
    for name in sorted(found):
        yield text_of(f"{place}:{name}", found[name])


def _glance(documents: list[Document], counts: _Counts) -> str:
    """A source at a glance: `664 documents, 1,970,799 words, 68,000 lines; 6,640 files`."""
    words = sum(len(document.text.split()) for document in documents)
    lines = sum(document.text.count("\n") + 1 for document in documents)
    sizes = (counted(len(documents), "document"), counted(words, "word"), counted(lines, "line"))
    return f"{', '.join(sizes)}; {counted(counts.of['file'], 'file')} read"


def _notes(drop: Iterable[str], counts: _Counts) -> list[str]:
    notes = [
        f"{counted(counts.dropped[pattern], 'line')} dropped, as data.drop says: {pattern}"
        for pattern in drop
    ]
    if counts.of["empty document"]:
        notes.append(f"{counted(counts.of['empty document'], 'empty document')} skipped")
    return notes + [
        note if number == 1 else f"{note} (and so in {number:,} files)"
        for note, number in counts.notes.items()
    ]
