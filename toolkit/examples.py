"""One labelled thing as plain Python. The label is optional: prediction reads the same examples."""

import re
from collections.abc import Sequence
from typing import NamedTuple

# A run of letters and digits, held together by inner dots, hyphens, apostrophes and the like
# (U.N., e-mail, don't, 3.14), with a dot kept after single letters; or one other visible character.
_WORD = re.compile(r"(?:\w\.){2,}|\w+(?:[-'’.,:/@&_]\w+)*|[^\w\s]", re.UNICODE)


class Tagged(NamedTuple):
    """A sentence in words, one tag a word."""

    words: tuple[str, ...]
    tags: tuple[str, ...] | None = None
    id: str = ""
    text: str | None = None  # the text that the words were split from, where there was one

    @classmethod
    def of(cls, value: "Tagged | str | Sequence[str]") -> "Tagged":
        """An example without gold from a text (split into words here) or from words."""
        if isinstance(value, Tagged):
            return value
        if isinstance(value, str):
            return cls(tuple(_WORD.findall(value)), text=value)
        return cls(tuple(value))

    def without_gold(self) -> "Tagged":
        """The same sentence as prediction sees it."""
        return self._replace(tags=None)
