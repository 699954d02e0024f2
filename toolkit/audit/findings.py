"""What an audit finds, ranked, and how one finding names examples."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

Severity = Literal["error", "warning", "note"]
RANK: tuple[Severity, ...] = ("error", "warning", "note")
MOST_SHOWN = 3  # examples of one finding
LONGEST_SHOWN = 60  # characters of a text


class Finding(NamedTuple):
    """One thing that a user should know, and a few places where it is so."""

    severity: Severity  # error: training would not start
    kind: str  # stable, for scripts
    message: str
    examples: Sequence[str] = ()


class Row(NamedTuple):
    """An example with its place."""

    split: str
    number: int  # in its split, from 1
    example: Any

    def __str__(self) -> str:
        return f"{self.split}:{getattr(self.example, 'id', '') or self.number}"


def ranked(findings: Sequence[Finding]) -> list[Finding]:
    """The worst first, else as they were found."""
    return sorted(findings, key=lambda finding: RANK.index(finding.severity))


def shown(text: str, start: int = 0) -> str:
    """A text in one short line, in quotes, from about `start` on."""
    before = "…" if start else ""
    line = before + " ".join(text[start:].split())
    return f'"{line if len(line) <= LONGEST_SHOWN else line[: LONGEST_SHOWN - 1] + "…"}"'


def difference(one: str, other: str) -> int:
    """Where to begin to show two texts, so that the first difference is seen."""
    same = next(
        (n for n, (a, b) in enumerate(zip(one, other)) if a != b), min(len(one), len(other))
    )
    if same < LONGEST_SHOWN // 2:
        return 0
    space = one.find(" ", same - LONGEST_SHOWN // 3, same)
    return space + 1 if space >= 0 else same - LONGEST_SHOWN // 3


def counted(number: int, noun: str) -> str:
    """`1 text`, `1,204 texts`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def percent(part: int, whole: int) -> str:
    """`0.93 %`; of small shares two digits that say something."""
    return f"{100 * part / whole:.2g} %" if whole and part < whole else f"{100 * bool(whole)} %"
