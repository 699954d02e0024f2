"""Scores as lines of text: a split's, each with what it is, and the table of evaluation sets."""

from collections.abc import Mapping, Sequence
from typing import Any

ABOUT = ("scheme", "mode", "unit", "average")  # of a passport, in a line


def score_lines(split: str, num: int, scores: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The scores of a split, a line each: value, interval, and what the number is."""
    header = _header(scores)
    lines = [f"{f'{split} ({num:,} examples)':29} {header}".rstrip()]
    for name, score in scores.items():
        interval = ""
        if score["interval"] is not None:
            interval = _interval(score["interval"])
        words = [str(score[key]) for key in ABOUT if score.get(key)]
        if score["value"] is None:
            words.insert(0, f"({score['reason']})")
        line = f"  {name:17} {number(score['value']):9} {interval:17} {', '.join(words)}"
        lines.append(line.rstrip())
        for kind, row in score.get("types", {}).items() if name == "f1" else ():
            lines.append(
                f"    {kind:15} {number(row['f1']):9} precision {number(row['precision'])}  "
                f"recall {number(row['recall'])}  support {row['support']}"
            )
    return lines


def set_lines(results: Mapping[str, Any]) -> list[str]:
    """The table of the evaluation sets: score, interval and gap of each; empty without sets."""
    if "transfer" not in results:
        return []
    transfer, scored = results["transfer"], {**results["splits"], **results["sets"]}
    metric, source = transfer["metric"], transfer["source"]
    header = next((_header(each["scores"]) for each in scored.values()), "").partition(" by")[0]
    lines = [f"{'evaluation sets':22} {'examples':>9}  {metric:9} {header:17} {'gap':>8}"]
    for name in dict.fromkeys([*([source] if source else []), *results["sets"]]):
        score = scored[name]["scores"].get(metric, {"value": None, "interval": None})
        interval = "" if score["interval"] is None else _interval(score["interval"])
        gap = transfer["sets"].get(name, {}).get("gap")
        label = f"{name} (source)" if name == source else name
        lines.append(
            f"  {label:20} {scored[name]['examples']:>9,}  {number(score['value']):9} "
            f"{interval:17} {_gap(gap):>8}"
        )
    mean = transfer["mean"]
    label = f"mean of {mean['sets']}"
    lines.append(f"  {label:20} {'':9}  {number(mean['value']):9} {'':17} {_gap(mean['gap']):>8}")
    if "with_source" in mean:
        lines.append(f"  {'with the source':20} {'':9}  {number(mean['with_source'])}")
    lines.append(f"  gap: {transfer['gap'].replace('the metric', metric)}")
    return [line.rstrip() for line in lines]


def number(value: float | None) -> str:
    """A score with four digits."""
    return "undefined" if value is None else f"{value:.4f}"


def _gap(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _interval(ends: Sequence[float]) -> str:
    low, high = ends
    return f"[{low:.4f}, {high:.4f}]"


def _header(scores: Mapping[str, Mapping[str, Any]]) -> str:
    """`95% interval`, and of what where it is not of examples; empty where no score has one."""
    score = next((score for score in scores.values() if score["interval"]), None)
    if score is None:
        return ""
    by_document = " by document" if score.get("resampled") == "document" else ""
    return f"{score['confidence']:.0%} interval{by_document}"
