"""Scores as lines of text: a split's, each with what it is, and the table of evaluation sets."""

from collections.abc import Mapping, Sequence
from typing import Any

from toolkit.data.text import counted

ABOUT = ("scheme", "mode", "unit", "average")  # of a passport, in a line


def score_lines(split: str, num: int, scores: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The scores of a split, a line each: value, interval, and what the number is."""
    header = _header(scores)
    width = max([17, *map(len, scores)])
    title = f"{split} ({counted(num, 'example')})"
    lines = [f"{title:{width + 12}} {header}".rstrip()]
    for name, score in scores.items():
        interval = ""
        if score["interval"] is not None:
            interval = _interval(score["interval"])
        words = [str(score[key]) for key in ABOUT if score.get(key)]
        if score["value"] is None:
            words.insert(0, f"({score['reason']})")
        line = f"  {name:{width}} {number(score['value']):9} {interval:17} {', '.join(words)}"
        lines.append(line.rstrip())
        for kind, row in score.get("types", {}).items() if name == "f1" else ():
            lines.append(
                f"    {kind:{width - 2}} {number(row['f1']):9} "
                f"precision {number(row['precision'])}  recall {number(row['recall'])}  "
                f"support {row['support']}"
            )
    return lines


def set_lines(results: Mapping[str, Any]) -> list[str]:
    """The table of the evaluation sets: score, interval and gap of each; empty without sets."""
    if "transfer" not in results:
        return []
    transfer, scored = results["transfer"], {**results["splits"], **results["sets"]}
    metric, source, mean = transfer["metric"], transfer["source"], transfer["mean"]
    header = next((_header(each["scores"]) for each in scored.values()), "").partition(" by")[0]
    rows = [("evaluation sets", "examples", metric, header, "gap")]
    for name in dict.fromkeys([*([source] if source else []), *results["sets"]]):
        score = scored[name]["scores"].get(metric, {"value": None, "interval": None})
        label = f"  {name} (source)" if name == source else f"  {name}"
        interval = "" if score["interval"] is None else _interval(score["interval"])
        gap = _gap(transfer["sets"].get(name, {}).get("gap"))
        rows.append((label, f"{scored[name]['examples']:,}", number(score["value"]), interval, gap))
    rows.append((f"  mean of {mean['sets']}", "", number(mean["value"]), "", _gap(mean["gap"])))
    if "with_source" in mean:
        rows.append(("  with the source", "", number(mean["with_source"]), "", ""))
    name, _, value, *_ = (max(map(len, column)) for column in zip(*rows))
    lines = [
        f"{row[0]:{max(22, name)}} {row[1]:>9}  {row[2]:{max(9, value)}} {row[3]:17} {row[4]:>8}"
        for row in rows
    ]
    return [*(line.rstrip() for line in lines), f"  gap: {_about_gap(transfer)}"]


def difference_line(scored: Mapping[str, Any], results: Mapping[str, Any]) -> str:
    """The arithmetic of a score, and what it differs by from what the run says of the same data."""
    said = f"computed in {scored['precision']}"
    known = {**results["splits"], **results.get("sets", {})}
    same = ((name, each) for name, each in known.items() if each["sha256"] == scored["sha256"])
    found: tuple[str, Mapping[str, Any]] = next(same, ("", {}))
    name, before = found
    metric = results["best"]["metric"]
    old = before.get("scores", {}).get(metric, {}).get("value")
    new = scored["scores"].get(metric, {}).get("value")
    if old is None or new is None:
        return said
    at_end = f" in {before['precision']}" if "precision" in before else ""
    return f"{said}: {metric} differs by {new - old:+.4f} from the run's own on {name}{at_end}"


def _about_gap(transfer: Mapping[str, Any]) -> str:
    return str(transfer["gap"]).replace("the metric", transfer["metric"])


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
