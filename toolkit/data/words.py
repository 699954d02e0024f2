"""Rows that hold lists of words and tags, made into sentences whose spans are IOB2."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from toolkit.data.fields import WRONG, Column, Taker, found, refusal
from toolkit.data.kinds import MISSING, text
from toolkit.data.labels import LabelNames
from toolkit.data.sentences import Conversion, Fault, Sentence, Spelling
from toolkit.data.text import counted
from toolkit.examples import Tagged

Row = tuple[int, dict[str, Any]]  # its place, and the values of fields


def words_taker(column: Column) -> Taker:
    """Takes words: a list, or a text to be split at spaces where there are no lists."""
    return _Lists(column, "word", None)


def tags_taker(column: Column, names: LabelNames | None) -> Taker:
    """Takes tags; numbers are looked up in the names that a file or the data gives."""
    if names is None and column.labels is not None:
        names = LabelNames(column.labels, "the data set")
    return _Lists(column, "tag", names)


def words_of_text_taker(column: Column) -> Taker:
    """Takes the words of a text, split as for prediction."""
    return Taker(column, lambda value: Tagged.of(text(value)).words)


class _Lists(Taker):
    """Takes lists of words or tags."""

    def __init__(self, column: Column, what: str, names: LabelNames | None) -> None:
        super().__init__(column, list)
        self.what = what
        self.names = names

    def take(self, place: int, value: Any) -> Any:
        """The words or tags; WRONG, and a fault for each that is none."""
        if not self.column.typed and isinstance(value, str):
            value = value.split()
        if value is MISSING or not isinstance(value, (list, tuple)):
            what = refusal(self.column.name, value, f"a list of {self.what}s")
            self.faults.append(Fault(place, what))
            self.num_checked += 1
            return WRONG
        self.num_checked += len(value)
        taken = [_part(part, self.what, self.names) for part in value]
        wrong = [
            Fault(place, why, index) for index, (_, why) in enumerate(taken) if why is not None
        ]
        self.faults += wrong
        return WRONG if wrong else tuple(part for part, _ in taken)

    def anew(self) -> "_Lists":
        """The same, without faults."""
        return _Lists(self.column, self.what, self.names)


class Sentences:
    """Rows that hold a sentence, with tags in IOB2 where there are tags; faults gather."""

    def __init__(
        self, again: Callable[[], Iterable[Row]], spelling: Spelling, has_tags: bool
    ) -> None:
        """`again` gives the rows from their beginning, without a trace of having done so."""
        self.num_empty = 0
        self._faults: list[Fault] = []
        self._made = Conversion(lambda: _written(again()), spelling) if has_tags else None

    def rows(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The rows with a sentence, their tags in IOB2."""
        for place, values in rows:
            num_words = len(values["words"])
            num_tags = num_words if self._made is None else len(values["tags"])
            if num_words != num_tags:
                found = f"{counted(num_words, 'word')}, {counted(num_tags, 'tag')}"
                self._faults.append(Fault(place, f"{found}, expected as many"))
            elif not num_words:
                self.num_empty += 1
            else:
                if self._made is not None:
                    values["tags"] = self._made.example(_sentence(place, values)).tags
                yield place, values

    def faults(self) -> list[Fault]:
        """What is wrong, once all went by."""
        return self._faults + (self._made.faults() if self._made is not None else [])

    def notes(self) -> list[str]:
        """What was done, the scheme first."""
        said = ["tags not read"] if self._made is None else self._made.notes()
        empty = f"{counted(self.num_empty, 'row')} without a word dropped"
        return [*said, empty] if self.num_empty else said


def _written(rows: Iterable[Row]) -> Iterator[Sentence]:
    """The sentences of the rows that hold one."""
    for place, values in rows:
        if values["words"] and len(values["words"]) == len(values["tags"]):
            yield _sentence(place, values)


def _sentence(place: int, values: Mapping[str, Any]) -> Sentence:
    return Sentence(values["words"], values["tags"], [place] * len(values["words"]), "")


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
