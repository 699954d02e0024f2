"""Sentences as a source spells them, made into examples whose spans are IOB2.

Readers of files and of the Hub bring `Sentence`s and say where each came from; mapping labels,
settling the scheme, finding what it does not allow and converting happen here, once for all.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from toolkit.data.tags import OUTSIDE, Scheme, convert, detect, is_span, why_wrong, wrong_in
from toolkit.data.text import counted
from toolkit.examples import Tagged

# A tag that one scheme allows where it stands, and this one does not, is evidence for the first.
_RIVAL: dict[Scheme, Scheme] = {"iob1": "iob2", "iob2": "iob1", "bioes": "iob2", "bilou": "iob2"}


class Sentence(NamedTuple):
    """Words and raw tags of one sentence."""

    words: Sequence[str]
    tags: Sequence[str]  # empty where no gold was asked for
    places: Sequence[int]  # the line or row of each word
    id: str
    text: str | None = None
    document: str = ""


class Fault(NamedTuple):
    """What is wrong, and where. Faults sort by place."""

    place: int  # a line or row of the source
    what: str
    word: int | None = None  # its index in the sentence


class Spelling(NamedTuple):
    """What a recipe says of the tags of a data set."""

    label_map: Mapping[str, str]
    scheme: Scheme | Literal["auto"]
    repair: Literal["none", "conll"] = "none"
    unit: Literal["line", "row"] = "line"  # what a place counts


def empty_labels(label_map: Mapping[str, str]) -> list[tuple[str, str]]:
    """Labels mapped to nothing, as (key, message)."""
    return [
        ("label_map", f"found '' for {old!r}, expected a label")
        for old, new in label_map.items()
        if not new
    ]


def without_gold(sentences: Iterable[Sentence]) -> list[Tagged]:
    """The sentences as prediction reads them."""
    return [_example(sentence, None) for sentence in sentences]


def shown(scheme: Scheme) -> str:
    """The scheme as people write it."""
    return scheme if scheme == "plain" else scheme.upper()


def _example(sentence: Sentence, tags: Sequence[str] | None) -> Tagged:
    gold = None if tags is None else tuple(tags)
    return Tagged(tuple(sentence.words), gold, sentence.id, sentence.text, sentence.document)


class Conversion:
    """Sentences that become examples one by one. What there is to say gathers meanwhile."""

    def __init__(self, again: Callable[[], Iterable[Sentence]], spelling: Spelling) -> None:
        """`again` gives the sentences from their beginning, without a trace of having done so."""
        self.again = again
        self.spelling = spelling
        self.scheme: Scheme = (
            detect(self._mapped(sentence).tags for sentence in again())
            if spelling.scheme == "auto"
            else spelling.scheme
        )
        self.mapped: Counter[str] = Counter()  # labels, as they were
        self.num_converted = self.num_repaired = 0
        self.first_repaired = 0  # a place
        self._faults: list[Fault] = []
        self._kinds: set[str] = set()  # of tags, where they are plain
        self._plain = ""  # the first tag that is none of a span, and where

    def examples(self, sentences: Iterable[Sentence]) -> Iterator[Tagged]:
        """The sentences with mapped labels, their spans in IOB2."""
        return map(self.example, sentences)

    def example(self, sentence: Sentence) -> Tagged:
        """A sentence with mapped labels, its spans in IOB2."""
        if self.spelling.label_map:
            self.mapped.update(tag for tag in sentence.tags if tag in self.spelling.label_map)
        mapped = self._mapped(sentence)
        return self._as_plain(mapped) if self.scheme == "plain" else self._in_iob2(mapped)

    def faults(self) -> list[Fault]:
        """What is wrong, and why."""
        if not self._faults:
            return []
        if self.scheme == "plain":
            why = f" among plain tags such as {self._plain}: set scheme"
        else:
            why = f" ({self._reason()})"
        return [fault._replace(what=fault.what + why) for fault in self._faults]

    def notes(self) -> list[str]:
        """What was done, the scheme first."""
        detected = " (detected)" if self.spelling.scheme == "auto" else ""
        notes = [f"scheme {shown(self.scheme)}{detected}", *self._mapping_notes()]
        if self.num_converted:
            notes.append(f"{counted(self.num_converted, 'tag')} {shown(self.scheme)} -> IOB2")
        if self.num_repaired:
            notes.append(
                f"{counted(self.num_repaired, 'tag')} that {shown(self.scheme)} does not allow "
                f"read as conlleval does, the first in {self.spelling.unit} {self.first_repaired}"
            )
        if {"B", "O"} <= self._kinds <= set("BIESLUO"):
            notes.append(
                "spans without a type are read as plain tags: "
                "label_map {B: B-X, I: I-X} makes them X"
            )
        return notes

    def _mapped(self, sentence: Sentence) -> Sentence:
        label_map = self.spelling.label_map
        if not label_map:
            return sentence
        return sentence._replace(tags=[label_map.get(tag, tag) for tag in sentence.tags])

    def _mapping_notes(self) -> list[str]:
        counts = self.mapped
        notes = [f"label_map changed {counted(counts.total(), 'tag')}"] if counts else []
        unused = [tag for tag in self.spelling.label_map if tag not in counts]
        if unused:
            notes.append(f"of label_map, not found here: {', '.join(unused)}")
        return notes

    def _as_plain(self, sentence: Sentence) -> Tagged:
        """The sentence as it is; where nobody said plain, tags that look like spans' are faults."""
        if self.spelling.scheme == "auto":
            self._kinds.update(sentence.tags)
            for index, tag in enumerate(sentence.tags):
                if is_span(tag):
                    what = f"tag {tag!r}"
                    self._faults.append(Fault(sentence.places[index], what, index))
                elif tag != OUTSIDE and not self._plain:
                    self._plain = f"{tag!r} in {self.spelling.unit} {sentence.places[index]}"
        return _example(sentence, sentence.tags)

    def _in_iob2(self, sentence: Sentence) -> Tagged:
        if set(sentence.tags) <= {OUTSIDE}:  # as most are
            return _example(sentence, sentence.tags)
        iob2 = convert(sentence.tags, "iob2")
        wrong = wrong_in(sentence.tags, self.scheme)
        for index in wrong:
            place = sentence.places[index]
            if self.spelling.repair == "conll" and is_span(sentence.tags[index]):
                self.first_repaired = self.first_repaired or place
                self.num_repaired += 1
            else:
                why = why_wrong(sentence.tags, index, self.scheme)
                self._faults.append(Fault(place, why, index))
        if iob2 != tuple(sentence.tags):
            pairs = enumerate(zip(sentence.tags, iob2))
            self.num_converted += sum(
                old != new and index not in wrong for index, (old, new) in pairs
            )
        return _example(sentence, iob2)

    def _reason(self) -> str:
        """Why a tag is held against the scheme: declared, or where the evidence for it is."""
        scheme = shown(self.scheme)
        if self.spelling.scheme != "auto":
            return f"scheme {scheme}"
        for sentence in map(self._mapped, self.again()):
            wrong = set(wrong_in(sentence.tags, self.scheme))
            for index in wrong_in(sentence.tags, _RIVAL[self.scheme]):
                if index not in wrong:
                    return f"scheme {scheme}, as in {self.spelling.unit} {sentence.places[index]}"
        return f"scheme {scheme}, detected"
