"""The table of a ladder as `compare.json` holds it: quality, cost, and what of it is chance."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any, NamedTuple

from toolkit.compare.scored import Gold, ScoredRun, counted, folder_size, metric_of
from toolkit.compare.significance import (
    LEVEL,
    POWER,
    Counted,
    Verdict,
    compare_models,
    compare_recipes,
    holm,
    mean_interval,
    smallest_difference,
)
from toolkit.compare.speed import speed_of
from toolkit.compare.worker import usage_of
from toolkit.evaluation.interval import Units
from toolkit.recipe.dump import written
from toolkit.recipe.schema import Evaluate
from toolkit.runs.sizes import num_weights

COST = "latency_ms.p50"  # of a rung, by which the Pareto front is drawn
QUESTIONS = ("models", "recipes")
PASSPORT = ("scheme", "mode", "unit", "average")


class Rung(NamedTuple):
    """A rung whose runs are all finished."""

    name: str
    runs: tuple[ScoredRun, ...]  # one a seed
    counted: Counted | None  # None: its score is no sum over examples

    @property
    def seeds(self) -> list[int]:
        """The seeds of its runs."""
        return [run.recipe.train.seed for run in self.runs]

    @property
    def scores(self) -> list[float | None]:
        """The score of each run, as its results have it."""
        return [run.score.value for run in self.runs]

    @property
    def mean(self) -> float | None:
        """The mean score; None where a run has none."""
        known = [score for score in self.scores if score is not None]
        return mean(known) if known and len(known) == len(self.runs) else None


def rung_of(name: str, runs: Sequence[ScoredRun], gold: Gold) -> Rung:
    """A rung with its runs' counts added up over what is drawn again."""
    return Rung(name, tuple(runs), counted(runs, Units.of(gold.examples)))


def comparison(rungs: Sequence[Rung], gold: Gold) -> dict[str, Any]:
    """What `compare.json` says of the rungs, but for words."""
    first = rungs[0].runs[0]
    settings = first.recipe.evaluate
    best = _best(rungs)
    described = [_described(rung, gold, settings) for rung in rungs]
    _add_differences(described, "difference", _pairs_below(rungs), settings)
    _add_differences(described, "to_best", _pairs_to(best, rungs), settings)
    add_pareto(described)
    return {
        "task": written("task", first.recipe.task)["type"],
        "metric": metric_of(first.recipe),
        **passport_of(first, gold),
        "cost": COST,
        "rungs": described,
        "smallest_difference": _smallest(described),
        "best": None if best is None else best.name,
        "cheapest_within_noise": cheapest(described, best and best.name),
    }


def passport_of(run: ScoredRun, gold: Gold) -> dict[str, Any]:
    """What the scores are of."""
    return {
        "split": gold.split,
        "about": {key: run.score.about.get(key) for key in PASSPORT},
        "examples": len(gold.examples),
        "confidence": run.recipe.evaluate.confidence,
        "resampled": Units.of(gold.examples).kind,
    }


def _best(rungs: Sequence[Rung]) -> Rung | None:
    known = [rung for rung in rungs if rung.mean is not None]
    return max(known, key=lambda rung: rung.mean or 0.0) if known else None


def over_seeds(rung: Rung, settings: Evaluate) -> dict[str, Any]:
    """What the seeds of a rung scored, together and each."""
    known = [score for score in rung.scores if score is not None]
    interval = None
    if rung.counted is not None and settings.resamples:
        interval = list(mean_interval(rung.counted, settings.confidence, settings.resamples))
    return {
        "seeds": rung.seeds,
        "runs": [run.name for run in rung.runs],
        "scores": rung.scores,
        "mean": rung.mean,
        "std": stdev(known) if len(known) > 1 else None,
        "interval": interval,
    }


