"""One labelled thing as plain Python. The label is optional: prediction reads the same examples."""

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

from toolkit.errors import ToolkitError

# How text becomes words, after the habit of the CoNLL and Penn treebanks: abbreviations (U.N.),
# numbers (12,000), names with inner signs (AT&T, O'Neill) stay whole, 's and its kind stand alone,
# and every other visible character is a word of its own.
_CLITIC = r"['’](?:s|m|d|re|ve|ll)(?!\w)"
_WORD = re.compile(
    rf"(?:\w\.){{2,}}|\d+(?:[.,:/-]\d+)*(?!\w)|{_CLITIC}|\w+(?:[-.@&]\w+|(?!{_CLITIC})['’]\w+)*|[^\w\s]",
    re.IGNORECASE,
)

Labels = Literal["single", "multi", "regression"]  # of a text: one, several or none, a number


class Tagged(NamedTuple):
    """A sentence in words, one tag a word."""

    words: tuple[str, ...]
    tags: tuple[str, ...] | None = None
    id: str = ""
    text: str | None = None  # the text that the words were split from, where there was one
    document: str = ""  # what the sentence is a part of, where the file says so

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


class Text(NamedTuple):
    """A text, or a pair of texts, with what is said of it."""

    text: str
    pair: str | None = None  # the second text: hypothesis, passage, other sentence
    label: str | tuple[str, ...] | float | None = None  # one label, several (or none), or a number
    id: str = ""

    @classmethod
    def of(cls, value: "Text | str | Sequence[str]") -> "Text":
        """An example without gold from a text or a pair of texts; ToolkitError for other things."""
        if isinstance(value, Text):
            return value
        return cls(value) if isinstance(value, str) else cls(*_two(value, "a text, or two"))

    def without_gold(self) -> "Text":
        """The same text as prediction sees it."""
        return self._replace(label=None)


class Document(NamedTuple):
    """A text to learn the language from: whatever is hidden of it is its own gold."""

    text: str
    id: str = ""

    @classmethod
    def of(cls, value: "Document | str") -> "Document":
        """An example from a text."""
        return value if isinstance(value, Document) else cls(value)

    def without_gold(self) -> "Document":
        """The same document: nothing of it is hidden yet."""
        return self


class Answer(NamedTuple):
    """Characters `start` to `start + len(text)` of a context."""

    text: str
    start: int


class Question(NamedTuple):
    """A question about a context. No answers at all means that the context does not say."""

    question: str
    context: str
    answers: tuple[Answer, ...] | None = None  # gold; None: not known
    id: str = ""
    document: str = ""  # what the context is a part of: a title

    @classmethod
    def of(cls, value: "Question | Sequence[str]") -> "Question":
        """An example without gold from a (question, context) pair; ToolkitError for one text."""
        if isinstance(value, str):
            raise ToolkitError(f"{value!r}: a question alone, expected a question and its context")
        if isinstance(value, Question):
            return value
        return cls(*_two(value, "a question and its context"))

    def without_gold(self) -> "Question":
        """The same question as prediction sees it."""
        return self._replace(answers=None)


def _two(value: Sequence[str], expected: str) -> tuple[str, str]:
    parts = tuple(value) if isinstance(value, Sequence) else (value,)
    if len(parts) != 2 or not all(isinstance(part, str) for part in parts):
        raise ToolkitError(f"found {value!r}, expected {expected}")
    return parts[0], parts[1]
