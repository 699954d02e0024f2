"""Which tag may follow which. Spans are IOB2: I-X only goes on with an X; plain tags are free."""

from collections.abc import Iterable, Sequence


def are_spans(labels: Iterable[str]) -> bool:
    """Whether the labels are those of IOB2 spans."""
    return all(label == "O" or label[:2] in ("B-", "I-") for label in labels)


def may_follow(tag: str, left: str | None) -> bool:
    """Whether IOB2 allows the tag after `left`; None is the start of a sentence."""
    return tag[:2] != "I-" or left in (tag, "B-" + tag[2:])


def legal_transitions(labels: Sequence[str]) -> list[list[bool]]:
    """Whether each label may stand after each label, then at the start, then at the end.

    (labels + 2, labels): the rows of `heads.crf`.
    """
    is_free = not are_spans(labels)
    lefts = [*labels, None]
    rows = [[is_free or may_follow(label, left) for label in labels] for left in lefts]
    return [*rows, [True] * len(labels)]


def unreachable(labels: Sequence[str]) -> list[str]:
    """The labels that no legal sequence can hold: an I-X without its B-X."""
    if not are_spans(labels):
        return []
    return [label for label in labels if label[:2] == "I-" and "B-" + label[2:] not in labels]
