"""Spans of characters as tags of words.

The words come first and know nothing of the spans, as in prediction. A span in the middle of a
word is widened to the word; what two spans would share, only one can have.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from toolkit.data.answers import locate
from toolkit.data.marked import Span
from toolkit.data.tags import OUTSIDE
from toolkit.examples import Tagged
from toolkit.recipe.marks import shown


class _Placed(NamedTuple):
    """A span and the words it has."""

    where: str  # in the file: `entities[2]`
    span: Span
    first: int
    last: int


class Aligner(NamedTuple):
    """How spans become tags; what is mended on the way is counted."""

    label_map: Mapping[str, str]
    overlaps: Literal["fault", "longest"]
    counts: Counter[str]  # by kind of what was mended
    mapped: Counter[str]  # by type that label_map changed

    def tags(
        self, text: str, spans: Mapping[str, Span], faults: list[str]
    ) -> tuple[str, ...] | None:
        """The tags (IOB2) of a text's words; None, and the faults, where a span has one."""
        words = Tagged.of(text).words
        bounds = _bounds(text, words)
        placed: list[_Placed] = []
        wrong = []
        for where, span in spans.items():
            try:
                placed += self._placed(where, self._mended(span, text), bounds)
            except ValueError as error:
                wrong.append(f"{where}: {error}")
        kept = self._apart(placed, text, wrong)
        faults += wrong
        if wrong:
            return None
        tags = [OUTSIDE] * len(words)
        for each in kept:
            inner = [f"I-{each.span.type}"] * (each.last - each.first)
            tags[each.first : each.last + 1] = [f"B-{each.span.type}", *inner]
        return tuple(tags)

    def _mended(self, span: Span, text: str) -> Span:
        """The span inside its text, at what it says that it covers, without white space."""
        if span.text and text[max(0, span.start) : span.end] != span.text:
            answer = locate(text, span.text, span.start, self.counts)
            span = span._replace(start=answer.start, end=answer.start + len(answer.text))
        start, end = span.start, span.end
        if not 0 <= start <= end <= len(text):
            raise ValueError(f"from {start} to {end}, but the text has {len(text)} characters")
        covered = text[start:end]
        if not covered.strip():
            raise ValueError(f"from {start} to {end} is {shown(covered)}, expected a word")
        self.counts["white"] += covered != covered.strip()
        start += len(covered) - len(covered.lstrip())
        return span._replace(start=start, end=start + len(covered.strip()))

    def _placed(self, where: str, span: Span, bounds: Sequence[tuple[int, int]]) -> list[_Placed]:
        """The words of a span; none where its type is mapped to O."""
        if span.type in self.label_map:
            self.mapped[span.type] += 1
            span = span._replace(type=self.label_map[span.type])
        if span.type == OUTSIDE:
            return []
        touched = [
            word
            for word, (start, end) in enumerate(bounds)
            if start < span.end and span.start < end
        ]
        first, last = touched[0], touched[-1]
        self.counts["cut"] += (bounds[first][0], bounds[last][1]) != (span.start, span.end)
        return [_Placed(where, span, first, last)]

    def _apart(self, placed: list[_Placed], text: str, wrong: list[str]) -> list[_Placed]:
        """The spans without those that share a word with another; a fault where that is one."""
        if self.overlaps == "longest":
            placed = sorted(placed, key=lambda each: each.span.start - each.span.end)
        owner: dict[int, _Placed] = {}  # of a word
        kept = []
        for each in placed:
            words = range(each.first, each.last + 1)
            other = next((owner[word] for word in words if word in owner), None)
            if other is None:
                kept.append(each)
                owner.update(dict.fromkeys(words, each))
            elif (other.first, other.last, other.span.type) == (
                each.first,
                each.last,
                each.span.type,
            ):
                self.counts["twice"] += 1
            elif self.overlaps == "longest":
                self.counts["overlap"] += 1
            else:
                one, two = (shown(text[span.start : span.end]) for span in (each.span, other.span))
                wrong.append(f"{each.where}: {one} shares a word with {two} ({other.where})")
        return kept


def _bounds(text: str, words: Sequence[str]) -> list[tuple[int, int]]:
    """Where each word begins and ends; only white space lies between two."""
    bounds = []
    at = 0
    for word in words:
        start = text.index(word, at)
        at = start + len(word)
        bounds.append((start, at))
    return bounds
