"""Rows made into examples, one after the other: each value checked by itself, then put together.

Four kinds of field need more than their type: ids, tags (with the words they belong to), labels,
and answers (with the context they stand in). They are known by their names, so a class of a user's
own has them too.

A fault that depends on other rows (an id that was there before, a label of another type than most)
is told by a second walk over the rows, which only a table with such a fault is taken through.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from toolkit.data.answers import answers_of, repairs
from toolkit.data.base import Walked
from toolkit.data.fields import GOLD, WRONG, Column, Field, Ids, Taker
from toolkit.data.kinds import MISSING, is_number, kind_of, text
from toolkit.data.labels import Labels, labels_taker
from toolkit.data.names import resolve
from toolkit.data.sentences import Fault, Spelling
from toolkit.data.table import Asked, Key, Table
from toolkit.data.text import counted
from toolkit.data.words import Row, Sentences, tags_taker, words_of_text_taker, words_taker

_NOUNS = {"words": "sentence", "question": "question", "text": "text"}


class Meaning(NamedTuple):
    """What a recipe says of the values of a table."""

    labels: Labels
    spelling: Spelling


def examples_of(table: Table, asked: Asked, meaning: Meaning) -> Walked:
    """The examples of a table; DataError with all of its faults behind the last one."""
    if not table.num_rows:
        raise table.refusal(table.faults, "no row in it")
    keys, aliases = resolve(table, asked)
    filling = _Filling(table, _takers(table, asked, meaning.labels, keys))
    walk = _Examples(filling, asked, meaning)
    yield from walk
    if filling.is_doubtful:
        walk = _Examples(filling.anew(), asked, meaning)
        for _ in walk:
            pass
    if (faults := walk.faults()) or not walk.seen.number:
        raise table.refusal(faults, "no example in it")
    said, *notes = walk.notes()
    glance = _glance(table, asked, keys, walk.seen, said)
    return [glance, *aliases, *notes, *table.notes]


class _Filling:
    """The rows of a table as values of fields. What there is to say of each gathers meanwhile."""

    def __init__(self, table: Table, takers: Mapping[str, tuple[Key, Taker]]) -> None:
        self.table = table
        self.takers = takers  # by field, with the key of its column

    def rows(self) -> Iterator[Row]:
        """The rows without a fault, once."""
        takers = [(field, taker) for field, (_, taker) in self.takers.items()]
        for place, cells in self.table.rows([key for key, _ in self.takers.values()]):
            values: dict[str, Any] = {}
            for (field, taker), cell in zip(takers, cells):
                value = (cell, values["context"]) if field == "answers" else cell
                values[field] = taker.take(place, value)
            if WRONG not in values.values():
                yield place, values

    @property
    def is_doubtful(self) -> bool:
        """Whether another walk will tell more faults."""
        return any(taker.is_doubtful for _, taker in self.takers.values())

    def anew(self) -> "_Filling":
        """For another walk, with what was learned in this one."""
        again = {field: (key, taker.anew()) for field, (key, taker) in self.takers.items()}
        return _Filling(self.table, again)

    def faults(self) -> list[Fault]:
        """Those of the values."""
        return [fault for _, taker in self.takers.values() for fault in taker.gathered()]

    def notes(self) -> list[str]:
        """What was done with the values."""
        return [note for _, taker in self.takers.values() for note in taker.notes()]


class _Examples:
    """The examples of rows, and all that there is to say once they went by."""

    def __init__(self, filling: _Filling, asked: Asked, meaning: Meaning) -> None:
        self.filling = filling
        self.asked = asked
        self.seen = _Seen(asked, meaning.labels)
        self.sentences: Sentences | None = None
        if "words" in filling.takers:
            again = lambda: filling.anew().rows()  # noqa: E731
            self.sentences = Sentences(again, meaning.spelling, "tags" in filling.takers)

    def __iter__(self) -> Iterator[Any]:
        rows = self.filling.rows()
        if self.sentences is not None:
            rows = self.sentences.rows(rows)
        for place, values in rows:
            example = _example(self.asked, values, place)
            self.seen.add(example)
            yield example

    def faults(self) -> list[Fault]:
        """Those of values, of rows that are not in the table, and of sentences."""
        of_sentences = self.sentences.faults() if self.sentences is not None else []
        return [*self.filling.faults(), *self.filling.table.faults, *of_sentences]

    def notes(self) -> list[str]:
        """What is said of the sentences at a glance, or nothing; then a sentence each."""
        said, *more = self.sentences.notes() if self.sentences is not None else [""]
        return [said, *self.filling.notes(), *more]


class _Seen:
    """What is counted of the examples."""

    def __init__(self, asked: Asked, labels: Labels) -> None:
        hints = {field.name: field.hint for field in asked.fields}
        self.has_words = "words" in hints
        self.has_label = "label" in hints
        # then every label is one: to know how many are different is of no use
        self.is_scored = labels.kind == "regression" and not is_number(hints.get("label"))
        self.number = self.num_words = 0
        self.labels: set[Any] = set()
        self.bounds: tuple[float, float] | None = None  # None: no number, or not numbers only

    def add(self, example: Any) -> None:
        """Count an example."""
        self.number += 1
        if self.has_words:
            self.num_words += len(example.words)
        if self.has_label:
            self._add_label(example.label)

    def _add_label(self, label: Any) -> None:
        if isinstance(label, (int, float)) and (self.bounds is not None or self.number == 1):
            low, high = self.bounds or (label, label)
            self.bounds = min(low, label), max(high, label)
        else:
            self.bounds = None
        if not self.is_scored:
            self.labels.update(label if isinstance(label, tuple) else (label,))

    def labels_at_a_glance(self) -> str:
        """Between which numbers labels are, or how many different ones there are."""
        if self.bounds is not None:
            return f"numbers from {self.bounds[0]:g} to {self.bounds[1]:g}"
        return counted(len(self.labels), "label")


class _Answers(Taker):
    """Takes answers with their contexts, each to its right place there."""

    def __init__(self, column: Column) -> None:
        super().__init__(column, tuple)
        self.counts: Counter[str] = Counter()
        self.num_empty = 0

    def take(self, place: int, value: Any) -> Any:
        """The answers of a pair of answers and context; WRONG where one of the two is."""
        self.num_checked += 1
        answers, context = value
        if context is WRONG:
            return WRONG
        try:
            found = answers_of(answers, context, self.counts)
        except ValueError as error:
            self.faults.append(Fault(place, str(error)))
            return WRONG
        self.num_empty += not found
        return found

    def anew(self) -> "_Answers":
        """The same, with nothing counted."""
        return _Answers(self.column)

    def notes(self) -> list[str]:
        """Questions without an answer, and what was mended."""
        empty = f"{counted(self.num_empty, 'question')} without an answer"
        return [empty] * bool(self.num_empty) + repairs(self.counts)


def _takers(
    table: Table, asked: Asked, labels: Labels, keys: Mapping[str, Key]
) -> dict[str, tuple[Key, Taker]]:
    """What takes the values of each field that has a column; contexts come before answers."""
    takers = {
        field.name: (key, _taker(field, table.column(key), asked, labels))
        for field in asked.fields
        if field.name != "answers" and (key := keys.get(field.name)) is not None
    }
    if "words" in asked.reads._fields and "words" not in keys and "text" in keys:
        takers["words"] = keys["text"], words_of_text_taker(table.column(keys["text"]))
    if "answers" in keys and "context" in takers:
        takers["answers"] = keys["answers"], _Answers(table.column(keys["answers"]))
    return takers


def _taker(field: Field, column: Column, asked: Asked, labels: Labels) -> Taker:
    """What takes the values of a column as a field has them."""
    if field.name == "id":
        return Ids(column)
    if field.name == "words":
        return words_taker(column)
    if field.name == "tags":
        return tags_taker(column, labels.names)
    if field.name == "label" and not is_number(field.hint):
        return labels_taker(column, labels)
    if field.name == "pair":
        return Taker(column, text)
    one = kind_of(field.hint, column.typed)
    if field.required:
        return Taker(column, one)
    default = asked.reads._field_defaults[field.name]
    return Taker(column, lambda value: default if _is_nothing(value) else one(value))


def _is_nothing(value: Any) -> bool:
    return value is None or value is MISSING or value == ""


def _example(asked: Asked, fields: dict[str, Any], place: int) -> Any:
    if "id" in asked.reads._fields and "id" not in fields:
        fields["id"] = str(place)
    if not asked.gold:
        fields = {field: value for field, value in fields.items() if field not in GOLD}
    return asked.reads(**fields)


def _glance(table: Table, asked: Asked, keys: Mapping[str, Key], seen: _Seen, said: str) -> str:
    """A table at a glance: `3,080 texts; comma, header; columns text and category; 77 labels`."""
    noun = next((_NOUNS[name] for name in _NOUNS if name in asked.reads._fields), "example")
    parts = [counted(seen.number, noun)]
    if seen.has_words:
        parts[0] += f", {counted(seen.num_words, 'word')}"
    parts += [table.glance] if table.glance else []
    *others, last = [str(keys[name]) for name in asked.reads._fields if name in keys]
    parts.append(f"columns {', '.join(others)} and {last}" if others else f"column {last}")
    if said:
        parts.append(said)
    if "label" in keys:
        parts.append(seen.labels_at_a_glance())
    return "; ".join(parts)
