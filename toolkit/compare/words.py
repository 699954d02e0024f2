"""A comparison in words: what differs, what the best costs, what the cheapest as good is."""

from collections.abc import Mapping, Sequence
from typing import Any

from toolkit.compare.comparison import cost_of, within_noise
from toolkit.compare.significance import LEVEL
from toolkit.compare.speed import BATCH
from toolkit.data.text import counted

P_VALUES = "; p values corrected after Holm, those of models are of the first seeds"
BUSY = 0.25  # of the machine: who measures then, measures others, too


def sentences(found: Mapping[str, Any]) -> list[str]:
    """What a reader should take from the table: the answer, then the steps from the lowest up."""
    said = [f"STAND-IN, not the ladder's own result: {'; '.join(found['stand_ins'])}."]
    said = said if found["stand_in"] else []
    said += [
        f"{each['run']} failed ({each['fault']}): {each['rung']} is left out of the table."
        for each in found["failed"]
    ]
    rungs = found["rungs"]
    said += _best(found)
    said += _missing_tests(found)
    said += [_step(rung, found) for rung in rungs if rung["difference"]]
    said += _power(found)
    busy = [rung["name"] for rung in rungs if (rung["measured"]["busy"] or 0.0) > BUSY]
    if busy:
        said.append(
            "Others computed on this machine while speed was measured, so it says little of "
            f"{', '.join(busy)}. --measure measures again."
        )
    return said


def _missing_tests(found: Mapping[str, Any]) -> list[str]:
    said = []
    single = [rung["name"] for rung in found["rungs"] if len(rung["seeds"]) < 2]
    if single:
        said.append(
            "One seed says nothing of others: there is no standard deviation, and whether recipes "
            f"differ is not asked ({', '.join(single)})."
        )
    metric = found["metric"]
    if any(rung["mean"] is None for rung in found["rungs"]):
        said.append(f"{metric} is undefined for some runs: they are not compared.")
    elif any(rung["difference"] and not rung["difference"]["models"] for rung in found["rungs"]):
        said.append(f"{metric} does not add up over examples: its differences are not tested.")
    return said


