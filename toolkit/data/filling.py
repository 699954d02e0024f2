"""Rows made into examples: each column checked by itself, then the rows put together.

Four kinds of field need more than their type: ids, tags (with the words they belong to), labels,
and answers (with the context they stand in). They are known by their names, so a class of a user's
own has them too.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from toolkit.data.answers import answers_of, repairs
from toolkit.data.base import Reading
from toolkit.data.fields import GOLD, Column, Field, Taken, take, take_ids
from toolkit.data.kinds import MISSING, is_number, kind_of, text
from toolkit.data.labels import Labels, take_labels
from toolkit.data.names import resolve
from toolkit.data.sentences import Fault, Spelling
from toolkit.data.table import Asked, Key, Table
from toolkit.data.text import counted
from toolkit.data.words import sentences_of, take_tags, take_words, words_of_texts

_NOUNS = {"words": "sentence", "question": "question", "text": "text"}


class Meaning(NamedTuple):
    """What a recipe says of the values of a table."""

    labels: Labels
    spelling: Spelling


class _Filled(NamedTuple):
    """The values of each field, one a row, and what there is to say."""

    values: dict[str, list[Any]]
    faults: list[Fault]
    notes: list[str]
    wrong: set[int]  # places of rows that have a fault


def examples_of(table: Table, asked: Asked, meaning: Meaning) -> Reading:
    """The examples of a table; DataError with all of its faults."""
    if not table.places:
        raise table.refusal(table.faults, "no row in it")
    keys, aliases = resolve(table, asked)
    values, faults, notes, wrong = _filled(table, asked, meaning.labels, keys)
    faults += table.faults
    rows = [row for row, place in enumerate(table.places) if place not in wrong]
    said = ""
    if "words" in values:
        sentences = sentences_of(
            rows, table.places, values["words"], values.get("tags"), meaning.spelling
        )
        rows = sentences.rows
        faults += sentences.faults
        if "tags" in values:
            values["tags"] = [sentences.tags.get(row) for row in range(len(table.places))]
        said, *more = sentences.notes
        notes += more
    if faults or not rows:
        raise table.refusal(faults, "no example in it")
    examples = [_example(asked, values, row, table.places[row]) for row in rows]
    glance = _glance(table, asked, keys, examples, said)
    return Reading(examples, [glance, *aliases, *notes, *table.notes])


def _filled(table: Table, asked: Asked, labels: Labels, keys: Mapping[str, Key]) -> _Filled:
    filled = _Filled({}, [], [], set())
    for field in asked.fields:
        if field.name in keys and field.name != "answers":  # they need the contexts first
            column = table.read(keys[field.name])
            _add(filled, field.name, _taken(field, column, asked, labels))
    if "words" in asked.reads._fields and "words" not in keys and "text" in keys:
        _add(filled, "words", words_of_texts(table.read(keys["text"])))
    if "answers" in keys and "context" in filled.values:
        contexts = filled.values["context"]
        _add(filled, "answers", _answers(table.read(keys["answers"]), contexts))
    return filled


def _add(filled: _Filled, field: str, taken: Taken) -> None:
    filled.values[field] = taken.values
    filled.faults.extend(taken.gathered())
    filled.wrong.update(fault.place for fault in taken.faults)
    filled.notes.extend(taken.notes)


def _taken(field: Field, column: Column, asked: Asked, labels: Labels) -> Taken:
    """The values of a column as a field has them."""
    if field.name == "id":
        return take_ids(column)
    if field.name == "words":
        return take_words(column)
    if field.name == "tags":
        return take_tags(column, labels.names)
    if field.name == "label" and not is_number(field.hint):
        return take_labels(column, labels)
    if field.name == "pair":
        return take(column, text)
    one = kind_of(field.hint, column.typed)
    if field.required:
        return take(column, one)
    default = asked.reads._field_defaults[field.name]
    return take(column, lambda value: default if _is_nothing(value) else one(value))


def _is_nothing(value: Any) -> bool:
    return value is None or value is MISSING or value == ""


def _answers(column: Column, contexts: Sequence[str | None]) -> Taken:
    """The answers of each row, at the right place in its context."""
    counts: Counter[str] = Counter()
    of_place = dict(zip(column.places, contexts))
    values: list[Any] = []
    faults = []
    for place, value in zip(column.places, column.values):
        context = of_place[place]
        try:
            values.append(None if context is None else answers_of(value, context, counts))
        except ValueError as error:
            values.append(None)
            faults.append(Fault(place, str(error)))
    num_empty = sum(found == () for found in values)
    empty = [f"{counted(num_empty, 'question')} without an answer"] if num_empty else []
    return Taken(values, faults, empty + repairs(counts))


def _example(asked: Asked, values: Mapping[str, list[Any]], row: int, place: int) -> Any:
    fields = {field: column[row] for field, column in values.items()}
    if "id" in asked.reads._fields and "id" not in fields:
        fields["id"] = str(place)
    if not asked.gold:
        fields = {field: value for field, value in fields.items() if field not in GOLD}
    return asked.reads(**fields)


def _glance(
    table: Table, asked: Asked, keys: Mapping[str, Key], examples: Sequence[Any], said: str
) -> str:
    """A table at a glance: `3,080 texts; comma, header; columns text and category; 77 labels`."""
    noun = next((_NOUNS[name] for name in _NOUNS if name in asked.reads._fields), "example")
    parts = [counted(len(examples), noun)]
    if "words" in asked.reads._fields:
        parts[0] += f", {counted(sum(len(example.words) for example in examples), 'word')}"
    parts += [table.glance] if table.glance else []
    *others, last = [str(keys[name]) for name in asked.reads._fields if name in keys]
    parts.append(f"columns {', '.join(others)} and {last}" if others else f"column {last}")
    if said:
        parts.append(said)
    if "label" in keys:
        parts.append(_labels_at_a_glance([example.label for example in examples]))
    return "; ".join(parts)


def _labels_at_a_glance(labels: Sequence[Any]) -> str:
    if all(isinstance(label, (int, float)) for label in labels):
        return f"numbers from {min(labels):g} to {max(labels):g}"
    several = [label if isinstance(label, tuple) else (label,) for label in labels]
    return counted(len({name for names in several for name in names}), "label")
