"""What each run of a ladder scored, example by example, from the predictions that it left.

Loads no model, but where a task's records do not hold all that its scores need.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from toolkit.compare.significance import Counted
from toolkit.errors import RunError
from toolkit.evaluation.interval import Units
from toolkit.metrics.score import Score, normal
from toolkit.recipe.load import load_recipe
from toolkit.recipe.schema import Recipe
from toolkit.runs.manifest import hash_of_examples
from toolkit.runs.run import Run, folder_of
from toolkit.tasks.base import Task

_NEAR = 1e-4  # that a score may differ by, where predictions lost digits in their file


_CHANGED = "did the data change? --fresh starts over"


class Gold(NamedTuple):
    """The split that all rungs are scored on."""

    split: str
    examples: Sequence[Any]
    sha256: str


class ScoredRun(NamedTuple):
    """A finished run, and what it scored."""

    run: Run
    recipe: Recipe  # filled, with what it learned
    results: Mapping[str, Any]
    score: Score  # by the metric that the ladder compares

    @property
    def name(self) -> str:
        """The run's name."""
        return self.run.folder.name


def metric_of(recipe: Recipe) -> str:
    """The score that a (filled) recipe is judged by."""
    return recipe.evaluate.metric or recipe.task.metric


def gold_of(recipe: Recipe) -> Gold:
    """The test split of a recipe, or its development split where it has none."""
    split = "test" if recipe.data.test is not None else "dev"
    examples = recipe.data.splits(recipe.task.reads, [split])[split].examples
    return Gold(split, examples, hash_of_examples(examples))


def scored_run(recipe: Recipe, gold: Gold, allow_code: Collection[str] = ()) -> ScoredRun:
    """A finished run with its score over examples.

    RunError where its predictions are of other examples, or do not score what its results say.
    """
    run = Run(folder_of(recipe))
    filled = load_recipe(run.recipe_file, allow_code=allow_code)
    results, metric = run.results(), metric_of(filled)
    whole = type(filled.task).pack is Task.pack  # and examples are those that were read
    if whole and results["splits"][gold.split]["sha256"] != gold.sha256:
        raise RunError(f"{run.folder}: {gold.split} is other data now: {_CHANGED}")
    told = results["splits"][gold.split]["scores"]
    if metric not in told:
        raise RunError(f"{run.folder}: has no score {metric!r} on {gold.split}")
    value = told[metric]["value"]
    for look in (_read, _predicted):
        found = look(run, filled, gold, allow_code)
        if found is not None:
            score = normal(filled.task.score(*found)[metric])
            if _is_near(score.value, value):
                return ScoredRun(run, filled, results, score)
    raise RunError(
        f"{run.folder}: scores {metric} {score.value} on {gold.split} now, and {value} when it was "
        f"made: {_CHANGED}"
    )


def counted(runs: Sequence[ScoredRun], units: Units) -> Counted | None:
    """The counts of a rung's runs; None where its score is no sum over examples."""
    formula = runs[0].score.formula
    tables = [run.score.counts for run in runs]
    if formula is None or any(table is None for table in tables):
        return None
    shapes = {table.shape for table in tables if table is not None}
    if len(shapes) > 1:  # of rungs that know other labels
        return None
    return Counted(
        np.stack([units.summed(table) for table in tables if table is not None]), formula
    )


def _is_near(one: float | None, other: float | None) -> bool:
    return one == other or (one is not None and other is not None and abs(one - other) < _NEAR)


_Told = tuple[Sequence[Any], Sequence[Any]]  # examples as the model read them, predictions


def _read(run: Run, recipe: Recipe, gold: Gold, _: Collection[str]) -> _Told | None:
    """The predictions as their file has them; None where it does not hold them whole."""
    path = run.folder / f"predictions-{gold.split}.jsonl"
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except OSError as error:
        raise RunError(f"{path}: cannot be read ({error.strerror})") from None
    records = [json.loads(line) for line in lines if line]
    if len(records) != len(gold.examples):  # packed ones are others than were read
        return None
    predictions = [recipe.task.recorded(record) for record in records]
    return None if any(each is None for each in predictions) else (gold.examples, predictions)


def _predicted(run: Run, _: Recipe, gold: Gold, allow_code: Collection[str]) -> _Told:
    """What the model of the run predicts now."""
    from toolkit.predict import load

    predictor = load(run.folder, allow_code=allow_code)
    examples = predictor.pack(gold.examples)
    return examples, predictor.evaluate(examples)[1].predictions


def folder_size(folder: Path) -> int:
    """The bytes of the files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
