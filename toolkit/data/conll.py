"""Tagged text in files of columns: CoNLL in its many forms, Universal NER, CoNLL-U."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from toolkit.data.base import Data, Reading, Walk, Walked
from toolkit.data.columns import Columns
from toolkit.data.layout import Layout, Want, lay_out
from toolkit.data.recast import caster, check_class, recast
from toolkit.data.sentences import (
    Conversion,
    Fault,
    Sentence,
    Spelling,
    empty_labels,
    without_gold,
)
from toolkit.data.tags import Scheme
from toolkit.data.text import TextFile, counted, open_text
from toolkit.errors import DataError
from toolkit.examples import Tagged
from toolkit.recipe.block import Block

MOST_KEPT = 20_000  # sentences of a file, to find its scheme; a longer one is read twice instead


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
        return Walk(lambda: self.walked(source, reads)).reading()

    def walked(self, source: str, reads: type[Any] = Tagged) -> Walked:
        """The examples of a file, one after the other."""
        check_class(Tagged, reads, ("words", "tags"), source)
        text = open_text(source)
        spelling = Spelling(self.label_map, self.scheme, self.repair)
        return (yield from _tagged(text, lay_out(text, self._want(gold=True)), spelling, reads))

    def read_bare(self, source: str, reads: type[Any] = Tagged) -> Reading:
        """The sentences of a file without tags, or with tags that are not looked at."""
        check_class(Tagged, reads, ("words",), source)
        text = open_text(source)
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
        return Walk(lambda: self.walked(source, reads)).reading()

    def walked(self, source: str, reads: type[Any] = Tagged) -> Walked:
        """The examples of a file, one after the other."""
        check_class(Tagged, reads, ("words", "tags"), source)
        text, spelling = open_text(source), Spelling(self.label_map, "plain")
        return (yield from _tagged(text, self._layout, spelling, reads, annotated=self.tag))

    def read_bare(self, source: str, reads: type[Any] = Tagged) -> Reading:
        """The sentences of a file, whose tags are not looked at."""
        check_class(Tagged, reads, ("words",), source)
        return _untagged(open_text(source), self._layout, reads)

    @property
    def _layout(self) -> Layout:
        tag = {"upos": 3, "xpos": 4, "feats": 5, "deprel": 7}[self.tag]
        return Layout("tab", width=10, word=1, tag=tag, numbered=True)


def _tagged(
    text: TextFile[Iterable[str]],
    layout: Layout,
    spelling: Spelling,
    reads: type[Any],
    annotated: str | None = None,
) -> Walked:
    parsed = _Parsed(text, layout)
    made = Conversion(parsed.ahead, spelling)
    faults: list[Fault] = []
    sentences = parsed.sentences()
    if annotated is not None and annotated != "feats":  # no features is an annotation, too
        sentences = _annotated(sentences, annotated, spelling.label_map, faults)
    num_examples = num_words = 0
    cast = caster(reads, Tagged)
    for example in made.examples(sentences):
        num_examples += 1
        num_words += len(example.words)
        yield cast(example)
    _raise(text, [*parsed.columns.faults, *made.faults(), *faults])
    return _notes(parsed.columns, num_examples, num_words, made.notes())


class _Parsed:
    """The sentences of a file, which may be looked at ahead; of a small file they are kept then."""

    def __init__(self, text: TextFile[Iterable[str]], layout: Layout) -> None:
        self.columns = Columns(text, layout)
        self._kept: list[Sentence] | None = None

    def ahead(self) -> Iterator[Sentence]:
        """All sentences, without a trace of having looked."""
        kept, num_sentences = [], 0
        for num_sentences, sentence in enumerate(self.columns.sentences(), 1):
            if num_sentences <= MOST_KEPT:
                kept.append(sentence)
            yield sentence
        if num_sentences <= MOST_KEPT:
            self._kept = kept
        else:
            self.columns = Columns(self.columns.text, self.columns.layout)

    def sentences(self) -> Iterator[Sentence]:
        """All sentences, once."""
        return self.columns.sentences() if self._kept is None else iter(self._kept)


def _untagged(text: TextFile[Iterable[str]], layout: Layout, reads: type[Any]) -> Reading:
    columns = Columns(text, layout, gold=False)
    examples = without_gold(columns.sentences())
    _raise(text, columns.faults)
    num_words = sum(len(example.words) for example in examples)
    notes = _notes(columns, len(examples), num_words, ["tags not read"])
    return Reading(recast(examples, reads), notes)


def _notes(columns: Columns, num_examples: int, num_words: int, notes: Sequence[str]) -> list[str]:
    """What there is to say of a file without faults, first the file at a glance."""
    if not num_examples:
        raise columns.text.refusal("no sentence in it")
    glance = (
        f"{counted(num_examples, 'sentence')}, {counted(num_words, 'word')}; "
        f"{columns.layout.note}; {notes[0]}"
    )
    return [glance, *notes[1:], *columns.notes(), *columns.text.notes]


def _annotated(
    sentences: Iterable[Sentence], tag: str, label_map: Mapping[str, str], faults: list[Fault]
) -> Iterator[Sentence]:
    """The sentences; a fault for each word whose tag is `_`: in CoNLL-U that there is none."""
    for sentence in sentences:
        if "_" not in label_map:
            what = f"no {tag} ('_'), expected one; label_map can name it"
            places = zip(sentence.places, sentence.tags)
            faults += [Fault(place, what) for place, found in places if found == "_"]
        yield sentence


def _raise(text: TextFile[Iterable[str]], faults: Sequence[Fault]) -> None:
    if faults:
        ordered = sorted(faults, key=lambda fault: fault.place)
        raise DataError(text.located(fault.place, fault.what) for fault in ordered)
