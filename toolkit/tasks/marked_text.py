"""A text with its spans in brackets: `[Ada Lovelace](PER) lived in [London](LOC) .`"""

from collections.abc import Sequence

from toolkit.examples import Tagged
from toolkit.metrics.spans import Span


def marked_text(example: Tagged, spans: Sequence[Span]) -> str:
    """The text of the example, or where there was none its words with spaces, spans marked."""
    pieces, gaps = [], _gaps(example)
    opens = {span.start: span for span in spans}
    closes = {span.end - 1: span for span in spans}
    for place, word in enumerate(example.words):
        start = "[" if place in opens else ""
        end = f"]({closes[place].type})" if place in closes else ""
        pieces.append(f"{gaps[place]}{start}{word}{end}")
    return "".join(pieces)


def _gaps(example: Tagged) -> list[str]:
    """What stands before each word: as in the text where there was one, a space otherwise."""
    if example.text is None:
        return ["", *[" "] * (len(example.words) - 1)]
    gaps, at = [], 0
    for word in example.words:
        start = example.text.index(word, at)
        gaps.append(example.text[at:start])
        at = start + len(word)
    return gaps
