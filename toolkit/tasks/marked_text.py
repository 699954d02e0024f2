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


def places_of(example: Tagged) -> list[tuple[int, int]] | None:
    """Where each word begins and ends in the text; None where the words do not spell it.

    The text of a CoNLL-U sentence has *im* where its words are *in dem*.
    """
    if example.text is None:
        return None
    places, at = [], 0
    for word in example.words:
        start = example.text.find(word, at)
        if start < 0 or example.text[at:start].strip():
            return None
        at = start + len(word)
        places.append((start, at))
    return None if example.text[at:].strip() else places


def _gaps(example: Tagged) -> list[str]:
    """What stands before each word: as in the text where it is spelled, a space otherwise."""
    places = places_of(example)
    if example.text is None or places is None:
        return ["", *[" "] * (len(example.words) - 1)]
    ends = [0, *(end for _, end in places)]
    return [example.text[end:start] for end, (start, _) in zip(ends, places)]
