"""What a value has to be to become a field of an example; ValueError with what was expected.

Nothing is converted but what a file of text cannot say itself: numbers, true and false, lists.
"""

import re
import types
import typing
from collections.abc import Callable, Sequence
from typing import Any

from toolkit.recipe.marks import shown

Take = Callable[[Any], Any]  # the value, or ValueError with what was expected

_UNWRITABLE = re.compile("[\0\ud800-\udfff]")
_INTEGER = re.compile(r"[+-]?\d{1,18}", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)


class Missing:
    """What stands where a record has no such key."""


MISSING = Missing()


def kind_of(hint: Any, typed: bool) -> Take:
    """How a value becomes one of this type. Types that say nothing here take any value."""
    hint = _without_none(hint)
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin in (tuple, list, Sequence) and (len(parts) == 1 or parts[1:] == (...,)):
        return _several(kind_of(parts[0], typed), typed, list if origin is list else tuple)
    if origin is typing.Literal:
        return lambda value: choice(value, parts)
    plain: dict[Any, Take] = {str: text, bool: boolean, int: integer, float: number}
    if typed or hint is str:
        return plain.get(hint, present)
    written: dict[Any, Take] = {bool: written_boolean, int: written_integer, float: written_number}
    return written.get(hint, present)


def is_number(hint: Any) -> bool:
    """Whether a type says a number, or true and false."""
    return _without_none(hint) in (bool, int, float)


def text(value: Any) -> str:
    """Text with something to see in it."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError("text")
    if unwritable := _UNWRITABLE.search(value):
        name = "NUL character" if unwritable[0] == "\0" else "half of a surrogate pair"
        raise ValueError(f"text without a {name} (at {unwritable.start()})")
    return value


def name(value: Any) -> str:
    """Text, or a whole number as text: what identifies an example."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    try:
        return text(value)
    except ValueError:
        raise ValueError("an id, text or a whole number") from None


def number(value: Any) -> float:
    """A number that is finite."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e308:
        raise ValueError("a number")
    return float(value)


def integer(value: Any) -> int:
    """A whole number."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("a whole number")
    return value


def boolean(value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def written_number(value: Any) -> float:
    """A number that text writes with a decimal point."""
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip(" ")):
        return number(float(value))
    raise ValueError("a number")


def written_integer(value: Any) -> int:
    """A whole number that text writes."""
    if isinstance(value, str) and _INTEGER.fullmatch(value.strip(" ")):
        return int(value)
    raise ValueError("a whole number")


def written_boolean(value: Any) -> bool:
    """True or false as text has it."""
    if isinstance(value, str) and value.strip(" ").lower() in ("true", "false"):
        return value.strip(" ").lower() == "true"
    raise ValueError("true or false")


def choice(value: Any, choices: Sequence[Any]) -> Any:
    """One of a few values, of the same type."""
    for each in choices:
        if value == each and type(value) is type(each):
            return each
    raise ValueError(" or ".join(map(shown, choices)))


def present(value: Any) -> Any:
    """Anything that is there."""
    if value is MISSING:
        raise ValueError("a value")
    return value


def _without_none(hint: Any) -> Any:
    """`X` of `X | None`, other types as they are."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        others = [part for part in typing.get_args(hint) if part is not type(None)]
        return others[0] if len(others) == 1 else hint
    return hint


def _several(one: Take, typed: bool, made: type[Any]) -> Take:
    """A list; text is split at white space where the file knows no lists."""

    def take_list(value: Any) -> Any:
        if not typed and isinstance(value, str):
            value = value.split()
        if not isinstance(value, (list, tuple)):
            raise ValueError("a list")
        try:
            return made(one(part) for part in value)
        except ValueError as error:
            raise ValueError(f"a list whose parts are each {error}") from None

    return take_list
