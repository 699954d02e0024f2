"""The page of a ladder: what each rung costs and gives, and where they differ. Reads compare.json.

`compare_page` takes the folder that `toolkit compare` leaves: `compare.json` has the figures,
the rungs' run folders the curves and the predictions.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from toolkit.cases import Case
from toolkit.errors import RunError
from toolkit.recipe.load import load_recipe
from toolkit.report import counts, plots
from toolkit.report.exhibits import exhibits
from toolkit.report.html import page
from toolkit.report.reading import cases_of, lines_of
from toolkit.runs.files import write_file

if TYPE_CHECKING:
    from markupsafe import Markup

    from toolkit.tasks.base import Task

FIGURES, PAGE = "compare.json", "compare.html"
NEEDED = ("ladder", "task", "metric", "split", "rungs")
OPTIONAL = (
    "about", "best", "cheapest_within_noise", "cost", "examples", "failed", "machine", "sentences",
    "smallest_difference",
)  # fmt: skip
# what a rung may cost: the choice, the axis, where it is in compare.json
COSTS = (
    ("training time", "seconds of training (mean over seeds)", "train_seconds"),
    ("latency, one text at a time", "milliseconds a text (median)", "latency_ms.p50"),
    ("time a text, in batches", "milliseconds a text", "per_text"),
    ("parameters", "parameters", "parameters"),
    ("size on disk", "bytes", "size_bytes"),
    ("peak memory", "MB", "peak_memory_mb"),
    ("peak memory of the GPU", "MB", "peak_gpu_memory_mb"),
)

Rung = Mapping[str, Any]


class Seen(NamedTuple):
    """A rung with the predictions of its first run that has some."""

    name: str
    cases: Mapping[str, Case]


def compare_page(folder: str | Path, *, allow_code: Collection[str] = ()) -> Path:
    """Write `compare.html` into the folder of a ladder; where it lies.

    RunError where there is no compare.json, or a rung's predictions are not those of its task.
    """
    folder = Path(folder)
    figures = _figures(folder / FIGURES)
    rungs: list[Rung] = figures["rungs"]
    split = figures["split"]
    task = _task(folder, rungs, tuple(allow_code))
    seen = [] if task is None else list(_seen(folder, rungs, split, task))
    path = folder / PAGE
    write_file(path, page("compare.html", **_values(folder, figures, seen)))
    return path


def read_figures(
    path: Path, command: str, needed: Sequence[str], optional: Sequence[str]
) -> dict[str, Any]:
    """The figures that a command left, with null for what they may lack. RunError for others."""
    if not path.is_file():
        raise RunError(f"{path}: is not there: {command} writes it")
    try:
        figures: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise RunError(f"{path}: is not JSON ({error})") from None
    if missing := [key for key in needed if key not in figures]:
        raise RunError(f"{path}: lacks {', '.join(missing)}")
    return {**dict.fromkeys(optional), **figures}


def _figures(path: Path) -> dict[str, Any]:
    figures = read_figures(path, "toolkit compare", NEEDED, OPTIONAL)
    for number, rung in enumerate(figures["rungs"], 1):
        lacks = [key for key in ("name", "runs", "scores", "mean") if key not in rung]
        if lacks:
            raise RunError(f"{path}: rung {number} lacks {', '.join(lacks)}")
    return figures


def _task(folder: Path, rungs: Sequence[Rung], allow_code: tuple[str, ...]) -> "Task | None":
    """The task as the first run has learned it; None where no run is left."""
    for rung in rungs:
        for run in rung.get("runs") or ():
            if (path := folder / run / "recipe.yaml").is_file():
                return load_recipe(path, allow_code=allow_code).task
    return None


def _seen(folder: Path, rungs: Sequence[Rung], split: str, task: "Task") -> "list[Seen]":
    found = []
    for rung in rungs:
        for run in rung.get("runs") or ():
            if (folder / run / f"predictions-{split}.jsonl").is_file():
                found.append(Seen(rung["name"], cases_of(folder / run, split, task)))
                break
    return found


def _values(folder: Path, figures: Mapping[str, Any], seen: Sequence[Seen]) -> dict[str, Any]:
    rungs: Sequence[Rung] = figures["rungs"]
    turns = {each.name: counts.turns_of(each.cases.values()) for each in seen}
    scores = [score for rung in rungs for score in _numbers(rung.get("scores"))]
    low, high = min(scores, default=0.0), max(scores, default=1.0)
    room = (high - low) * 0.05 or 0.01
    calibrations = {each.name: counts.calibrations_of(each.cases.values()) for each in seen}
    matrices = {name: counts.matrix_of(found) for name, found in turns.items()}
    return {
        "title": f"{figures['ladder']}: {len(rungs)} rungs",
        "stand_ins": _stand_ins(figures),
        "figures": figures,
        "rungs": rungs,
        "cost": _cost,
        "costs": _cost_plots(figures),
        "differences": _differences(rungs),
        "test_names": _test_names(rungs),
        "labels": _label_table(rungs),
        "curves": _curves(folder, rungs),
        "strip": lambda rung: plots.strip(_numbers(rung.get("scores")), low - room, high + room),
        "matrices": {
            name: (matrix, counts.confusions_of(turns[name]))
            for name, matrix in matrices.items()
            if matrix is not None
        },
        "reliability": [
            (name, kind, found, plots.reliability(f"{name}, {kind}", found))
            for name, kinds in calibrations.items()
            for kind, found in kinds.items()
        ],
        "examples": exhibits({each.name: each.cases for each in seen}),
        "unseen": [
            rung["name"] for rung in rungs if rung["name"] not in {each.name for each in seen}
        ],
        "split": figures["split"],
        "machine_text": json.dumps(figures.get("machine"), indent=2, ensure_ascii=False),
    }


def _stand_ins(figures: Mapping[str, Any]) -> list[str]:
    if not figures.get("stand_in"):
        return []
    return [str(each) for each in figures.get("stand_ins") or ["as the runs say"]]


def _numbers(values: Any) -> list[float]:
    return [value for value in values or () if value is not None]


def _cost(rung: Rung, key: str) -> float | None:
    if key == "per_text":
        speed = rung.get("texts_per_second")
        return 1000 / speed if speed else None
    name, _, part = key.partition(".")
    value = rung.get(name)
    if part:
        value = value.get(part) if value else None
    if isinstance(value, list):
        found = _numbers(value)
        value = sum(found) / len(found) if found else None
    return None if value is None else float(value)


def _cost_plots(figures: Mapping[str, Any]) -> "list[tuple[str, Markup, list[str]]]":
    """For each kind of cost a plot, and who has no such cost."""
    drawn = []
    # what the sentences mean by cheap comes first
    for name, axis, key in sorted(COSTS, key=lambda each: each[2] != figures["cost"]):
        costs = {rung["name"]: _cost(rung, key) for rung in figures["rungs"]}
        if any(costs.values()):
            spots = _spots(figures["rungs"], costs)
            title = f"{figures['metric']} on {figures['split']} against {name}"
            without = [rung for rung, cost in costs.items() if cost is None]
            plot = plots.cost_plot(title, spots, axis, figures["metric"])
            drawn.append((name, plot, without))
    return drawn


def _spots(rungs: Sequence[Rung], costs: Mapping[str, float | None]) -> list[plots.Spot]:
    found = []
    for number, rung in enumerate(rungs):
        cost, mean = costs[rung["name"]], rung.get("mean")
        if cost is None or mean is None:
            continue
        interval = rung.get("interval")
        ends = None if interval is None else (interval[0], interval[1])
        seeds = _numbers(rung.get("scores"))
        found.append(plots.Spot(rung["name"], cost, mean, ends, seeds, colour=number))
    return [
        spot._replace(is_best=not any(_beats(other, spot) for other in found)) for spot in found
    ]


def _beats(one: plots.Spot, other: plots.Spot) -> bool:
    """At most as dear, at least as good, and not equal in both."""
    return one.x <= other.x and one.y >= other.y and (one.x, one.y) != (other.x, other.y)


def _differences(rungs: Sequence[Rung]) -> list[tuple[str, Any]]:
    """Each rung against the one below it, then against the best; said once where that is one."""
    found: list[tuple[str, Any]] = []
    for key in ("difference", "to_best"):
        for rung in rungs:
            each = rung.get(key)
            if each and (rung["name"], each["to"]) not in [(name, e["to"]) for name, e in found]:
                found.append((rung["name"], each))
    return found


def _test_names(rungs: Sequence[Rung]) -> dict[str, str]:
    """What the tests are called, by the question that they answer."""
    names: dict[str, str] = {"models": "", "recipes": ""}
    for _, difference in _differences(rungs):
        for question in names:
            test = difference.get(question) or {}
            names[question] = names[question] or str(test.get("test") or "")
    return names


def _label_table(rungs: Sequence[Rung]) -> list[tuple[str, Any, list[float | None]]]:
    """Each label with its support and its F1 on each rung."""
    names = dict.fromkeys(name for rung in rungs for name in rung.get("per_label") or {})
    rows = []
    for name in names:
        found = [(rung.get("per_label") or {}).get(name) or {} for rung in rungs]
        support = next((each["support"] for each in found if "support" in each), None)
        rows.append((name, support, [each.get("f1") for each in found]))
    return rows


def _curves(folder: Path, rungs: Sequence[Rung]) -> "list[Markup]":
    """The score on the development split while the rungs learn, by epoch and by time."""
    by_epoch, by_time = [], []
    metric = "score"
    for number, rung in enumerate(rungs):
        for place, run in enumerate(rung.get("runs") or ()):
            points, times, metric = _learned(folder / run, metric)
            series = plots.Series(
                rung["name"], points, number, has_dots=place == 0, is_faint=place > 0
            )
            by_epoch.append(series)
            by_time.append(series._replace(points=times))
    return [
        plot
        for plot in (
            plots.line_plot(f"{metric} on dev by epoch", by_epoch, "epoch", metric),
            plots.line_plot(f"{metric} on dev by time", by_time, "seconds in steps", metric),
        )
        if plot
    ]


def _learned(run: Path, metric: str) -> tuple[list[plots.Point], list[plots.Point], str]:
    epochs: dict[int, float] = {}
    points, times, spent = [], [], {}
    so_far = 0.0
    for line in lines_of(run / "timing.jsonl"):
        so_far += line["seconds"]
        spent[line["step"]] = so_far
    for line in lines_of(run / "metrics.jsonl"):
        if "scores" not in line:
            epochs[line["step"]] = line.get("epoch", 0.0)
            continue
        metric = line["metric"]
        value = line["scores"].get(metric)
        if value is not None and line["step"] in epochs:
            points.append((epochs[line["step"]], value))
            if line["step"] in spent:
                times.append((spent[line["step"]], value))
    return points, times, metric