def _step(rung: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """What a rung has over the one below it."""
    difference, metric = rung["difference"], found["metric"]
    name, below = rung["name"], difference["to"]
    if difference["value"] is None:
        return f"{name} and {below} cannot be compared."
    start = f"{name} scores {_signed(difference['value'])} {metric} against {below}"
    answer = difference["recipes"] or difference["models"]
    if answer is None:
        return f"{start}."
    what = "recipes" if difference["recipes"] else "models"
    number = sum(bool(each["difference"]) for each in found["rungs"])
    corrected = f", corrected for {number} comparisons" if number > 1 else ""
    low, high = (_signed(end) for end in answer["interval"])
    if answer["p_holm"] < LEVEL:
        verdict = f"the {what} differ (p {_p(answer['p_holm'])}{corrected})"
    else:
        verdict = f"no difference between the {what} is shown (p {_p(answer['p_holm'])}{corrected})"
    return f"{start}: {verdict}; {found['confidence']:.0%} interval {low} to {high}."


def _power(found: Mapping[str, Any]) -> list[str]:
    smallest = found["smallest_difference"]
    parts = [
        f"{smallest[key]:.3f} between two {key}"
        for key in ("models", "recipes")
        if smallest[key] is not None
    ]
    if not parts:
        return []
    units = f"{found['examples']:,} examples"
    return [
        f"With {units} and these seeds, differences below {' and '.join(parts)} are found less "
        f"than {smallest['power']:.0%} of the time (neighbouring rungs, {smallest['level']:.0%} "
        "level)."
    ]


def _best(found: Mapping[str, Any]) -> list[str]:
    rungs = {rung["name"]: rung for rung in found["rungs"]}
    if found["best"] is None:
        return []
    best = rungs[found["best"]]
    spread = "" if best["std"] is None else f" ± {best['std']:.4f} over {len(best['seeds'])} seeds"
    said = [
        f"The best is {best['name']}: {found['metric']} {best['mean']:.4f}{spread}{_cost(best)}."
    ]
    others = [rung for rung in found["rungs"] if rung is not best]
    if not others:
        return said
    name = found["cheapest_within_noise"]
    if name is None:
        said.append(
            "What prediction costs was not measured, so which rung is cheapest is not said."
        )
    elif name == best["name"] and any(within_noise(rung) is None for rung in others):
        said.append(
            "Whether a cheaper rung is as good is not said: not every difference is tested."
        )
    elif name == best["name"]:
        said.append(f"No cheaper rung is within noise of {name}.")
    else:
        cheap = rungs[name]
        said.append(
            f"The cheapest rung within noise of it is {name} ({found['metric']} "
            f"{cheap['mean']:.4f}{_cost(cheap)}){_at_worst(cheap)}."
        )
    return said


def _at_worst(rung: Mapping[str, Any]) -> str:
    difference = rung["to_best"]
    answer = difference["recipes"] or difference["models"]
    low = min(answer["interval"])
    return f"; it may still be up to {-low:.4f} worse" if low < 0 else ""


def _cost(rung: Mapping[str, Any]) -> str:
    parts = []
    if rung["parameters"] is not None:
        parts.append(f"{rung['parameters']:,} parameters")
    seconds = [each for each in rung["train_seconds"] if each is not None]
    if seconds:
        parts.append(f"{_seconds(sum(seconds) / len(seconds))} of training a seed")
    cost = cost_of(rung)
    if cost is not None:
        parts.append(f"{_significant(cost)} ms a text")
    return f", {', '.join(parts)}" if parts else ""


HEADER = (
    "rung", "mean", "± seeds", "interval", "over the rung below", "models p", "recipes p",
    "parameters", "training", "memory", "texts/s", "ms a text (p50, p95)",
    f"ms of {BATCH} (p50, p95)", "size", "",
)  # fmt: skip


def table(found: Mapping[str, Any]) -> list[list[str]]:
    """The rows of the table as text, the header first."""
    return [list(HEADER), *(_row(rung, found) for rung in found["rungs"])]


def _row(rung: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    difference = rung["difference"] or {"value": None, "models": None, "recipes": None}
    seconds = [each for each in rung["train_seconds"] if each is not None]
    marks = ["best"] * (rung["name"] == found["best"])
    marks += ["within noise"] * bool(within_noise(rung) and rung["to_best"])
    marks += ["Pareto"] * bool(rung["pareto"])
    return [
        rung["name"],
        _or_dash(rung["mean"], "{:.4f}"),
        _or_dash(rung["std"], "{:.4f}"),
        "–" if rung["interval"] is None else "{:.4f} to {:.4f}".format(*rung["interval"]),
        "–" if difference["value"] is None else _signed(difference["value"]),
        *(
            "–" if not difference[key] else _p(difference[key]["p_holm"])
            for key in ("models", "recipes")
        ),
        _or_dash(rung["parameters"], "{:,}"),
        _seconds(sum(seconds) / len(seconds)) if seconds else "–",
        _memory(rung),
        _or_dash(rung["texts_per_second"], "{:,.0f}"),
        _quantiles(rung["latency_ms"]),
        _quantiles(rung["batch_latency_ms"]) + _fewer(rung["batch_latency_ms"]),
        _size(rung["size_bytes"]),
        ", ".join(marks),
    ]


def markdown(found: Mapping[str, Any]) -> str:
    """The table and the sentences as Markdown."""
    lines = [f"# {found['ladder']}", "", about(found), "", *markdown_table(table(found)), ""]
    return "\n".join([*lines, *(f"- {sentence}" for sentence in found["sentences"]), ""])


def markdown_table(rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table, its header first; what is between the outer columns is numbers."""
    header, *others = rows
    ruler = ["---", *["---:"] * (len(header) - 2), "---"]
    return [f"| {' | '.join(row)} |" for row in (header, ruler, *others)]


def about(found: Mapping[str, Any]) -> str:
    """What the numbers are."""
    what = ", ".join(str(value) for value in found["about"].values() if value)
    machine = found["machine"]
    return (
        f"{found['metric']}{f' ({what})' if what else ''} on {found['split']}, "
        f"{counted(found['examples'], 'example')}; {found['confidence']:.0%} intervals over "
        f"{found['resampled']}s{P_VALUES * ('best' in found)}. "
        f"{machine['processor']}, {machine['device']}, {counted(machine['threads'], 'thread')}."
    )


def _or_dash(value: Any, form: str) -> str:
    return "–" if value is None else form.format(value)


def _memory(rung: Mapping[str, Any]) -> str:
    """The most that a run took, in the machine's memory and in a GPU's."""
    parts = (("", rung["peak_memory_mb"]), ("GPU ", rung.get("peak_gpu_memory_mb")))
    return ", ".join(f"{where}{most:,.0f} MB" for where, most in parts if most) or "–"


def _quantiles(found: Mapping[str, Any] | None) -> str:
    return "–" if found is None else f"{_significant(found['p50'])}, {_significant(found['p95'])}"


def _fewer(found: Mapping[str, Any] | None) -> str:
    """How many texts a batch had where that is not what the header says."""
    return "" if found is None or found["batch"] == BATCH else f" of {found['batch']}"


def _significant(value: float) -> str:
    """Three digits that count."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _seconds(value: float) -> str:
    return f"{value:.1f} s" if value < 120 else f"{value / 60:,.1f} min"


def _size(value: int) -> str:
    return f"{value / 1e6:,.1f} MB" if value >= 1e5 else f"{value / 1e3:,.1f} kB"


def _signed(value: float) -> str:
    return f"{value:+.4f}"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
