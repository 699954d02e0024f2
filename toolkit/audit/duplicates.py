"""Texts that come more than once: inside a split, across splits, and with different labels.

Three degrees, each counted without the one before: exact; normalised (equal but for case, white
space and Unicode form); near (MinHash, see there). Of several texts (a pair, a question and its
context) all have to be alike.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from toolkit.audit.findings import Row
from toolkit.audit.minhash import Near, near_pairs

Degree = Literal["exact", "normalised", "near"]
DEGREES: tuple[Degree, ...] = ("exact", "normalised", "near")
Key = tuple[str, ...]


class Copy(NamedTuple):
    """An example and an earlier one that it repeats."""

    row: Row
    of: Row
    jaccard: float


class Copies(NamedTuple):
    """The examples of a split that repeat one of another split, or an earlier one of the same."""

    split: str
    of: str
    rows: int  # of `split`
    found: Mapping[Degree, list[Copy]]

    @property
    def total(self) -> int:
        """Examples of all degrees; each is counted once."""
        return sum(map(len, self.found.values()))

    def counts(self) -> dict[str, Any]:
        """The counts as JSON holds them."""
        numbers: dict[str, Any] = {degree: len(self.found[degree]) for degree in DEGREES}
        return {"split": self.split, "of": self.of, **numbers, "rows": self.rows}


class Shared(NamedTuple):
    """How many of the different texts that a split has in one place another split has there."""

    split: str
    of: str
    part: int  # which of an example's texts
    shared: int
    distinct: int


class Texts:
    """The texts of all splits, the same ones known as the same."""

    def __init__(self, task: Any, splits: Mapping[str, Sequence[Any]]) -> None:
        self.rows: dict[str, list[Row]] = {}
        self.exact: dict[str, list[tuple[Any, ...]]] = {}
        self.normal: dict[str, list[Key]] = {}
        for name, examples in splits.items():
            self.rows[name] = [Row(name, n, example) for n, example in enumerate(examples, 1)]
            parts = [[*task.texts(example)] for example in examples]
            self.exact[name] = [tuple(map(_hashable, texts)) for texts in parts]
            self.normal[name] = [tuple(map(normalised, texts)) for texts in parts]
        keys = list(dict.fromkeys(key for each in self.normal.values() for key in each))
        self.near = _neighbours(keys)

    def copies(self) -> list[Copies]:
        """Inside each split, then across each two."""
        names = list(self.rows)
        inside = [self._copies(name, name) for name in names]
        across = [
            self._copies(name, other) for place, name in enumerate(names) for other in names[:place]
        ]
        return inside + across

    def shared_parts(self) -> list[Shared]:
        """Of examples of several texts: how many of each are in another split as well.

        A context that both splits ask about is no copy of an example, and still known in advance.
        """
        names = list(self.normal)
        return [
            Shared(name, other, part, len(mine & self._parts(other, part)), len(mine))
            for place, name in enumerate(names)
            for other in names[:place]
            for part in range(max((len(key) for key in self.normal[name]), default=0))
            if self._has_parts(name) and (mine := self._parts(name, part))
        ]

    def _has_parts(self, name: str) -> bool:
        return any(len(key) > 1 for key in self.normal[name])

    def _parts(self, name: str, part: int) -> set[str]:
        return {key[part] for key in self.normal[name] if len(key) > part}

    def conflicts(self, task: Any) -> list[list[Row]]:
        """The examples of each text (case and white space aside) that has different labels."""
        groups: dict[Key, list[Row]] = {}
        for name, keys in self.normal.items():
            for key, row in zip(keys, self.rows[name], strict=True):
                groups.setdefault(key, []).append(row)
        return [
            group
            for group in groups.values()
            if len(group) > 1 and len({gold_of(task, row.example) for row in group}) > 1
        ]

    def empty(self) -> list[Row]:
        """The examples in which nothing stands."""
        return [
            row
            for name, keys in self.normal.items()
            for key, row in zip(keys, self.rows[name], strict=True)
            if not any(key)
        ]

    def _copies(self, name: str, other: str) -> Copies:
        found: dict[Degree, list[Copy]] = {degree: [] for degree in DEGREES}
        exact: dict[Any, Row] = {}
        normal: dict[Key, Row] = {}
        if name != other:
            self._learn(other, exact, normal)
        for row, key, same in zip(
            self.rows[name], self.exact[name], self.normal[name], strict=True
        ):
            if key in exact:
                found["exact"].append(Copy(row, exact[key], 1.0))
            elif same in normal:
                found["normalised"].append(Copy(row, normal[same], 1.0))
            elif near := [(j, normal[k]) for k, j in self.near.get(same, ()) if k in normal]:
                similarity, of = max(near, key=lambda pair: pair[0])
                found["near"].append(Copy(row, of, similarity))
            if name == other:
                exact.setdefault(key, row)
                normal.setdefault(same, row)
        return Copies(name, other, len(self.rows[name]), found)

    def _learn(self, name: str, exact: dict[Any, Row], normal: dict[Key, Row]) -> None:
        for row, key, same in zip(
            self.rows[name], self.exact[name], self.normal[name], strict=True
        ):
            exact.setdefault(key, row)
            normal.setdefault(same, row)


def normalised(text: str | Sequence[str]) -> str:
    """NFKC, case folded, with single spaces."""
    whole = text if isinstance(text, str) else " ".join(text)
    return " ".join(unicodedata.normalize("NFKC", whole).casefold().split())


def gold_of(task: Any, example: Any) -> str:
    """The gold label of an example as something to compare."""
    gold = task.gold(example)
    return repr([*task.labels_of(example)] if gold is None else gold)


def _hashable(text: str | Sequence[str]) -> Any:
    return text if isinstance(text, str) else tuple(text)


def _neighbours(keys: Sequence[Key]) -> dict[Key, list[tuple[Key, float]]]:
    """The near texts of each text; a text of another number of parts is never near."""
    near: dict[Key, list[tuple[Key, float]]] = {}
    for size in sorted({len(key) for key in keys}):
        some = [key for key in keys if len(key) == size and all(key)]
        for pair in near_pairs(some) if size else []:
            _join(near, some, pair)
    return near


def _join(near: dict[Key, list[tuple[Key, float]]], keys: Sequence[Key], pair: Near) -> None:
    one, other = keys[pair.first], keys[pair.second]
    near.setdefault(one, []).append((other, pair.jaccard))
    near.setdefault(other, []).append((one, pair.jaccard))
