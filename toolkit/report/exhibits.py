"""The examples that a page shows: which ones, and as what its script reads."""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from toolkit.cases import Case, Mark, Turn
from toolkit.report.html import inline_json

MOST_EXAMPLES = 1000
ROOM_OF_KEYS = 100  # bytes of the names and brackets around them
MOST_BYTES = 2_400_000  # of all that the script reads: a page stays below 3 MB
_KINDS = {"right": 0, "wrong": 1, "missed": 2}

Said = Mapping[str, Case]  # by the id of the example


class Exhibits(NamedTuple):
    """What the script reads, and how much of how many that is."""

    data: Mapping[str, Any]
    num_shown: int
    num_total: int
    has_marks: bool  # in the texts
    has_degrees: bool  # right and wrong are a matter of degree: the largest differences come first


def exhibits(said: Mapping[str, Said], *, most: int = MOST_EXAMPLES) -> Exhibits:
    """The examples, most worth reading first, with what each of some models says of them.

    Of one model its errors come first, those that it was surest of before others; of several the
    examples that they say different things of.
    """
    models = list(said)
    first = said[models[0]] if models else {}
    shared = [name for name in first if all(name in said[model] for model in models)]
    rows = {name: [said[model][name] for model in models] for name in shared}
    order = sorted(rows, key=lambda name: _rank(rows[name]), reverse=True)  # stable: file order
    table, taken = _Table(), _size(models) + ROOM_OF_KEYS
    cases: list[dict[str, Any]] = []
    for name in order[:most]:
        known = table.lengths
        case = _example(name, rows[name], table)
        taken += _size(case) + 1
        if cases and taken + table.size > MOST_BYTES:
            table.cut(*known)
            break
        cases.append(case)
    data = {
        "models": models,
        "texts": list(table.texts),
        "labels": list(table.labels),
        "cases": cases,
    }
    has_degrees = any(each.numbers is not None for row in rows.values() for each in row)
    has_marks = any(part for each in cases for answer in each["a"] for part in answer["m"])
    return Exhibits(data, len(cases), len(rows), has_marks, has_degrees)


def _rank(row: Sequence[Case]) -> tuple[int, float]:
    wrong = sum(each.is_right is False for each in row)
    if len(row) == 1:
        return wrong, row[0].order
    differ = len({(each.said, each.passages) for each in row}) > 1
    # where about half are wrong there is most to see
    return (2 if differ else 1 if wrong else 0), min(wrong, len(row) - wrong) + _spread(row)


def _spread(row: Sequence[Case]) -> float:
    numbers = [each.numbers[1] for each in row if each.numbers is not None]
    return max(numbers) - min(numbers) if numbers else 0.0


class _Table:
    """Texts and labels, each once: questions share passages, and examples labels."""

    def __init__(self) -> None:
        self.texts: dict[str, int] = {}
        self.labels: dict[str, int] = {}
        self.size = 0  # bytes of all of them, as they are written

    def text(self, text: str) -> int:
        return self._place(text, self.texts)

    def label(self, label: str) -> int:
        return self._place(label, self.labels)

    @property
    def lengths(self) -> tuple[int, int]:
        """How many texts and labels there are."""
        return len(self.texts), len(self.labels)

    def cut(self, num_texts: int, num_labels: int) -> None:
        """Forget the texts and labels that came behind so many."""
        self.texts = dict(islice(self.texts.items(), num_texts))
        self.labels = dict(islice(self.labels.items(), num_labels))

    def _place(self, text: str, known: dict[str, int]) -> int:
        if text not in known:
            self.size += _size(text) + 1
        return known.setdefault(text, len(known))


def _size(value: Any) -> int:
    """Bytes of a value as it is written into the page."""
    return len(inline_json(value).encode("utf-8", "replace"))


def _example(name: str, row: Sequence[Case], table: _Table) -> dict[str, Any]:
    """Keys are short, since there are many: id, passages, gold, answers, labels to look for."""
    first = row[0]
    labels = {label for case in row for turn in case.turns for label in _labels(turn)}
    return {
        "i": name,
        "p": [[table.label(each.name), table.text(each.text)] for each in first.passages],
        "g": None if first.gold is None else [table.label(each) for each in first.gold],
        "a": _answers(row, table),
        "t": sorted(table.label(label) for label in labels),
    }


def _labels(turn: Turn) -> set[str]:
    return {label for label in (turn.gold, turn.said) if label is not None}


def _answers(row: Sequence[Case], table: _Table) -> list[dict[str, Any]]:
    """What was said, each thing once, with who said it."""
    found: dict[Any, dict[str, Any]] = {}
    for number, case in enumerate(row):
        key = (case.said, tuple(each.marks for each in case.passages))
        if key in found:
            found[key]["n"].append(number)
            found[key]["c"].append(_rounded(case.sure))
            continue
        found[key] = {
            "n": [number],
            "s": [table.label(each) for each in case.said],
            "r": None if case.is_right is None else int(case.is_right),
            "c": [_rounded(case.sure)],
            "m": [[_mark(mark, each.text, table) for mark in each.marks] for each in case.passages],
        }
        if len(row) == 1 and case.likely:
            found[key]["l"] = [[table.label(name), _rounded(p)] for name, p in case.likely]
    return list(found.values())


def _mark(mark: Mark, text: str, table: _Table) -> list[int]:
    """A mark by the places of UTF-16, in which the script counts."""
    start, end = (mark.start, mark.end) if text.isascii() else _in_utf16(text, mark)
    return [start, end, table.label(mark.label), _KINDS[mark.kind]]


def _in_utf16(text: str, mark: Mark) -> tuple[int, int]:
    def place(at: int) -> int:
        return at + sum(sign > "\uffff" for sign in text[:at])

    return place(mark.start), place(mark.end)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
