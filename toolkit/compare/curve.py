"""A learning curve: a recipe on nested parts of its training data, and what more would bring.

Every size keeps the recipe as it is: the same passes over less data, and the labels of the whole.
"""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.compare.comparison import Rung, over_seeds, passport_of, rung_of
from toolkit.compare.job import Compared, Options, machine_of, run_rungs
from toolkit.compare.ladder import Ladder
from toolkit.compare.power_law import FEWEST, FEWEST_WITH_FLOOR, Laws, drawn_errors, fitted
from toolkit.compare.runner import Event
from toolkit.compare.scored import Gold, gold_of, metric_of
from toolkit.compare.words import about, markdown_table
from toolkit.data.take import Take
from toolkit.errors import RecipeError
from toolkit.evaluation.interval import Array, drawn_times
from toolkit.recipe.load import load_recipe
from toolkit.recipe.schema import Recipe
from toolkit.runs import files
from toolkit.runs.lock import locked
from toolkit.standin import ready

NAME = "curve.json"
HALVINGS = 4  # of the training data, where no sizes are given
SMALLEST = 16  # examples
DRAWS = 1000  # of the intervals
NO_LAW = 2.5  # standard errors: a point farther than this from the law is not on it


def read_curve(
    source: str | Path,
    *overrides: str,
    sizes: Sequence[int] = (),
    seeds: Sequence[int] = (1, 2, 3),
    allow_code: Collection[str] = (),
    stand_in: bool = False,
) -> Ladder:
    """A recipe on parts of its training data, a rung a size; RecipeError where that is wrong."""
    recipe = load_recipe(source, *overrides, allow_code=allow_code)
    overridden = {override.partition("=")[0] for override in overrides}
    recipe = ready(recipe, stand_in=stand_in, overridden=overridden)
    if recipe.data.take is not None:
        raise RecipeError("data.take: leave it out: a curve takes parts itself")
    examples = recipe.data.splits(recipe.task.reads, ["train"])["train"].examples
    recipe = recipe.model_copy(update={"task": recipe.task.learn(examples)})
    name = f"{recipe.run.name}-curve"
    folder = Path(recipe.run.folder) / name
    rungs = {
        f"n{size}": tuple(_part(recipe, size, len(examples), seed, folder) for seed in seeds)
        for size in _checked(sizes, len(examples), seeds)
    }
    return Ladder(name, folder, rungs, None)


def _checked(sizes: Sequence[int], number: int, seeds: Sequence[int]) -> list[int]:
    """The sizes from the smallest up: halves of the whole where none are given."""
    halves = [round(number / 2**step) for step in range(HALVINGS, -1, -1)]
    found = sorted(set(sizes)) or [size for size in halves if size >= SMALLEST] or [number]
    faults = [
        f"--sizes: found {size:,}, expected 1 to {number:,}, the examples that train has"
        for size in found
        if not 1 <= size <= number
    ]
    if len(set(seeds)) < len(seeds):
        faults.append("--seeds: found one twice, expected different seeds")
    if faults:
        raise RecipeError(faults)
    return found


def _part(recipe: Recipe, size: int, number: int, seed: int, folder: Path) -> Recipe:
    """The recipe on a part of its data; another seed has another part, but for the whole."""
    take = Take(examples=size, seed=seed) if size < number else None
    run = {"name": f"n{size}-seed{seed}", "folder": str(folder)}
    return recipe.model_copy(
        update={
            "data": recipe.data.model_copy(update={"take": take}),
            "train": recipe.train.model_copy(update={"seed": seed}),
            "run": recipe.run.model_copy(update=run),
        }
    )


def curve(
    ladder: Ladder, options: Options, tell: Callable[[Event], None] | None = None
) -> Compared:
    """Run what is not finished, fit the law, and write `curve.json` and `curve.md`."""
    with locked(ladder.folder):
        ran = run_rungs(ladder, options, tell or (lambda event: None))
        gold = gold_of(ladder.recipes[0])
        rungs = [rung_of(name, runs, gold) for name, runs in ran.scored(gold, options).items()]
        found = _collected(ladder, rungs, gold) | {"failed": ran.failed}
        found |= {"sentences": _sentences(found)}
        files.write_json(ladder.folder / NAME, found)
        files.write_file(ladder.folder / "curve.md", _markdown(found).encode())
    return Compared(ladder.folder, found, ran.exit_code)


def _collected(ladder: Ladder, rungs: Sequence[Rung], gold: Gold) -> dict[str, Any]:
    first = rungs[0].runs[0]
    points = [_point(rung) for rung in rungs]
    law = _law(rungs, first.recipe.evaluate.confidence)
    farthest = None if law is None else law["fit"]["farthest"]
    if farthest is not None and farthest > NO_LAW:
        law = None
    return {
        "curve": ladder.name,
        "stand_in": bool(ladder.stand_ins),
        "stand_ins": ladder.stand_ins,
        "metric": metric_of(first.recipe),
        **passport_of(first, gold),
        "points": points,
        "fit": law and law["fit"],
        "doubling": law and law["doubling"],
        "farthest": farthest,
        "machine": machine_of(rungs),
    }


def _point(rung: Rung) -> dict[str, Any]:
    return {"size": int(rung.name[1:]), **over_seeds(rung, rung.runs[0].recipe.evaluate)}