def _described(rung: Rung, gold: Gold, settings: Evaluate) -> dict[str, Any]:
    return {
        "name": rung.name,
        "model": written("model", rung.runs[0].recipe.model),
        **over_seeds(rung, settings),
        "dev_scores": _dev_scores(rung),
        "all_scores": _all_scores(rung, gold.split),
        "per_label": _per_label(rung, gold.split),
        "difference": None,
        "to_best": None,
        **_costs(rung),
    }


def _dev_scores(rung: Rung) -> list[float | None] | None:
    metric = metric_of(rung.runs[0].recipe)
    splits = [run.results["splits"].get("dev") for run in rung.runs]
    if None in splits:
        return None
    return [split["scores"].get(metric, {}).get("value") for split in splits]


def _all_scores(rung: Rung, split: str) -> dict[str, list[float | None]]:
    tables = [run.results["splits"][split]["scores"] for run in rung.runs]
    return {name: [table.get(name, {}).get("value") for table in tables] for name in tables[0]}


def _per_label(rung: Rung, split: str) -> dict[str, dict[str, Any]] | None:
    """The rows of each type or label, each number the mean over seeds."""
    tables = []
    for run in rung.runs:
        scores = run.results["splits"][split]["scores"].values()
        rows = (score.get("types") or score.get("per_label") for score in scores)
        tables.append(next((each for each in rows if _is_table(each)), None))
    if None in tables:
        return None
    labels = sorted({label for table in tables for label in table or {}})
    return {
        label: _mean_row([table[label] for table in tables if table and label in table])
        for label in labels
    }


def _is_table(rows: object) -> bool:
    return isinstance(rows, dict) and all(isinstance(row, dict) for row in rows.values())


