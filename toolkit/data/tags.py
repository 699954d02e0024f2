"""Tag schemes: which one a file uses, what it does not allow, and its tags as IOB2.

One fact carries all of it. How a scheme spells a tag depends only on where spans open and close,
and that can be read from the tag and its two neighbours in every scheme. So a tag is wrong in a
scheme where the scheme would spell it otherwise; a file uses the scheme that would spell the
fewest of its tags otherwise; and converting is spelling anew.

Where no tag is wrong, that choice is unique. With a span in the file: E- or S- only fits BIOES,
L- or U- only BILOU, spans that all open with B- only IOB2, and B- only between neighbouring spans
of one type only IOB1. Without a span: tags that are all O are IOB2, tags without a prefix plain.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Literal

Scheme = Literal["iob1", "iob2", "bioes", "bilou", "plain"]

OUTSIDE = "O"
# In the order in which a tie is decided: a file that fits two equally badly is taken for the first.
SPAN_SCHEMES: tuple[Scheme, ...] = ("iob2", "iob1", "bioes", "bilou")
_PREFIXES = frozenset("BIESLU")
_OPENING = frozenset("BSU")  # opens a span whatever stands before
_CLOSING = frozenset("ESLU")  # closes a span whatever stands behind
# (opens, closes) -> prefix
_FOUR: dict[Scheme, dict[tuple[bool, bool], str]] = {
    "bioes": {(True, True): "S", (True, False): "B", (False, True): "E", (False, False): "I"},
    "bilou": {(True, True): "U", (True, False): "B", (False, True): "L", (False, False): "I"},
}

Triple = tuple[str, str, str]  # a tag between its neighbours; O beyond both ends of a sentence


def is_span(tag: str) -> bool:
    """Whether the tag is a prefix, a hyphen and a type, such as B-PER."""
    return len(tag) > 2 and tag[1] == "-" and tag[0] in _PREFIXES


def triples_of(tags: Sequence[str]) -> Iterator[Triple]:
    """Each tag between its neighbours."""
    return zip([OUTSIDE, *tags], tags, [*tags[1:], OUTSIDE])


@lru_cache(maxsize=1 << 16)
def spelled(triple: Triple, scheme: Scheme) -> str:
    """The middle tag as `scheme` spells it, where spans open and close as conlleval reads them.

    Conlleval (CoNLL-2000) lets a span open at B-, and at any other tag that continues nothing of
    its type. A tag without a prefix stays as it is.
    """
    left, tag, right = triple
    if not is_span(tag) or scheme == "plain":
        return tag
    opens = _opens(left, tag)
    if scheme == "iob2":
        prefix = "B" if opens else "I"
    elif scheme == "iob1":
        prefix = "B" if opens and is_span(left) and left[2:] == tag[2:] else "I"
    else:
        prefix = _FOUR[scheme][opens, not is_span(right) or _opens(tag, right)]
    return prefix + tag[1:]


def convert(tags: Sequence[str], scheme: Scheme) -> tuple[str, ...]:
    """The tags of a sentence in another scheme. Lossless where they are right in their own."""
    return tuple(spelled(triple, scheme) for triple in triples_of(tags))


def wrong_in(tags: Sequence[str], scheme: Scheme) -> list[int]:
    """The index of each tag that `scheme` does not allow where it stands."""
    if scheme == "plain":
        return []
    return [index for index, triple in enumerate(triples_of(tags)) if _is_wrong(triple, scheme)]


def why_wrong(tags: Sequence[str], index: int, scheme: Scheme) -> str:
    """What is wrong with the tag at `index`: found, expected."""
    tag = tags[index]
    if not is_span(tag):
        allowed = {"iob1": "BI", "iob2": "BI", "bioes": "BIES", "bilou": "BILU"}[scheme]
        return f"tag {tag!r}, expected O or a type behind {', '.join(f'{p}-' for p in allowed)}"
    left, _, right = list(triples_of(tags))[index]
    expected = spelled((left, tag, right), scheme)
    if expected[0] in _CLOSING and tag[0] in "BI":  # wrong for what follows it
        place = f"before {right!r}" if index + 1 < len(tags) else "at the end of a sentence"
    else:
        place = f"after {left!r}" if index else "at the start of a sentence"
    return f"{tag!r} {place}, expected {expected!r}"


def detect(sentences: Iterable[Sequence[str]]) -> Scheme:
    """The scheme of a whole file: the one that would spell the fewest of its tags otherwise.

    Plain where more kinds of tags have no prefix than have one (O is neither).
    """
    counts: Counter[Triple] = Counter()
    for tags in sentences:
        counts.update(triples_of(tags))
    kinds = {tag for _, tag, _ in counts} - {OUTSIDE}
    if sum(map(is_span, kinds)) * 2 < len(kinds):
        return "plain"
    return min(SPAN_SCHEMES, key=lambda scheme: _num_wrong(counts, scheme))


def _num_wrong(counts: Counter[Triple], scheme: Scheme) -> int:
    return sum(count for triple, count in counts.items() if _is_wrong(triple, scheme))


def _is_wrong(triple: Triple, scheme: Scheme) -> bool:
    tag = triple[1]
    if tag == OUTSIDE:
        return False
    return not is_span(tag) or spelled(triple, scheme) != tag


def _opens(left: str, tag: str) -> bool:
    """Whether a span opens at the span tag `tag`."""
    if not is_span(left) or left[2:] != tag[2:]:
        return True
    return tag[0] in _OPENING or left[0] in _CLOSING
