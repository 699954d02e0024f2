"""Tagged sentences as a person reads them: spans found, missed, invented and confused."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from toolkit.cases import Case, Mark, Passage, Turn
from toolkit.metrics.spans import Span, spans_of


def span_case(record: Mapping[str, Any]) -> Case:
    """A sentence with spans. A span is as sure as the least sure of its words."""
    words: Sequence[str] = record["words"]
    places = _places(words)
    guess, scores = spans_of(record["prediction"]), record.get("score")
    said = tuple(_named(span, words) for span in guess)
    if record.get("gold") is None:
        marks = _marks(places, [("right", guess)])
        return Case((Passage("words", " ".join(words), marks),), None, said, None, None)
    truth = spans_of(record["gold"])
    both = set(truth) & set(guess)
    wrong, missed = [s for s in guess if s not in both], [s for s in truth if s not in both]
    groups = [("right", [s for s in truth if s in both]), ("wrong", wrong), ("missed", missed)]
    turns = [Turn(span.type, span.type) for span in both] + _turns(missed, wrong)
    chances: dict[str, list[tuple[float, bool]]] = {}
    if scores:
        tags = zip(scores, record["prediction"], record["gold"], strict=True)
        chances["words"] = [(score, tag == gold) for score, tag, gold in tags]
        chances["predicted spans"] = [(_sure(scores, span), span in both) for span in guess]
    odd = [*wrong, *missed] or list(both)
    sure = max((_sure(scores, span) for span in odd), default=None) if scores else None
    return Case(
        (Passage("words", " ".join(words), _marks(places, groups)),),
        tuple(_named(span, words) for span in truth),
        said,
        not wrong and not missed,
        sure,
        sure or 0.0,
        tuple(turns),
        chances,
    )


def tag_case(record: Mapping[str, Any]) -> Case:
    """A sentence with a plain tag for each word; what is marked is wrong."""
    words: Sequence[str] = record["words"]
    gold, said = record.get("gold"), record["prediction"]
    if gold is None:
        return Case((Passage("words", _slashed(words, said)),), None, tuple(said), None, None)
    return compared(words, gold, said, record.get("score"), "words")


def compared(
    texts: Sequence[str],
    gold: Sequence[str],
    said: Sequence[str],
    scores: Sequence[float] | None,
    unit: str,
) -> Case:
    """A row of things, each with a label that is right or wrong; they may be the gold itself."""
    pairs = list(zip(gold, said, strict=True))
    odd = [number for number, (truth, guess) in enumerate(pairs) if truth != guess]
    places = _places(texts)
    marks = tuple(
        Mark(*places[number], said[number] + f" ≠ {gold[number]}" * (texts is not gold), "wrong")
        for number in odd
    )
    chances, sure = {}, None
    if scores:
        chances[unit] = [(s, truth == guess) for s, (truth, guess) in zip(scores, pairs)]
        sure = max((scores[number] for number in odd), default=min(scores))
    return Case(
        (Passage(unit, " ".join(texts), marks),),
        tuple(gold),
        tuple(said),
        not odd,
        sure,
        sure or 0.0,
        tuple(Turn(truth, guess) for truth, guess in pairs),
        chances,
    )


def _turns(missed: Sequence[Span], wrong: Sequence[Span]) -> list[Turn]:
    """Who was taken for whom: spans that overlap, the largest overlaps first, each once."""
    pairs = [(_shared(a, b), a.type == b.type, -a.start, a, b) for a in missed for b in wrong]
    turns, taken = [], set()
    for shared, is_same, _, gold, said in sorted(pairs, reverse=True):
        if shared and gold not in taken and (said, "said") not in taken:
            taken |= {gold, (said, "said")}
            turns.append(Turn(gold.type, said.type, is_exact=not is_same))
    turns += [Turn(span.type, None) for span in missed if span not in taken]
    return turns + [Turn(None, span.type) for span in wrong if (span, "said") not in taken]


def _shared(one: Span, other: Span) -> int:
    return max(0, min(one.end, other.end) - max(one.start, other.start))


def _sure(scores: Sequence[float] | None, span: Span) -> float:
    return min(scores[span.start : span.end]) if scores else 0.0


def _named(span: Span, words: Sequence[str]) -> str:
    return f"{span.type}: {' '.join(words[span.start : span.end])}"


def _places(words: Sequence[str]) -> list[tuple[int, int]]:
    """Where each word stands in the words with spaces between."""
    places, at = [], 0
    for word in words:
        places.append((at, at + len(word)))
        at += len(word) + 1
    return places


def _marks(
    places: Sequence[tuple[int, int]], groups: Iterable[tuple[Any, Iterable[Span]]]
) -> tuple[Mark, ...]:
    return tuple(
        Mark(places[span.start][0], places[span.end - 1][1], span.type, kind)
        for kind, spans in groups
        for span in spans
    )


def _slashed(words: Sequence[str], tags: Sequence[str]) -> str:
    return " ".join(f"{word}/{tag}" for word, tag in zip(words, tags, strict=True))
