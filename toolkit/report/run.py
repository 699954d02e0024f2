"""The page of one run: how it trained, how good it is, what it gets wrong, what it was made of."""

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from toolkit import registry
from toolkit.cases import Case
from toolkit.errors import RunError
from toolkit.recipe.dump import dump_recipe
from toolkit.report import counts, plots
from toolkit.report.exhibits import exhibits
from toolkit.report.html import page, seconds, short
from toolkit.report.reading import RunFiles, cases_of, read_run, size_of_model
from toolkit.runs.files import write_file

if TYPE_CHECKING:
    from markupsafe import Markup

PAGE = "report.html"
ABOUT = ("scheme", "mode", "unit", "average")  # of a passport, in a cell


class ScoreRow(NamedTuple):
    """A score of a split as a row of a table."""

    split: str
    examples: int
    name: str
    value: float | None
    interval: Sequence[float] | None
    about: str
    is_main: bool


def run_page(
    folder: str | Path,
    *,
    split: str | None = None,
    audit: Mapping[str, Any] | None = None,
    allow_code: Collection[str] = (),
) -> Path:
    """Write `report.html` into the folder of a run, finished or not; where it lies.

    `split` is the one whose examples are shown (test, else dev, else an evaluation set), `audit`
    what `toolkit check` found of its data. RunError where the folder holds no run, or not that
    split's predictions.
    """
    files = read_run(folder, allow_code)
    known = files.predicted()
    if split is not None and split not in known:
        found = f"expected one of {', '.join(known)}" if known else "and it has no predictions"
        raise RunError(f"{folder}: has no predictions of {split!r}, {found}")
    shown = split or next(iter(known), None)
    cases = cases_of(files.folder, shown, files.recipe.task) if shown else {}
    path = files.folder / PAGE
    write_file(path, page("run.html", **_values(files, shown, cases, audit)))
    return path


def _values(
    files: RunFiles, split: str | None, cases: Mapping[str, Case], audit: Mapping[str, Any] | None
) -> dict[str, Any]:
    recipe, turns = files.recipe, counts.turns_of(cases.values())
    scored = files.scored().get(split or "", {})
    rows = _score_rows(files)
    numbers = [case.numbers for case in cases.values() if case.numbers is not None]
    examples = exhibits({recipe.run.name: cases})
    return {
        "title": recipe.run.name,
        "stand_ins": list(recipe.run.stand_in),
        "is_finished": files.is_finished,
        "task": registry.name_of("task", type(recipe.task)),
        "model": _model(files),
        "headline": next((row for row in rows if row.is_main and row.split == split), None),
        "confidence": recipe.evaluate.confidence,
        "facts": _facts(files),
        "scores": rows,
        "transfer": files.results.get("transfer"),
        "sets": files.results.get("sets", {}),
        "training": _training(files),
        "split": split,
        "unit": recipe.task.unit,
        "meter": plots.meter,
        "labels": counts.label_rows(
            scored.get("scores", {}),
            {} if recipe.task.unit == "question" else turns,  # no labels
        ),
        "matrix": counts.matrix_of(turns),
        "confusions": counts.confusions_of(turns),
        "number_plot": plots.scatter("Gold and prediction", numbers, "gold", "prediction"),
        "calibrations": {
            kind: (found, plots.reliability(f"Reliability over {kind}", found))
            for kind, found in counts.calibrations_of(cases.values()).items()
        },
        "examples": examples,
        "audit": audit,
        "manifest": {key: value for key, value in files.manifest.items() if key != "recipe"},
        "manifest_text": json.dumps(
            {key: value for key, value in files.manifest.items() if key != "recipe"},
            indent=2,
            ensure_ascii=False,
        ),
        "recipe_text": dump_recipe(recipe),
    }


def _model(files: RunFiles) -> str:
    model = files.recipe.model
    name = registry.name_of("model", type(model))
    checkpoint = getattr(model, "checkpoint", None)
    return f"{name} ({checkpoint})" if checkpoint else name


def _facts(files: RunFiles) -> list[tuple[str, str]]:
    facts = [("task", registry.name_of("task", type(files.recipe.task))), ("model", _model(files))]
    for name, found in files.manifest.get("data", {}).items():
        facts.append((name, f"{found.get('examples', 0):,} examples"))
    if size := size_of_model(files.folder):
        facts.append(("size", f"{short(size[0])} parameters, {size[1] / 1e6:.3g} MB"))
    if files.steps:
        trained = f"{files.steps[-1]['step']:,} steps, {files.steps[-1].get('epoch', 0):.3g} epochs"
        facts.append(("trained", trained))
    if files.seconds:
        facts.append(
            (
                "time in steps" if files.steps else "time to learn",
                seconds(sum(files.seconds.values())),
            )
        )
    best = files.results.get("best") or {}
    if best.get("split") and best.get("step"):
        facts.append(("best on dev", f"step {best['step']:,}"))
    if left := files.results.get("steps_left_out"):
        facts.append(("steps left out", f"{left:,}: not finite"))
    return facts


def _score_rows(files: RunFiles) -> list[ScoreRow]:
    return [
        ScoreRow(
            split=split,
            examples=scored["examples"],
            name=name,
            value=score["value"],
            interval=score["interval"],
            about=_about(score),
            is_main=name == files.metric,
        )
        for split, scored in sorted(files.scored().items(), key=lambda each: each[0] != "test")
        for name, score in scored["scores"].items()
    ]


def _about(score: Mapping[str, Any]) -> str:
    """What a score is, and why it is undefined where it is."""
    words = [str(score[key]) for key in ABOUT if score.get(key)]
    if score["value"] is None and score.get("reason"):
        words.insert(0, str(score["reason"]))
    return ", ".join(words)


def _training(files: RunFiles) -> "list[Markup]":
    """The plots of training that there is something for: none of what learns in one go."""
    if not files.steps:
        return []
    losses = [*_points(files.steps, "loss")]
    dev = _points(files.evaluations, "loss")
    metric = next((line["metric"] for line in files.evaluations), files.metric)
    scores = [
        (line["step"], line["scores"][metric])
        for line in files.evaluations
        if line["scores"].get(metric) is not None
    ]
    speed = [
        (line["step"], line["num_tokens"] / files.seconds[line["step"]])
        for line in files.steps
        if files.seconds.get(line["step"]) and "num_tokens" in line
    ]
    curve = [
        plots.Series("train", plots.binned(losses)),
        plots.Series("dev", dev, 1, has_dots=True),
    ]
    found = [
        plots.line_plot("Loss", curve, "step", "mean over targets"),
        plots.line_plot(
            f"{metric} on dev", [plots.Series(metric, scores, 1, has_dots=True)], "step", metric
        ),
        _one("Learning rate", files.steps, "learning_rate", "rate"),
        _one("Norm of the gradient", files.steps, "grad_norm", "before clipping"),
        plots.line_plot(
            "Throughput", [plots.Series("", plots.binned(speed), 2)], "step", "tokens/s"
        ),
    ]
    return [plot for plot in found if plot]


def _one(title: str, lines: Sequence[Mapping[str, Any]], key: str, name: str) -> "Markup":
    points = plots.binned(_points(lines, key))
    return plots.line_plot(title, [plots.Series(key, points, 2)], "step", name)


def _points(lines: Sequence[Mapping[str, Any]], key: str) -> list[plots.Point]:
    return [(line["step"], line[key]) for line in lines if line.get(key) is not None]
