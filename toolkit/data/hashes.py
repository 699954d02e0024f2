"""Which of very many values are equal, in eight bytes each."""

from array import array
from collections.abc import Hashable

_FEW = 10_000  # that are compared without numpy, which takes a moment to load


class Hashes:
    """The hashes of values that went by. Other values may have the same hash, if rarely."""

    def __init__(self) -> None:
        self._all = array("q")

    def __len__(self) -> int:
        return len(self._all)

    def add(self, value: Hashable) -> None:
        """Remember a value."""
        self._all.append(hash(value))

    def number(self) -> int:
        """How many are different."""
        return len(self._all) - self._num_again()

    def repeated(self) -> frozenset[int]:
        """Those that more than one value has."""
        if not self._num_again():
            return frozenset()
        seen: set[int] = set()
        again: set[int] = set()
        for each in self._all:
            (again if each in seen else seen).add(each)
        return frozenset(again)

    def _num_again(self) -> int:
        """How many have a hash that another one had before."""
        if len(self._all) <= _FEW:
            return len(self._all) - len(set(self._all))
        import numpy as np

        ordered = np.sort(np.frombuffer(self._all, dtype=np.int64))
        return int((ordered[1:] == ordered[:-1]).sum())
