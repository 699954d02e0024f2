"""JSON lines: an object, or a list, in each line of a file."""

from typing import Any

from toolkit.data.json_text import NotJsonError, parse
from toolkit.data.rows import Rows
from toolkit.data.sentences import Fault
from toolkit.data.table import Asked, Table, table_of_values
from toolkit.data.text import TextFile, counted, read_text


class JsonLines(Rows):
    """Files with a JSON object in each line; its keys are the columns."""

    def table(self, source: str, asked: Asked) -> Table:
        """The rows of a file."""
        text = read_text(source)
        values, faults, notes = values_of(text)
        places, rows = [place for place, _ in values], [value for _, value in values]
        table = table_of_values(text.name, rows, places, "line")
        return table._replace(
            faults=[*faults, *table.faults], notes=[*table.notes, *notes, *text.notes]
        )


def values_of(text: TextFile[list[str]]) -> tuple[list[tuple[int, Any]], list[Fault], list[str]]:
    """The value of each line with its number, the faults, and what was skipped.

    DataError where the file is not of lines at all: one JSON value over all of them.
    """
    values: list[tuple[int, Any]] = []
    faults = [Fault(line, what) for line, what in text.faults.items()]
    wrong = []
    num_blank = 0
    for number, line in enumerate(text.lines, 1):
        if not line.strip():
            num_blank += 1
        elif number not in text.faults:
            try:
                values.append((number, parse(line)))
            except NotJsonError as error:
                wrong.append(Fault(number, error.what))
    first = next((number for number, line in enumerate(text.lines, 1) if line.strip()), 0)
    if wrong and wrong[0].place == first and _is_one_value(text):
        raise text.refusal("one JSON value over several lines, expected one in each: format: json")
    if len(wrong) > 1 and not values:
        wrong = [wrong[0]._replace(what=f"{wrong[0].what}; none of {len(wrong):,} lines is JSON")]
    faults += wrong
    if len(values) == 1 and _is_list_of_objects(values[0][1]):
        raise text.refusal("a list of JSON objects, expected one in each line: format: json")
    return values, faults, [f"{counted(num_blank, 'empty line')} skipped"] if num_blank else []


def _is_one_value(text: TextFile[list[str]]) -> bool:
    try:
        parse(text.text)
    except NotJsonError:
        return False
    return True


def _is_list_of_objects(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, dict) for each in value)