def _law(rungs: Sequence[Rung], confidence: float) -> dict[str, Any] | None:
    """The law of the errors and what doubling the data would bring; None where none is fitted."""
    known = [rung for rung in rungs if rung.mean is not None]
    if len(known) < FEWEST or any(len(rung.runs) < 2 for rung in known):
        return None
    sizes = np.array([float(rung.name[1:]) for rung in known])
    errors = np.array([[1 - (score or 0.0) for score in rung.scores] for rung in known])
    means, variances = errors.mean(axis=1), errors.var(axis=1, ddof=1)
    weights = 1 / np.maximum((variances + variances.mean()) / 2, 1e-8)
    draws = drawn_errors(means, variances, errors.shape[1], _examples(known), DRAWS)
    best = fitted(sizes, means[None], weights)
    laws = fitted(sizes, draws, weights)
    tail = (1 - confidence) / 2

    def ends(values: Array) -> list[float]:
        return [float(end) for end in np.quantile(values, [tail, 1 - tail])]

    largest = float(sizes[-1])
    now, then = (1 - laws.error(size) for size in (largest, 2 * largest))
    here, there = (float(1 - best.error(size)[0]) for size in (largest, 2 * largest))
    return {
        "fit": {
            "law": "1 - score = a n^-b + c",
            **{key: float(value[0]) for key, value in best._asdict().items()},
            "intervals": {key: ends(value) for key, value in laws._asdict().items()},
            "has_floor": len(known) >= FEWEST_WITH_FLOOR,
            "farthest": _farthest(best, sizes, errors),  # mean from the law, in standard errors
            "line": _line(sizes, best, laws, ends),
        },
        "doubling": {
            "from": int(largest),
            "to": int(2 * largest),
            "score": there,
            "interval": ends(then),
            "gain": there - here,
            "gain_interval": ends(then - now),
        },
    }


def _farthest(best: Laws, sizes: Array, errors: Array) -> float:
    """The farthest that a mean lies from the law, in standard errors of its seeds."""
    expected = np.array([best.error(size)[0] for size in sizes])
    variances = errors.var(axis=1, ddof=1)
    error = np.sqrt((variances + variances.mean()) / 2 / errors.shape[1])
    return float((abs(errors.mean(axis=1) - expected) / np.maximum(error, 1e-8)).max())


def _line(
    sizes: Array, best: Laws, laws: Laws, ends: Callable[[Array], list[float]]
) -> list[dict[str, Any]]:
    """The law from the smallest size to twice the largest, for whoever draws it."""
    places = np.geomspace(sizes[0], 2 * sizes[-1], 25)
    return [
        {
            "size": float(size),
            "score": float(1 - best.error(size)[0]),
            "interval": ends(1 - laws.error(size)),
        }
        for size in places
    ]


def _examples(rungs: Sequence[Rung]) -> Array | None:
    """What other test examples would add to each mean error, the same ones for all sizes."""
    if any(rung.counted is None for rung in rungs):
        return None
    found: list[Array] = []
    tables = [rung.counted for rung in rungs if rung.counted is not None]
    for times in drawn_times(tables[0].counts.shape[1], DRAWS):
        means = [
            np.mean([table.formula(times @ each) for each in table.counts], axis=0)
            for table in tables
        ]
        found.append(np.stack(means, axis=1))  # (some draws, sizes)
    drawn = np.concatenate(found)
    errors: Array = drawn.mean(axis=0) - drawn
    return errors


def _sentences(found: dict[str, Any]) -> list[str]:
    said = [f"STAND-IN, not the recipe's own result: {'; '.join(found['stand_ins'])}."]
    said = said if found["stand_in"] else []
    said += [
        f"{each['run']} failed ({each['fault']}): its size is left out." for each in found["failed"]
    ]
    fit, doubling, metric = found["fit"], found["doubling"], found["metric"]
    if found["farthest"] is None:
        return [*said, "A law wants three sizes and two seeds at least: none is fitted."]
    if fit is None:
        here, there = [point for point in found["points"] if point["mean"] is not None][-2:]
        return [
            *said,
            f"The points follow no power law (one is {found['farthest']:.1f} standard errors off), "
            "as where small parts are too few to learn from: no forecast. "
            f"From {here['size']:,} to {there['size']:,} examples {metric} went from "
            f"{here['mean']:.4f} to {there['mean']:.4f}.",
        ]
    low, high = doubling["interval"]
    less, more = doubling["gain_interval"]
    floor = f" + {fit['c']:.3g}" if fit["has_floor"] else ""
    said.append(f"1 - {metric} is about {fit['a']:.3g} n^-{fit['b']:.3g}{floor}.")
    said.append(
        f"If that goes on, {doubling['to']:,} examples instead of {doubling['from']:,} give "
        f"{metric} {doubling['score']:.4f} ({found['confidence']:.0%} interval {low:.4f} to "
        f"{high:.4f}), {doubling['gain']:+.4f} ({less:+.4f} to {more:+.4f})."
    )
    if more < 0.005:
        said.append("More labels of this kind would bring little: look at the data or the model.")
    return said


HEADER = ("examples", "mean", "± seeds", "interval", "scores")


def table(found: dict[str, Any]) -> list[list[str]]:
    """The rows of the table as text, the header first."""
    rows = [
        [
            f"{point['size']:,}",
            "–" if point["mean"] is None else f"{point['mean']:.4f}",
            "–" if point["std"] is None else f"{point['std']:.4f}",
            "–" if point["interval"] is None else "{:.4f} to {:.4f}".format(*point["interval"]),
            ", ".join("–" if each is None else f"{each:.4f}" for each in point["scores"]),
        ]
        for point in found["points"]
    ]
    return [list(HEADER), *rows]


def _markdown(found: dict[str, Any]) -> str:
    lines = [f"# {found['curve']}", "", about(found), "", *markdown_table(table(found)), ""]
    return "\n".join([*lines, *(f"- {sentence}" for sentence in found["sentences"]), ""])
