"""One labelled thing as plain Python. The label is optional: prediction reads the same examples."""

import re
from collections.abc import Sequence
from typing import NamedTuple

# How text becomes words, after the habit of the CoNLL and Penn treebanks: abbreviations (U.N.),
# numbers (12,000), names with inner signs (AT&T, O'Neill) stay whole, 's and its kind stand alone,
# and every other visible character is a word of its own.
_CLITIC = r"['’](?:s|m|d|re|ve|ll)(?!\w)"
_WORD = re.compile(
    rf"(?:\w\.){{2,}}|\d+(?:[.,:/-]\d+)*(?!\w)|{_CLITIC}|\w+(?:[-.@&]\w+|(?!{_CLITIC})['’]\w+)*|[^\w\s]",
    re.IGNORECASE,
)


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
