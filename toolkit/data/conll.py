"""Tagged text in files of columns: CoNLL in its many forms, Universal NER, CoNLL-U."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from toolkit.data.base import Data, Reading
from toolkit.data.columns import Columns
from toolkit.data.layout import Layout, Want, lay_out
from toolkit.data.recast import check_class, recast
from toolkit.data.sentences import (
    Fault,
    Sentence,
    Spelling,
    empty_labels,
    to_examples,
    without_gold,
)
from toolkit.data.tags import Scheme
from toolkit.data.text import TextFile, counted, read_text
from toolkit.errors import DataError
from toolkit.examples import Tagged
from toolkit.recipe.block import Block


class ColumnNumbers(Block):
    """Which columns are read, counted from 0; negative: from the end."""

    word: int | None = None  # null: the first, or the second where the first counts the words
    tag: int | None = None  # null: the last, or the third where the first counts the words

    def faults(self) -> list[tuple[str, str]]:
        """Faults between fields."""
        if self.tag is None or self.tag != self.word:
            return []
        return [("tag", f"found {self.tag}, expected another column than that of word")]


class Conll(Data):
    """Files with a word and its tag on each line, and an empty line behind each sentence.

    `train`, `dev` and `test` are paths; `${NAME}` in one is read from the environment.
    """

    separator: Literal["auto", "tab", "space"] = "auto"  # of columns; space: any run of spaces
    columns: ColumnNumbers = ColumnNumbers()  # where word and tag are
    scheme: Scheme | Literal["auto"] = "auto"  # of the tags; all but plain ones become IOB2
    label_map: Mapping[str, str] = {}  # tag of the files -> tag, before the scheme is looked at
    repair: Literal["none", "conll"] = "none"  # conll: read impossible tags as conlleval does

    def faults(self) -> list[tuple[str, str]]:
        """Faults between fields."""
        return super().faults() + empty_labels(self.label_map)

    def read(self, source: str, reads: type[Any] = Tagged) -> Reading:
        """The examples of a file; DataError with all of its faults."""
        check_class(Tagged, reads, ("words", "tags"), source)
        text = read_text(source)
        spelling = Spelling(self.label_map, self.scheme, self.repair)
        return _tagged(text, lay_out(text, self._want(gold=True)), spelling, reads)

    def read_bare(self, source: str, reads: type[Any] = Tagged) -> Reading:
        """The sentences of a file without tags, or with tags that are not looked at."""
        check_class(Tagged, reads, ("words",), source)
        text = read_text(source)
        return _untagged(text, lay_out(text, self._want(gold=False)), reads)

    def _want(self, gold: bool) -> Want:
        separator = None if self.separator == "auto" else self.separator
        return Want(separator, self.columns.word, self.columns.tag, gold)


class Conllu(Data):
    """CoNLL-U files: ten columns, of which the form and one kind of tag are read.

    `train`, `dev` and `test` are paths; `${NAME}` in one is read from the environment.
    """

    tag: Literal["upos", "xpos", "feats", "deprel"] = "upos"  # the column to predict
    label_map: Mapping[str, str] = {}  # tag of the files -> tag

    def faults(self) -> list[tuple[str, str]]:
        """Faults between fields."""
        return super().faults() + empty_labels(self.label_map)

    def read(self, source: str, reads: type[Any] = Tagged) -> Reading:
        """The examples of a file; DataError with all of its faults."""
        check_class(Tagged, reads, ("words", "tags"), source)
        spelling = Spelling(self.label_map, "plain")
        return _tagged(read_text(source), self._layout, spelling, reads, annotated=self.tag)

    def read_bare(self, source: str, reads: type[Any] = Tagged) -> Reading:
        """The sentences of a file, whose tags are not looked at."""
        check_class(Tagged, reads, ("words",), source)
        return _untagged(read_text(source), self._layout, reads)

    @property
    def _layout(self) -> Layout:
        tag = {"upos": 3, "xpos": 4, "feats": 5, "deprel": 7}[self.tag]
        return Layout("tab", width=10, word=1, tag=tag, numbered=True)


def _tagged(
    text: TextFile,
    layout: Layout,
    spelling: Spelling,
    reads: type[Any],
    annotated: str | None = None,
) -> Reading:
    columns = Columns(text, layout)
    sentences = columns.sentences()
    examples, faults, notes = to_examples(sentences, spelling)
    if annotated is not None and annotated != "feats":  # no features is an annotation, too
        faults += _unannotated(sentences, annotated, spelling.label_map)
    _raise(text, columns.faults + faults)
    return _reading(recast(examples, reads), columns, notes)


def _untagged(text: TextFile, layout: Layout, reads: type[Any]) -> Reading:
    columns = Columns(text, layout, gold=False)
    examples = without_gold(columns.sentences())
    _raise(text, columns.faults)
    return _reading(recast(examples, reads), columns, ["tags not read"])


def _reading(examples: Sequence[Any], columns: Columns, notes: Sequence[str]) -> Reading:
    """The reading of a file without faults; its first note is the file at a glance."""
    if not examples:
        raise columns.text.refusal("no sentence in it")
    num_words = sum(len(example.words) for example in examples)
    glance = (
        f"{counted(len(examples), 'sentence')}, {counted(num_words, 'word')}; "
        f"{columns.layout.note}; {notes[0]}"
    )
    return Reading(list(examples), [glance, *notes[1:], *columns.notes(), *columns.text.notes])


def _unannotated(
    sentences: Sequence[Sentence], tag: str, label_map: Mapping[str, str]
) -> list[Fault]:
    """The words whose tag is `_`, which in CoNLL-U says that there is none."""
    if "_" in label_map:
        return []
    return [
        Fault(place, f"no {tag} ('_'), expected one; label_map can name it")
        for sentence in sentences
        for place, found in zip(sentence.places, sentence.tags)
        if found == "_"
    ]


def _raise(text: TextFile, faults: Sequence[Fault]) -> None:
    if faults:
        ordered = sorted(faults, key=lambda fault: fault.place)
        raise DataError(text.located(fault.place, fault.what) for fault in ordered)
