"""JSON lines: an object, or a list, in each line of a file."""

from collections.abc import Iterable, Iterator
from typing import Any

from toolkit.data.json_text import NotJsonError, parse
from toolkit.data.rows import Rows
from toolkit.data.sentences import Fault
from toolkit.data.table import Asked, Table, table_of_values
from toolkit.data.text import TextFile, counted, open_text


class JsonLines(Rows):
    """Files with a JSON object in each line; its keys are the columns."""

    def table(self, source: str, asked: Asked) -> Table:
        """The rows of a file."""
        text = open_text(source)
        values = JsonValues(text)
        table = table_of_values(text.name, values, "line")
        faults, notes = values.outcome()
        return table._replace(
            faults=[*faults, *table.faults], notes=[*table.notes, *notes, *text.notes]
        )


class JsonValues:
    """The value of each line with its number, parsed anew in each walk."""

    def __init__(self, text: TextFile[Iterable[str]]) -> None:
        self.text = text
        self._begin()

    def _begin(self) -> None:
        self._wrong: list[Fault] = []
        self._num_values = self._num_blank = 0
        self._begins = 0  # the first line in which something is written
        self._first: Any = None  # value

    def __iter__(self) -> Iterator[tuple[int, Any]]:
        self._begin()
        for number, line in enumerate(self.text.lines, 1):
            if not line or line.isspace():
                self._num_blank += 1
                continue
            self._begins = self._begins or number
            if number in self.text.faults:
                continue
            try:
                value = parse(line)
            except NotJsonError as error:
                self._wrong.append(Fault(number, error.what))
                continue
            self._num_values += 1
            if self._num_values == 1:
                self._first = value
            yield number, value

    def outcome(self) -> tuple[list[Fault], list[str]]:
        """The faults of the lines and what was skipped, once all went by.

        DataError where the file is not of lines at all: one JSON value over all of them.
        """
        text, wrong = self.text, self._wrong
        if wrong and wrong[0].place == self._begins and _is_one_value(text):
            raise text.refusal(
                "one JSON value over several lines, expected one in each: format: json"
            )
        if len(wrong) > 1 and not self._num_values:
            what = f"{wrong[0].what}; none of {len(wrong):,} lines is JSON"
            wrong = [wrong[0]._replace(what=what)]
        if self._num_values == 1 and _is_list_of_objects(self._first):
            raise text.refusal("a list of JSON objects, expected one in each line: format: json")
        notes = [f"{counted(self._num_blank, 'empty line')} skipped"] if self._num_blank else []
        return [Fault(line, what) for line, what in text.faults.items()] + wrong, notes


def _is_one_value(text: TextFile[Iterable[str]]) -> bool:
    try:
        parse(text.text)
    except NotJsonError:
        return False
    return True


def _is_list_of_objects(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, dict) for each in value)
