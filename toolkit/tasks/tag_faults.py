"""What is wrong with the tags of labelled examples, in lines for whoever can mend it."""

from collections import Counter
from collections.abc import Collection, Sequence

from toolkit.examples import Tagged
from toolkit.tasks.transitions import may_follow


def unseen_labels(examples: Sequence[Tagged], labels: Collection[str]) -> list[str]:
    """Tags that are not among the labels, with how often and where first."""
    first: dict[str, str] = {}
    count: Counter[str] = Counter()
    for example in examples:
        for tag in example.tags or ():
            if tag not in labels:
                first.setdefault(tag, example.id)
                count[tag] += 1
    return [
        f"label {tag!r} ({count[tag]} times, first in sentence {place}) is not in the training "
        "split: map it with label_map, or allow it with task.allow_unseen"
        for tag, place in first.items()
    ]


def illegal_tags(examples: Sequence[Tagged]) -> list[str]:
    """Tags that IOB2 does not allow where they stand, in one line."""
    found = [
        (example.id, number + 1, tag)
        for example in examples
        for number, (tag, left) in enumerate(zip(example.tags or (), (None, *(example.tags or ()))))
        if not may_follow(tag, left)
    ]
    if not found:
        return []
    place, number, tag = found[0]
    return [
        f"tags that continue nothing ({len(found)}, first {tag!r} of word {number} in sentence "
        f"{place}) are impossible for a CRF: set data.scheme to what they are, or data.repair"
    ]
