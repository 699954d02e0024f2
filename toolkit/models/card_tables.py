"""The tables of a model card: data, scores with what they are, labels, evaluation sets."""

from collections.abc import Mapping
from typing import Any

MOST_LABELS = 60  # rows of the table of labels, those with the most examples
ABOUT = ("scheme", "mode", "unit", "average")


def cell(value: Any) -> str:
    """Text for a cell of a table: of one line, and no markup of its own."""
    line = " ".join(str(value).split())
    return line.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|")


def data_table(manifest: Mapping[str, Any]) -> str:
    """The splits and sets by their sizes and hashes."""
    rows = ["| split | examples | sha256 of the examples |", "|---|---|---|"]
    for name, found in {**manifest.get("data", {}), **manifest.get("sets", {})}.items():
        rows.append(f"| {cell(name)} | {found['examples']:,} | `{found['sha256']}` |")
    return "\n".join(rows) if len(rows) > 2 else "The run says nothing of its data."


def score_table(results: Mapping[str, Any]) -> str:
    """Every score with its interval and what it is; the sentence below says how it was drawn."""
    rows = [
        "| split | examples | score | value | interval | what it is |",
        "|---|---|---|---|---|---|",
    ]
    drawn = ""
    for split, scored in results["splits"].items():
        for name, score in scored["scores"].items():
            value = _number(score["value"])
            rows.append(
                f"| {cell(split)} | {scored['examples']} | {cell(name)} | {value} "
                f"| {_interval(score)} | {cell(_about(score))} |"
            )
            if score["interval"] is not None and score.get("resamples"):
                drawn = f"{score['resamples']:,} resamples by {score['resampled']}"
    table = "\n".join(rows)
    return f"{table}\n\nIntervals are of the bootstrap: {drawn}." if drawn else table


def _about(score: Mapping[str, Any]) -> str:
    words = [str(score[key]) for key in ABOUT if score.get(key)]
    if score.get("support") is not None:
        words.append(f"support {score['support']:,}")
    if score["value"] is None and score.get("reason"):
        words.insert(0, f"{score['reason']}:")
    return ", ".join(words)


def labels_of(results: Mapping[str, Any]) -> tuple[str, Mapping[str, Mapping[str, Any]]]:
    """The split that was scored last, and precision, recall, F1 and support of its labels."""
    for split in ("test", "dev"):
        for score in results["splits"].get(split, {}).get("scores", {}).values():
            for key in ("types", "per_label"):
                rows = score.get(key)
                if rows and all(isinstance(row, Mapping) for row in rows.values()):
                    return split, rows
    return "", {}


def label_table(results: Mapping[str, Any]) -> str:
    """The labels with the most examples; empty where the run scored none by itself."""
    split, labels = labels_of(results)
    if not labels:
        return ""
    rows = [f"| label, on {split} | F1 | precision | recall | support |", "|---|---|---|---|---|"]
    order = sorted(labels, key=lambda name: -labels[name]["support"])
    for name in order[:MOST_LABELS]:
        row = labels[name]
        numbers = " | ".join(_number(row[key]) for key in ("f1", "precision", "recall"))
        rows.append(f"| {cell(name)} | {numbers} | {row['support']} |")
    more = len(order) - MOST_LABELS
    left = f"\n\nAnd {more} labels with fewer examples." if more > 0 else ""
    return "\n".join(rows) + left


def set_parts(results: Mapping[str, Any]) -> list[str]:
    """The evaluation sets beside the source, and what a gap is."""
    if "transfer" not in results:
        return []
    transfer, scored = results["transfer"], {**results["splits"], **results["sets"]}
    metric, source = transfer["metric"], transfer["source"]
    about = f"`{metric}` on other data; gaps are {transfer['gap']}"
    rows = [f"| set | examples | {metric} | interval | gap |", "|---|---|---|---|---|"]
    gaps = {} if source is None else {source: None}
    gaps |= {name: found["gap"] for name, found in transfer["sets"].items()}
    for name, gap in gaps.items():
        score = scored[name]["scores"].get(metric, {"value": None, "interval": None})
        rows.append(
            f"| {name}{' (source)' * (name == source)} | {scored[name]['examples']} "
            f"| {_number(score['value'])} | {_interval(score)} | {_gap(gap)} |"
        )
    mean = transfer["mean"]
    rows.append(f"| mean of {mean['sets']} | | {_number(mean['value'])} | | {_gap(mean['gap'])} |")
    if "with_source" in mean:
        rows.append(f"| with the source | | {_number(mean['with_source'])} | | |")
    chosen = "The checkpoint was chosen on the development split of the training data alone."
    if results["best"]["split"] is None:
        chosen = "There was no development split: the last weights were taken."
    return ["## Evaluation sets", f"{about}. {chosen}", "\n".join(rows)]


def _gap(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"


def _interval(score: Mapping[str, Any]) -> str:
    if score["interval"] is None:
        return ""
    low, high = score["interval"]
    return f"{low:.4f} to {high:.4f} ({score['confidence']:.0%})"
