"""Sentences as a source spells them, made into examples whose spans are IOB2.

Readers of files and of the Hub bring `Sentence`s and say where each came from; mapping labels,
settling the scheme, finding what it does not allow and converting happen here, once for all.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
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


class Outcome(NamedTuple):
    """Examples, faults, and what was done, the scheme first."""

    examples: list[Tagged]
    faults: list[Fault]
    notes: list[str]


def to_examples(sentences: Sequence[Sentence], spelling: Spelling) -> Outcome:
    """The sentences with mapped labels, their spans in IOB2."""
    notes = []
    if spelling.label_map:
        notes = _mapping_notes(sentences, spelling.label_map)
        sentences = [_mapped(sentence, spelling.label_map) for sentence in sentences]
    if spelling.scheme == "auto":
        scheme = detect(sentence.tags for sentence in sentences)
        notes.insert(0, f"scheme {shown(scheme)} (detected)")
    else:
        scheme = spelling.scheme
        notes.insert(0, f"scheme {shown(scheme)}")
    if scheme != "plain":
        return _in_iob2(sentences, scheme, spelling, notes)
    examples = [_example(sentence, sentence.tags) for sentence in sentences]
    if spelling.scheme != "auto":
        return Outcome(examples, [], notes)
    return Outcome(examples, _lone_spans(sentences, spelling), notes + _bare_note(sentences))


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


def _mapped(sentence: Sentence, label_map: Mapping[str, str]) -> Sentence:
    return sentence._replace(tags=[label_map.get(tag, tag) for tag in sentence.tags])


def _mapping_notes(sentences: Sequence[Sentence], label_map: Mapping[str, str]) -> list[str]:
    counts = Counter(tag for each in sentences for tag in each.tags if tag in label_map)
    notes = [f"label_map changed {counted(counts.total(), 'tag')}"] if counts else []
    unused = [tag for tag in label_map if tag not in counts]
    if unused:
        notes.append(f"of label_map, not found here: {', '.join(unused)}")
    return notes


def _in_iob2(
    sentences: Sequence[Sentence], scheme: Scheme, spelling: Spelling, notes: list[str]
) -> Outcome:
    """Examples of sentences whose tags are, or should be, `scheme`."""
    outcome = Outcome([], [], notes)
    repaired: list[int] = []  # places
    num_converted = 0
    for sentence in sentences:
        if set(sentence.tags) <= {OUTSIDE}:  # as most are
            outcome.examples.append(_example(sentence, sentence.tags))
            continue
        iob2 = convert(sentence.tags, "iob2")
        outcome.examples.append(_example(sentence, iob2))
        wrong = wrong_in(sentence.tags, scheme)
        for index in wrong:
            place = sentence.places[index]
            if spelling.repair == "conll" and is_span(sentence.tags[index]):
                repaired.append(place)
            else:
                why = why_wrong(sentence.tags, index, scheme)
                outcome.faults.append(Fault(place, why, index))
        if iob2 != tuple(sentence.tags):
            pairs = enumerate(zip(sentence.tags, iob2))
            num_converted += sum(old != new and index not in wrong for index, (old, new) in pairs)
    if num_converted:
        notes.append(f"{counted(num_converted, 'tag')} {shown(scheme)} -> IOB2")
    if repaired:
        notes.append(
            f"{counted(len(repaired), 'tag')} that {shown(scheme)} does not allow read as "
            f"conlleval does, the first in {spelling.unit} {repaired[0]}"
        )
    if outcome.faults:
        why = f" ({_reason(sentences, scheme, spelling)})"
        faults = [fault._replace(what=fault.what + why) for fault in outcome.faults]
        return outcome._replace(faults=faults)
    return outcome


def _reason(sentences: Sequence[Sentence], scheme: Scheme, spelling: Spelling) -> str:
    """Why a tag is held against `scheme`: it was declared, or where the evidence for it is."""
    if spelling.scheme != "auto":
        return f"scheme {shown(scheme)}"
    for sentence in sentences:
        wrong = set(wrong_in(sentence.tags, scheme))
        for index in wrong_in(sentence.tags, _RIVAL[scheme]):
            if index not in wrong:
                return f"scheme {shown(scheme)}, as in {spelling.unit} {sentence.places[index]}"
    return f"scheme {shown(scheme)}, detected"


def _lone_spans(sentences: Sequence[Sentence], spelling: Spelling) -> list[Fault]:
    """Tags that look like those of spans among more tags that do not."""
    found = [
        (tag, sentence.places[index], index)
        for sentence in sentences
        for index, tag in enumerate(sentence.tags)
        if tag != OUTSIDE
    ]
    evidence = next(
        (f"{tag!r} in {spelling.unit} {at}" for tag, at, _ in found if not is_span(tag)), ""
    )
    return [
        Fault(place, f"tag {tag!r} among plain tags such as {evidence}: set scheme", index)
        for tag, place, index in found
        if is_span(tag)
    ]


def _bare_note(sentences: Sequence[Sentence]) -> list[str]:
    """A hint where spans have no type: such tags are taken as plain ones."""
    tags = {tag for sentence in sentences for tag in sentence.tags}
    if not {"B", "O"} <= tags <= set("BIESLUO"):
        return []
    return ["spans without a type are read as plain tags: label_map {B: B-X, I: I-X} makes them X"]
