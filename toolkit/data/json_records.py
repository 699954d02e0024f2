"""JSON files: a list of objects or lists, or several such lists under their names.

`file.json` is the list that the file holds; `file.json#train` the one under a key, `#data.train`
under a key of a key, and `file.json#train+extra` two of them, one behind the other.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from toolkit.data.fields import found
from toolkit.data.json_text import NotJsonError, parse
from toolkit.data.rows import Rows
from toolkit.data.table import Asked, Table, named, table_of_values
from toolkit.data.text import expand, read_text
from toolkit.errors import DataError
from toolkit.recipe.marks import shown
from toolkit.registry import nearest


class Source(NamedTuple):
    """A file and the keys of the lists in it."""

    path: str
    keys: tuple[str, ...] = ()


class Json(Rows):
    """JSON files that hold a list of rows, or several under their names: `file.json#train`."""

    def table(self, source: str, asked: Asked) -> Table:
        """The rows of a list, or of several."""
        path, keys = source_of(source)
        name = str(expand(path))
        value = read_json(path)
        lists = [(key, _list_at(value, key, name)) for key in keys] or [_only_list(value, name)]
        rows = [row for _, part in lists for row in part]
        places = _Places(name, lists)
        table = table_of_values(name, list(enumerate(rows)), "row", places.locate)
        if any(key for key, _ in lists):
            table = table._replace(glance=" + ".join(key for key, _ in lists))
        return table

    def path_of(self, source: str) -> str:
        """The path without the keys."""
        return source_of(source).path


class _Places(NamedTuple):
    """Where the rows of some lists are, the lists laid end to end."""

    name: str
    lists: Sequence[tuple[str, Sequence[Any]]]

    def locate(self, place: int) -> str:
        """`file.json#train[3]`."""
        for key, rows in self.lists:
            if place < len(rows):
                return f"{self.name}{'#' if key else ''}{key}[{place}]"
            place -= len(rows)
        raise AssertionError("a place behind the last row")


def source_of(source: str) -> Source:
    """The path and the keys that a source names, `#` before and `+` between the keys."""
    path, mark, keys = source.rpartition("#")
    if not mark or not path or Path(os.path.expanduser(os.path.expandvars(source))).is_file():
        return Source(source)
    return Source(path, tuple(key.strip() for key in keys.split("+")))


def read_json(path: str) -> Any:
    """The value of a JSON file; DataError with the line of what is wrong."""
    text = read_text(path)
    if text.faults:
        raise text.refusal("no text")
    try:
        return parse(text.text)
    except NotJsonError as error:
        what = error.what
        if what.startswith("more than one") and error.line > 1:
            what = "another JSON value, expected one in the file (format: jsonl reads one a line)"
        raise DataError(text.located(error.line, what)) from None


def _list_at(value: Any, key: str, name: str) -> list[Any]:
    """The list under a key, or along keys that dots join."""
    for part in [key] if isinstance(value, dict) and key in value else key.split("."):
        if not isinstance(value, dict):
            raise DataError(f"{name}: {found(value)}, expected an object with {part!r}")
        if part not in value:
            hint = nearest(part, value)
            raise DataError(f"{name}: no key {shown(part)}.{hint} It has {named(value)}")
        value = value[part]
    if not isinstance(value, list):
        raise DataError(f"{name}#{key}: {found(value)}, expected a list")
    return value


def _only_list(value: Any, name: str) -> tuple[str, list[Any]]:
    if isinstance(value, list):
        return "", value
    if not isinstance(value, dict):
        raise DataError(f"{name}: {found(value)}, expected a list of rows")
    lists = [key for key, part in value.items() if isinstance(part, list)]
    if len(lists) == 1:
        return lists[0], value[lists[0]]
    if not lists:
        raise DataError(f"{name}: no list of rows in it. It has {named(value) or 'nothing'}")
    raise DataError(f"{name}: several lists ({named(lists)}): name one, as in file.json#{lists[0]}")
