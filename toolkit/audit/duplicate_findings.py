"""What an audit says of texts that come more than once."""

import json
from collections.abc import Sequence
from typing import Any

from toolkit.audit.duplicates import DEGREES, Copies, Copy, Degree, Shared, gold_of
from toolkit.audit.findings import (
    MOST_SHOWN,
    Finding,
    Row,
    counted,
    difference,
    percent,
    shown,
)

MUCH_SHARED = 0.01  # of a split's examples: below it is worth a note only


def copy_findings(task: Any, copies: Sequence[Copies]) -> list[Finding]:
    """A sentence for each two splits that share texts, and for each split that repeats itself."""
    return [_copy_finding(task, each) for each in copies if each.total]


def _copy_finding(task: Any, copies: Copies) -> Finding:
    degrees = ", ".join(f"{len(copies.found[d]):,} {d}" for d in DEGREES if copies.found[d])
    share = percent(copies.total, copies.rows)
    examples = [
        _pair(task, copy, degree)
        for degree in DEGREES
        for copy in _longest(task, copies.found[degree])[:MOST_SHOWN]
    ]
    name, other, number = copies.split, copies.of, counted(copies.total, "example")
    if name == other:
        verb = "repeats" if copies.total == 1 else "repeat"
        message = f"{number} of {name} {verb} an earlier one ({share}: {degrees})"
        return Finding("note", "duplicates-inside", message, examples)
    message = f"{name} and {other} share {number} ({share} of {name}: {degrees})"
    if copies.total < MUCH_SHARED * copies.rows:
        return Finding("note", "duplicates-across", message, examples)
    message += f": scores on {name} count what is known by heart; take them out of {other}"
    return Finding("warning", "duplicates-across", message, examples)


def conflict_finding(task: Any, conflicts: Sequence[Sequence[Row]]) -> list[Finding]:
    """One finding for all texts with different labels."""
    if not conflicts:
        return []
    examples = [_conflict(task, group) for group in conflicts[:MOST_SHOWN]]
    rows = sum(map(len, conflicts))
    message = (
        f"{counted(len(conflicts), 'text')} ({counted(rows, 'example')}) with different labels: "
        "no model can have all of them right"
    )
    return [Finding("warning", "conflicting-labels", message, examples)]


def whole_text(task: Any, example: Any) -> str:
    """The texts of an example as one."""
    texts = task.texts(example)
    return " | ".join(text if isinstance(text, str) else " ".join(text) for text in texts)


def _longest(task: Any, copies: Sequence[Copy]) -> list[Copy]:
    """The longest first: of those it is most surprising that they come again."""
    return sorted(copies, key=lambda copy: -len(whole_text(task, copy.row.example)))


def _pair(task: Any, copy: Copy, degree: Degree) -> str:
    one, other = (whole_text(task, row.example) for row in (copy.of, copy.row))
    if degree != "near":
        return f"{copy.of} = {copy.row} {shown(one)}"
    start = difference(one, other)
    texts = f"{shown(one, start)} / {shown(other, start)}"
    return f"{copy.of} ~ {copy.row} (Jaccard {copy.jaccard:.2f}) {texts}"


def _conflict(task: Any, group: Sequence[Row]) -> str:
    different: dict[str, Row] = {}
    for row in group:
        different.setdefault(gold_of(task, row.example), row)
    rows = [*different.values()][:MOST_SHOWN]
    golds = [task.gold(row.example) for row in rows]
    where = ""
    if all(isinstance(gold, list) for gold in golds) and len({len(gold) for gold in golds}) == 1:
        place = next(n for n, labels in enumerate(zip(*golds)) if labels[1:] != labels[:-1])
        where = f" (label {place + 1} of {len(golds[0])})" if len(golds[0]) > 1 else ""
        golds = [gold[place] for gold in golds]
    said = ", ".join(f"{row} {_said(gold)}" for row, gold in zip(rows, golds))
    return f"{shown(whole_text(task, group[0].example))}: {said}{where}"


def _said(gold: Any) -> str:
    text = gold if isinstance(gold, str) else json.dumps(gold, ensure_ascii=False, default=str)
    return shown(text)[1:-1]


def empty_finding(rows: Sequence[Row]) -> list[Finding]:
    """One finding for all examples in which nothing stands."""
    if not rows:
        return []
    more = "" if len(rows) <= MOST_SHOWN else ", …"
    places = ", ".join(map(str, rows[:MOST_SHOWN])) + more
    message = f"{counted(len(rows), 'example')} without any text: {places}"
    return [Finding("warning", "empty-texts", message)]


def shared_findings(task: Any, parts: Sequence[Shared]) -> list[Finding]:
    """A sentence for each text of examples that two splits share."""
    return [
        Finding(
            "note",
            "shared-parts",
            f"{each.shared:,} of the {each.distinct:,} different {name_of_part(task, each.part)}s "
            f"of {each.split} ({percent(each.shared, each.distinct)}) are in {each.of} as well",
        )
        for each in parts
        if each.shared
    ]


def name_of_part(task: Any, part: int) -> str:
    """What a task calls one of the texts of an example."""
    return str(task.parts[part]) if part < len(task.parts) else f"text {part + 1}"
