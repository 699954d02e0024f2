"""The first input in which two runs differ, in the order in which one may well explain a result.

Reads manifests only: no data, no model and no framework.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from toolkit.recipe.marks import shown
from toolkit.recipe.strict_yaml import read

INPUTS = (  # what is compared, by the keys of a manifest
    ("recipe", "recipe"),
    ("data", "data"),
    ("sets", "data of evaluate.sets"),
    ("checkpoint", "model"),
    ("code", "code of the toolkit"),
    ("own_code", "code that the recipe names"),
    ("versions", "library"),
    ("processes", "processes"),
    ("hardware", "hardware"),
)
_WHERE_IT_GOES = ("run.name", "run.folder", "run.track")


def first_difference(one: Mapping[str, Any], other: Mapping[str, Any]) -> str | None:
    """The first input that differs, `data: train.sha256: … and …`; None where all are equal."""
    for key, noun in INPUTS:
        values = (_plain(key, each.get(key)) for each in (one, other))
        for place, left, right in _unequal("", *values):
            return f"{noun}: {place}{': ' if place else ''}{_short(left)} and {_short(right)}"
    return None


def _plain(key: str, value: Any) -> Any:
    if key != "recipe" or not isinstance(value, str):
        return value
    document = read(value, "manifest.json")
    keys = document.root.plain() if document.root else {}
    for name in _WHERE_IT_GOES:
        block, _, key = name.partition(".")
        keys.get(block, {}).pop(key, None)
    return keys


def _unequal(place: str, one: Any, other: Any) -> Iterator[tuple[str, Any, Any]]:
    if one == other:
        return
    if isinstance(one, dict) and isinstance(other, dict):
        for key in dict.fromkeys([*one, *other]):
            below = f"{place}.{key}" if place else str(key)
            yield from _unequal(below, one.get(key), other.get(key))
    else:
        yield place, one, other


def _short(value: Any) -> str:
    return "nothing" if value is None else shown(value)
