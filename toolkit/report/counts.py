"""What is counted over cases: what was taken for what, each label's scores, whether odds hold."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from toolkit.cases import Case, Turn
from toolkit.metrics.calibration import Calibration, calibration

MOST_LABELS = 20  # of a matrix, those with the most errors
MOST_CONFUSIONS = 30  # of the list
MOST_COUNTED = 300  # labels of a table that no score brings along
OTHER, MISSED, INVENTED, BOUNDARIES = "others", "missed", "invented", "other boundaries"


class Cell(NamedTuple):
    """How often something of the row was taken for the column."""

    num: int
    share: float  # of the row, in [0, 1]
    is_right: bool = False


class Matrix(NamedTuple):
    """What was taken for what: gold in rows, predictions in columns."""

    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Cell]]]
    num_labels: int  # in all
    num_shown: int


class Confusion(NamedTuple):
    """One label taken for another, or missed or invented."""

    gold: str
    said: str
    num: int


def turns_of(cases: Iterable[Case]) -> Counter[Turn]:
    """How often what was taken for what."""
    return Counter(turn for case in cases for turn in case.turns)


def matrix_of(turns: Mapping[Turn, int], most: int = MOST_LABELS) -> Matrix | None:
    """The confusion matrix; None where nothing is labelled.

    Of many labels those with the most errors have rows, and the others share one.
    """
    errors: Counter[str] = Counter()
    for turn, count in turns.items():
        for label in {turn.gold, turn.said} - {None}:
            errors[label] += count * (turn.gold != turn.said or not turn.is_exact)  # type: ignore[index]
    if not errors:
        return None
    shown = sorted(sorted(errors, key=lambda label: (-errors[label], label))[:most])
    others = [OTHER] if len(errors) > len(shown) else []
    kept = set(shown)
    table: Counter[tuple[str, str]] = Counter()
    for turn, count in turns.items():
        table[_row(turn, kept), _column(turn, kept)] += count
    extra = [name for name in (BOUNDARIES, MISSED) if any(column == name for _, column in table)]
    names = [*shown, *others]
    columns = [*names, *extra]
    gold = {row for row, _ in table}
    rows = [name for name in (*names, INVENTED) if name in gold]
    return Matrix(
        columns, [(row, _cells(table, row, columns)) for row in rows], len(errors), len(shown)
    )


def _row(turn: Turn, kept: Collection[str]) -> str:
    if turn.gold is None:
        return INVENTED
    return turn.gold if turn.gold in kept else OTHER


def _column(turn: Turn, kept: Collection[str]) -> str:
    if turn.said is None:
        return MISSED
    if turn.gold == turn.said and not turn.is_exact:
        return BOUNDARIES
    return turn.said if turn.said in kept else OTHER


def _cells(table: Mapping[tuple[str, str], int], row: str, columns: Sequence[str]) -> list[Cell]:
    counts = [table.get((row, column), 0) for column in columns]
    total = sum(counts) or 1
    return [Cell(n, n / total, row == column) for n, column in zip(counts, columns, strict=True)]


def confusions_of(turns: Mapping[Turn, int]) -> list[Confusion]:
    """What was taken for what most often, errors only."""
    found = [
        Confusion(
            INVENTED if turn.gold is None else turn.gold,
            MISSED if turn.said is None else turn.said if turn.is_exact else BOUNDARIES,
            count,
        )
        for turn, count in turns.items()
        if turn.gold != turn.said or not turn.is_exact
    ]
    return sorted(found, key=lambda each: (-each.num, each.gold, each.said))[:MOST_CONFUSIONS]


def label_rows(scores: Mapping[str, Any], turns: Mapping[Turn, int]) -> dict[str, dict[str, Any]]:
    """Precision, recall, F1 and support of each label: as the run scored them, else as counted.

    Of very many labels (pieces of a vocabulary) nothing is counted.
    """
    for score in scores.values():
        for key in ("types", "per_label"):
            rows = score.get(key) if isinstance(score, Mapping) else None
            if rows and all(isinstance(row, Mapping) and "f1" in row for row in rows.values()):
                return {str(name): dict(row) for name, row in rows.items()}
    return _counted(turns)


def _counted(turns: Mapping[Turn, int]) -> dict[str, dict[str, Any]]:
    right: Counter[str] = Counter()
    gold: Counter[str] = Counter()
    said: Counter[str] = Counter()
    for turn, count in turns.items():
        if turn.gold is not None:
            gold[turn.gold] += count
        if turn.said is not None:
            said[turn.said] += count
        if turn.gold is not None and turn.gold == turn.said and turn.is_exact:
            right[turn.gold] += count
    if len({*gold, *said}) > MOST_COUNTED:
        return {}
    return {
        name: {
            "f1": 2 * right[name] / (gold[name] + said[name]),
            "precision": right[name] / said[name] if said[name] else None,
            "recall": right[name] / gold[name] if gold[name] else None,
            "support": gold[name],
        }
        for name in sorted({*gold, *said})
    }


def calibrations_of(cases: Collection[Case]) -> dict[str, Calibration]:
    """Whether probabilities hold, for each kind of thing that has them."""
    kinds = dict.fromkeys(kind for case in cases for kind in case.chances)
    found = {
        kind: calibration(pair for case in cases for pair in case.chances.get(kind, ()))
        for kind in kinds
    }
    return {kind: each for kind, each in found.items() if each is not None}