def _mean_row(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key in rows[0]:
        known = [row[key] for row in rows if row[key] is not None]
        found[key] = (mean(known) if key != "support" else known[0]) if known else None
    return found


def _costs(rung: Rung) -> dict[str, Any]:
    """What the rung took and takes; null for what nobody measured."""
    folders = [run.run.folder for run in rung.runs]
    usages = [usage_of(folder) for folder in folders]
    speeds = (speed_of(folder) for folder in folders)
    speed: Mapping[str, Any] = next((each for each in speeds if each is not None), {})
    peaks = [usage["peak_memory_mb"] for usage in usages if "peak_memory_mb" in usage]
    gpu_peaks = [usage.get("peak_gpu_memory_mb") or 0.0 for usage in usages]
    sizes: Mapping[str, Any] = next((each for each in usages if "parameters" in each), {})
    return {
        "parameters": sizes.get("parameters", num_weights(rung.runs[0].run.model) or None),
        "parameters_trained": sizes.get("parameters_trained"),
        "train_seconds": [_train_seconds(f, u) for f, u in zip(folders, usages, strict=True)],
        "peak_memory_mb": max(peaks, default=None),
        "peak_gpu_memory_mb": max(gpu_peaks) or None,
        "texts_per_second": speed.get("texts_per_second"),
        "latency_ms": speed.get("latency_ms"),
        "batch_latency_ms": speed.get("batch_latency_ms"),
        "measured": {key: speed.get(key) for key in ("device", "precision", "busy")},
        "size_bytes": folder_size(rung.runs[0].run.model),
        "pareto": None,
    }


def _train_seconds(folder: Path, usage: Mapping[str, Any]) -> float | None:
    """Of the steps alone, interrupted or not; of a rung without steps, of the whole run."""
    path = folder / "timing.jsonl"
    if path.is_file():
        lines = path.read_text(encoding="utf-8").splitlines()
        seconds: list[float] = [json.loads(line)["seconds"] for line in lines]
        return round(sum(seconds), 3)
    found: float | None = usage.get("seconds")
    return found


class _Pair(NamedTuple):
    """Two rungs that are compared, for the row of the first."""

    row: int
    one: Rung
    other: Rung


def _pairs_below(rungs: Sequence[Rung]) -> list[_Pair]:
    return [_Pair(row, rungs[row], rungs[row - 1]) for row in range(1, len(rungs))]


def _pairs_to(best: Rung | None, rungs: Sequence[Rung]) -> list[_Pair]:
    if best is None:
        return []
    return [_Pair(row, rung, best) for row, rung in enumerate(rungs) if rung is not best]


def _add_differences(
    described: Sequence[dict[str, Any]], key: str, pairs: Sequence[_Pair], settings: Evaluate
) -> None:
    """The difference of each pair, its tests corrected for being several (Holm)."""
    for pair in pairs:
        described[pair.row][key] = _difference(pair, settings)
    for question in QUESTIONS:
        asked = [each[key][question] for each in described if each[key] and each[key][question]]
        for answer, p in zip(asked, holm([answer["p"] for answer in asked]), strict=True):
            answer["p_holm"] = p


def _difference(pair: _Pair, settings: Evaluate) -> dict[str, Any]:
    one, other = pair.one, pair.other
    value = None if one.mean is None or other.mean is None else one.mean - other.mean
    models = recipes = None
    if one.counted is not None and other.counted is not None and value is not None:
        confidence = settings.confidence
        resamples = settings.resamples or Evaluate().resamples
        models = _answer(
            compare_models(one.counted, other.counted, confidence=confidence, resamples=resamples)
        ) | {"seed": one.seeds[0]}
        if len(one.runs) > 1 and len(other.runs) > 1:
            recipes = _answer(compare_recipes(one.counted, other.counted, confidence=confidence))
    return {"to": other.name, "value": value, "models": models, "recipes": recipes}


def _answer(verdict: Verdict) -> dict[str, Any]:
    return {
        "test": verdict.test,
        "value": verdict.value,
        "p": verdict.p,
        "p_holm": None,
        "interval": list(verdict.interval),
        "smallest": smallest_difference(verdict.error, verdict.freedom),
    }


def _smallest(described: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What this test set can show between neighbours, typically: the median over them."""
    found: dict[str, Any] = {}
    for question in QUESTIONS:
        pairs = (each["difference"] for each in described if each["difference"])
        smallest = (pair[question]["smallest"] for pair in pairs if pair[question])
        known = [each for each in smallest if each is not None]
        found[question] = median(known) if known else None
    return found | {"power": POWER, "level": LEVEL}


def cost_of(rung: Mapping[str, Any]) -> float | None:
    """What a rung costs: milliseconds for a text."""
    latency = rung["latency_ms"]
    return None if latency is None else float(latency["p50"])


def add_pareto(described: Sequence[dict[str, Any]]) -> None:
    """A rung is on the front where none is at least as good and at least as quick, and more."""
    points = [(each["mean"], cost_of(each)) for each in described]
    for each, (score, cost) in zip(described, points, strict=True):
        if score is None or cost is None:
            continue
        each["pareto"] = not any(
            other_score >= score
            and other_cost <= cost
            and (other_score, other_cost) != (score, cost)
            for other_score, other_cost in points
            if other_score is not None and other_cost is not None
        )


def within_noise(rung: Mapping[str, Any]) -> bool | None:
    """Whether a rung does not differ from the best; None where nothing says so.

    p is that of the recipes, or of the models where there is one seed. It is not corrected: a
    correction makes it easier to find no difference, and that is what is claimed here.
    """
    difference = rung["to_best"]
    if difference is None:
        return True
    answer = difference["recipes"] or difference["models"]
    return None if answer is None else answer["p"] >= LEVEL


def cheapest(described: Sequence[Mapping[str, Any]], best: str | None) -> str | None:
    """The quickest rung within noise of the best; None where the best was not measured."""
    costs = {each["name"]: cost_of(each) for each in described if within_noise(each)}
    known = {name: cost for name, cost in costs.items() if cost is not None}
    return min(known, key=lambda name: known[name]) if best in known else None
