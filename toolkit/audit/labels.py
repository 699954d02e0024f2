"""The labels of a data set: how often each comes in each split, and which look like slips."""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from toolkit.audit.findings import Finding, counted, percent

SHORTEST = 5  # letters; shorter names differ by one letter as a rule (VB and VBD)
RARE = 0.01  # of the other label's count: a slip is rare beside what was meant
LOOKALIKES = str.maketrans("авекмнорстухіјѕԁɡαβεικνορτυχ", "abekmhopctyxijsdgaßeikvoptux")
MOST_NAMED = 8  # labels in one message


class Labels(NamedTuple):
    """The labels of each split."""

    unit: str  # what is counted: label, span, word, question
    counts: Mapping[str, Mapping[str, int]]  # split -> label -> how often, the most frequent first
    numbers: Mapping[str, Mapping[str, float]]  # split -> quartiles, where labels are numbers
    per_example: float | None  # the mean number of labels, in all splits
    score_of_always: Mapping[str, str | None]  # label -> the score that is then its share

    def total(self) -> Counter[str]:
        """How often each label comes in all splits."""
        total: Counter[str] = Counter()
        for counts in self.counts.values():
            total.update(counts)
        return total

    def known(self) -> list[str]:
        """All labels, the most frequent first."""
        return [name for name, _ in self.total().most_common()]


def labels_of(task: Any, splits: Mapping[str, Sequence[Any]]) -> Labels:
    """Count the labels of each split, or describe them where they are numbers."""
    counts: dict[str, dict[str, int]] = {}
    numbers: dict[str, dict[str, float]] = {}
    total = 0
    for name, examples in splits.items():
        found = [label for example in examples for label in task.labels_of(example)]
        total += len(found)
        values = [label for label in found if isinstance(label, float)]
        if values:
            numbers[name] = quartiles(values)
        counter = Counter(label for label in found if not isinstance(label, float))
        counts[name] = dict(sorted(counter.items(), key=lambda item: (-item[1], item[0])))
    rows = sum(map(len, splits.values()))
    known = {label for each in counts.values() for label in each}
    scores = {label: task.score_of_always(label) for label in known}
    return Labels(task.unit, counts, numbers, total / rows if rows else None, scores)


def quartiles(values: Sequence[float]) -> dict[str, float]:
    """Count, mean, least, quartiles and greatest of some numbers."""
    import numpy as np

    names = ("min", "lower_quartile", "median", "upper_quartile", "max")
    points = np.quantile(values, (0, 0.25, 0.5, 0.75, 1))
    spread = {name: float(point) for name, point in zip(names, points, strict=True)}
    return {"count": len(values), "mean": float(np.mean(values)), **spread}


def label_findings(labels: Labels) -> list[Finding]:
    """Labels that a split lacks, that look like slips of others, and one that outweighs all."""
    return [*_absent(labels), *_slips(labels), *_majority(labels)]


def typos(counts: Mapping[str, int]) -> list[tuple[str, str]]:
    """(odd, meant): labels that are spelled almost as a more frequent one.

    Equal but for case, separators and look-alike letters, however often both come; or one slip
    (a letter wrong, missing, too many, or two swapped) away and rare beside it. Different digits
    are different names.
    """
    found = []
    names = sorted(counts, key=lambda name: (-counts[name], name))
    folds = {name: folded(name) for name in names}
    by_key: dict[str, list[str]] = {}  # what is left of a name without one letter -> names
    seen: dict[str, str] = {}
    for name in names:
        fold = folds[name]
        if fold and fold in seen:
            found.append((name, seen[fold]))
            continue
        seen[fold] = name
        keys = {fold, *(fold[:place] + fold[place + 1 :] for place in range(len(fold)))}
        near = dict.fromkeys(other for key in keys for other in by_key.get(key, ()))
        for other in near:
            if counts[name] <= RARE * counts[other] and is_slip(fold, folds[other]):
                found.append((name, other))
                break
        for key in keys:
            by_key.setdefault(key, []).append(name)
    return found


def folded(label: str) -> str:
    """A label without what the eye passes over: case, separators, accents, look-alikes."""
    letters = unicodedata.normalize("NFKD", label).casefold().translate(LOOKALIKES)
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return re.sub(r"(?<=\w)[\s_\-./]+(?=\w)", "", plain.strip().strip("\u200b\ufeff_-."))


def is_slip(one: str, other: str) -> bool:
    """Whether one letter was mistyped, left out, added, or swapped with the next."""
    if min(len(one), len(other)) < SHORTEST or _digits(one) != _digits(other):
        return False
    start = next((n for n, (a, b) in enumerate(zip(one, other)) if a != b), None)
    if start is None:
        return abs(len(one) - len(other)) == 1
    if start == 0:  # nsubj and csubj: a first letter is seldom mistyped
        return False
    a, b = one[start:], other[start:]
    swapped = a[:2] == b[1::-1] and a[2:] == b[2:] and len(b) > 1
    return a[1:] == b[1:] or a[1:] == b or a == b[1:] or swapped


def _digits(label: str) -> str:
    return "".join(letter for letter in label if letter.isdigit())


def _absent(labels: Labels) -> list[Finding]:
    known = labels.known()
    found = []
    for name, counts in labels.counts.items():
        absent = [label for label in known if label not in counts]
        if not absent or (not counts and name in labels.numbers):
            continue
        few = name == "train"
        message = (
            f"{name} lacks {len(absent)} of {counted(len(known), 'label')}: {_named(absent)}"
            + (", which cannot be learned" if few else ", whose score there is undefined")
        )
        found.append(Finding("warning" if few else "note", "absent-labels", message))
    return found


def _slips(labels: Labels) -> list[Finding]:
    total = labels.total()
    pairs = typos(total)
    if not pairs:
        return []
    examples = [
        f"{odd!r} ({counted(total[odd], labels.unit)}) for {meant!r} ({total[meant]:,})"
        + f", in {', '.join(name for name, counts in labels.counts.items() if odd in counts)}"
        for odd, meant in pairs[:MOST_NAMED]
    ]
    message = (
        f"{counted(len(pairs), 'label')} may be a slip for another: if so, mend the files or "
        "map them with data.label_map"
    )
    return [Finding("warning", "label-typos", message, examples)]


def _majority(labels: Labels) -> list[Finding]:
    if labels.per_example != 1.0 or labels.numbers:
        return []  # several labels or none: no single answer is the commonest
    name = next((name for name in ("test", "dev", "train") if labels.counts.get(name)), None)
    if name is None:
        return []
    counts = labels.counts[name]
    label, most = next(iter(counts.items()))
    total = sum(counts.values())
    score = labels.score_of_always[label]
    if len(counts) < 2 or 2 * most <= total or score is None:
        return []
    share = percent(most, total)
    message = f"always answering {label!r} is right in {share} of {name}: compare {score} with it"
    return [Finding("note", "majority-label", message)]


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more
