"""How every run ends, whoever predicts: tuned on dev, scored, its model written and sealed."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from toolkit.errors import RecipeError
from toolkit.evaluation.extra import rehearse as rehearse_metrics
from toolkit.evaluation.passport import described_split
from toolkit.evaluation.predictions import Predicted, Reader, Scorer, records_of
from toolkit.evaluation.transfer import transfer_of
from toolkit.models.card import model_card
from toolkit.runs import files, manifest
from toolkit.tasks.base import Task
from toolkit.training.events import Compared, Note, Scored
from toolkit.training.job import Job

# the predictions for examples, by the task of a reader or scorer
Say = Callable[[Any, Sequence[Any]], Predicted]
NUM_REHEARSED = 16  # examples that are scored before training


def rehearse(job: Job, say: Say, scorer: Reader | Scorer) -> None:
    """Predict and score a few examples before hours of training: do the parts fit together?"""
    few = (job.splits.get("dev") or job.splits["train"])[:NUM_REHEARSED]
    predictions = say(scorer, few).predictions
    own = scorer.own_scores(few, predictions)
    names, notes = rehearse_metrics(scorer.extra, scorer.task, own, few, predictions)
    for note in notes:
        job.tell(Note(note))
    metric = job.recipe.evaluate.metric or scorer.task.metric
    if metric not in [*own, *names] and not notes:
        known = ", ".join([*own, *names])
        raise RecipeError(f"evaluate.metric: found {metric!r}, expected one of {known}")


def tuned(job: Job, say: Say, scorer: Any) -> tuple[Job, Any]:
    """With what the task learns from the development split, such as thresholds, in the recipe."""
    if "dev" not in job.splits or type(scorer.task).tune is Task.tune:
        return job, scorer
    predicted = say(scorer, job.splits["dev"])
    task = job.processes.from_main(scorer.task.tune(job.splits["dev"], predicted.predictions))
    if task == scorer.task:
        return job, scorer
    keys = [
        key for key in type(task).model_fields if getattr(task, key) != getattr(scorer.task, key)
    ]
    what = f"{', '.join(f'task.{key}' for key in keys)} {'is' if len(keys) == 1 else 'are'}"
    job.tell(Note(f"dev: {what} tuned on it; its scores below are with what was found"))
    recipe = job.recipe.model_copy(update={"task": task})
    if job.processes.is_main:
        job.run.write_recipe(recipe)
    return job._replace(recipe=recipe), scorer._replace(task=task)


def score(
    job: Job, say: Say, scorer: Reader | Scorer, best: Mapping[str, Any], record: dict[str, Any]
) -> dict[str, Any]:
    """Score development, test and the sets with the best weights, and write their predictions.

    `best` is what the results say of how these weights were found.
    """
    recipe = job.recipe
    splits: dict[str, Any] = {}
    sets: dict[str, Any] = {}
    for name in ("dev", "test"):
        if name in job.splits:
            sha256 = record["data"][name]["sha256"]
            scored = _scored(job, say, scorer, name, job.splits[name], sha256)
            if job.processes.is_main:
                splits[name] = scored
                job.tell(Scored(name, len(job.splits[name]), scored["scores"]))
    for name, examples in job.sets.items():
        sha256 = record["sets"][name]["sha256"]
        sets[name] = _scored(job, say, scorer, name, examples, sha256)
    results = {
        "run": recipe.run.name,
        "stand_in": bool(recipe.run.stand_in),
        "stand_ins": list(recipe.run.stand_in),
        **best,
        "splits": splits,
    }
    if sets and job.processes.is_main:
        metric = recipe.evaluate.metric or recipe.task.metric
        transfer = transfer_of(splits, sets, metric, recipe.evaluate.source)
        results |= {"sets": sets, "transfer": transfer}
        job.tell(Compared(results))
    return results


def _scored(
    job: Job,
    say: Say,
    scorer: Reader | Scorer,
    name: str,
    examples: Sequence[Any],
    sha256: str,
) -> dict[str, Any]:
    """A split or set as the results have it; its predictions are written. Empty elsewhere."""
    predicted = say(scorer, examples)
    if not job.processes.is_main:
        return {}
    records = records_of(scorer.task, examples, predicted.predictions)
    job.run.write_predictions(name, records)
    return described_split(scorer, job.recipe.evaluate, examples, predicted, sha256)


def finish(
    job: Job,
    save: Callable[[Path], None],
    results: dict[str, Any],
    record: dict[str, Any],
    *,
    is_native: bool,
) -> None:
    """Commit the model that `save` writes with its card, seal the manifest, write the results."""

    def fill(folder: Path) -> None:
        save(folder)
        card = model_card(job.recipe, results, is_native=is_native, manifest=record)
        (folder / "README.md").write_text(card, encoding="utf-8")

    files.commit_folder(job.run.model, fill)
    files.write_json(job.run.folder / "manifest.json", manifest.seal(record, job.run.model))
    job.run.write_results(results)
