"""Rows that hold lists of words and tags, made into sentences whose spans are IOB2."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from toolkit.data.fields import Column, Taken, found, refusal, take
from toolkit.data.kinds import MISSING, text
from toolkit.data.labels import LabelNames
from toolkit.data.sentences import Fault, Sentence, Spelling, to_examples
from toolkit.data.text import counted
from toolkit.examples import Tagged


class Sentences(NamedTuple):
    """The rows that are sentences, and what there is to say of the others."""

    rows: list[int]
    tags: dict[int, tuple[str, ...]]  # by row; empty where no gold was asked for
    faults: list[Fault]
    notes: list[str]


def take_words(column: Column) -> Taken:
    """The words of each row: a list, or a text to be split at spaces where there are no lists."""
    return _lists(column, "word", None)


def take_tags(column: Column, names: LabelNames | None) -> Taken:
    """The tags of each row; numbers are looked up in the names that a file or the data gives."""
    if names is None and column.labels is not None:
        names = LabelNames(column.labels, "the data set")
    return _lists(column, "tag", names)


def words_of_texts(column: Column) -> Taken:
    """The words of each row's text, split as for prediction."""
    return take(column, lambda value: Tagged.of(text(value)).words)


def sentences_of(
    rows: Sequence[int],
    places: Sequence[int],
    words: Sequence[Any],
    tags: Sequence[Any] | None,
    spelling: Spelling,
) -> Sentences:
    """The rows (by number) that hold a sentence, with tags in IOB2 where there are tags."""
    kept: list[int] = []
    faults: list[Fault] = []
    for row in rows:
        num_words = len(words[row])
        num_tags = num_words if tags is None else len(tags[row])
        if num_words != num_tags:
            what = f"{counted(num_words, 'word')}, {counted(num_tags, 'tag')}, expected as many"
            faults.append(Fault(places[row], what))
        elif num_words:
            kept.append(row)
    num_empty = len(rows) - len(kept) - len(faults)
    notes = [f"{counted(num_empty, 'row')} without a word dropped"] if num_empty else []
    if tags is None:
        return Sentences(kept, {}, faults, ["tags not read", *notes])
    raw = [
        Sentence(words[row], tags[row], [places[row]] * len(words[row]), str(row)) for row in kept
    ]
    examples, more, said = to_examples(raw, spelling)
    in_iob2 = {row: example.tags or () for row, example in zip(kept, examples)}
    return Sentences(kept, in_iob2, faults + more, said + notes)


def _lists(column: Column, what: str, names: LabelNames | None) -> Taken:
    values: list[Any] = []
    faults: list[Fault] = []
    num_parts = 0
    for place, value in zip(column.places, column.values):
        if not column.typed and isinstance(value, str):
            value = value.split()
        if value is MISSING or not isinstance(value, (list, tuple)):
            faults.append(Fault(place, refusal(column.name, value, f"a list of {what}s")))
            num_parts += 1
            values.append(None)
            continue
        num_parts += len(value)
        taken = [_part(part, what, names) for part in value]
        wrong = [
            Fault(place, why, index) for index, (_, why) in enumerate(taken) if why is not None
        ]
        faults += wrong
        values.append(None if wrong else tuple(part for part, _ in taken))
    return Taken(values, faults, num_checked=num_parts)


def _part(part: Any, what: str, names: LabelNames | None) -> tuple[str, str | None]:
    """A word or tag as text, or what is wrong with it."""
    if what == "tag" and isinstance(part, int) and not isinstance(part, bool):
        if names is None:
            return "", f"found {part}, expected a tag (labels_file says what numbers stand for)"
        if part not in range(len(names.names)):
            expected = f"a number from 0 to {len(names.names) - 1} ({names.source})"
            return "", f"found {part}, expected {expected}"
        return names.names[part], None
    if part is None or part == "":
        return "", f"the {what} is empty"
    try:
        return text(part), None
    except ValueError as error:
        return "", f"{found(part)}, expected {str(error).replace('text', f'a {what}', 1)}"
