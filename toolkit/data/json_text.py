"""JSON read strictly: no NaN, no key twice in an object, and the line of whatever is wrong.

Python's reader keeps the last of two equal keys and takes NaN and Infinity, which are no JSON.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|NaN|-?Infinity|-?\d[\d.eE+-]*|\w+|[{}\[\]:,]', re.DOTALL)
_LONGEST_NUMBER = 4300  # digits that Python reads of a whole number
_MOST_SHOWN = 20


class NotJsonError(ValueError):
    """What is wrong with a text that should be JSON, and in which of its lines."""

    def __init__(self, what: str, line: int) -> None:
        super().__init__(what)
        self.what = what
        self.line = line  # from 1


class _OddError(Exception):
    """Something that Python takes and JSON does not allow, or does not mean."""


def parse(text: str) -> Any:
    """The value of a JSON text; NotJsonError where it is none."""
    try:
        return _DECODER.decode(text)
    except _OddError:
        place, what = next(_odd_parts(text))
        raise _wrong(text, place, what) from None
    except json.JSONDecodeError as error:
        raise _wrong(text, error.pos, _why(text, error)) from None
    except RecursionError:
        raise NotJsonError("JSON that is nested too deeply", 1) from None
    except ValueError:  # of int(): too many digits
        place, what = next(_odd_parts(text))
        raise _wrong(text, place, what) from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise _OddError
    return made


def _constant(name: str) -> NoReturn:
    raise _OddError


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant)


def _wrong(text: str, place: int, what: str) -> NotJsonError:
    return NotJsonError(what, text.count("\n", 0, place) + 1)


def _why(text: str, error: json.JSONDecodeError) -> str:
    column = f"column {error.colno}"
    if error.msg.startswith("Extra data"):
        return f"more than one JSON value ({column})"
    if error.msg.startswith("Unterminated string"):
        return f"JSON that ends inside a string, which begins in {column}"
    rest = text[error.pos :].partition("\n")[0]
    if not rest.strip() and not text[error.pos :].strip():
        return f"JSON that ends too early ({column})"
    shown = rest if len(rest) <= _MOST_SHOWN else rest[:_MOST_SHOWN] + "…"
    return f"no JSON from {column} on: {shown!r}"


def _odd_parts(text: str) -> Iterator[tuple[int, str]]:
    """Where the text has a key twice, a constant that JSON lacks, or a number too long to read."""
    keys: list[set[str] | None] = []  # of the objects that are open; None: of a list
    key = ("", 0)
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token in "{[":
            keys.append(set() if token == "{" else None)
        elif token in "}]":
            keys.pop()
        elif token == ":" and keys and (seen := keys[-1]) is not None:
            name = json.loads(key[0])
            if name in seen:
                yield key[1], f"key {name!r} twice in an object"
            seen.add(name)
        elif token[0] == '"':
            key = (token, match.start())
        elif token in ("NaN", "Infinity", "-Infinity"):
            yield match.start(), f"found {token}, which is no JSON"
        elif len(token) > _LONGEST_NUMBER:
            yield match.start(), f"a number of {len(token):,} digits"
    yield 0, "no JSON"
