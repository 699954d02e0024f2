"""Where each value of a recipe stands, and what is wrong with it there.

The other files of this room pass these about. Nothing here knows YAML, pydantic or the blocks.
"""

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

LONGEST_SHOWN = 80  # characters of a user's value or key in a message
_PLAIN_KEY = re.compile(r"[\w?-]{1,80}")

KeyPath = tuple[str | int, ...]  # ("train", "betas", 1)


class Place(NamedTuple):
    """A line of a file, a file as a whole, or an override."""

    source: str  # as the user named it: `ner.yaml`, `override train.epochs=5`
    line: int | None = None  # from 1; None: no line of its own

    def __str__(self) -> str:
        return self.source if self.line is None else f"{self.source}:{self.line}"


class Node(NamedTuple):
    """A value and where it stands."""

    value: Any  # a scalar, a list of nodes, or a dict from a key to its node
    place: Place
    key: Place | None = None  # of the key that it is the value of

    def plain(self) -> Any:
        """The value without its places."""
        if isinstance(self.value, dict):
            return {key: child.plain() for key, child in self.value.items()}
        if isinstance(self.value, list):
            return [child.plain() for child in self.value]
        return self.value

    def child(self, part: str | int) -> "Node | None":
        """What stands under a key or index."""
        if isinstance(self.value, dict):
            return self.value.get(part)
        if isinstance(self.value, list) and isinstance(part, int) and part < len(self.value):
            return self.value[part]  # type: ignore[no-any-return]
        return None

    def walk(self, path: Iterable[str | int]) -> "tuple[KeyPath, Node]":
        """The last thing along `path` that is there, and the path to it."""
        node, walked = self, []
        for part in path:
            child = node.child(part)
            if child is None:
                break
            node = child
            walked.append(part)
        return tuple(walked), node


class Fault(NamedTuple):
    """Something wrong: one line of a RecipeError."""

    place: Place
    path: KeyPath
    message: str
    final: bool = False  # nothing else is worth saying about what stands at `path`

    def __str__(self) -> str:
        return f"{self.place}: {dotted(self.path)}{': ' if self.path else ''}{self.message}"


def ordered(faults: Iterable[Fault], sources: Sequence[str]) -> list[str]:
    """The lines of the faults, by source and line; what has no line comes after what has."""
    rank = {source: number for number, source in reversed([*enumerate(sources)])}

    def position(fault: Fault) -> tuple[float, float]:
        place = fault.place
        return rank[place.source], math.inf if place.line is None else place.line

    return list(dict.fromkeys(str(fault) for fault in sorted(faults, key=position)))


def dotted(path: KeyPath) -> str:
    """`train.betas[1]`; a key that would not read as one is quoted."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += "." * bool(text) + (part if _PLAIN_KEY.fullmatch(part) else shown(part))
    return text


def shown(value: Any) -> str:
    """A value as a recipe writes it, on one line and not too long for a message."""
    return shortened(_written(value))


def shortened(text: str) -> str:
    """The text on one line, its end left out where it is long."""
    text = text if text.isprintable() else repr(text)[1:-1]
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 1]}…"


def _written(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_written(child)}" for key, child in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_written, value)) + "]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, float) and not math.isfinite(value):
        return ".nan" if math.isnan(value) else f"{'-' * (value < 0)}.inf"
    return repr(value)
