"""What the parts of a run share while it is made, and what it is in the end."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from toolkit.recipe.schema import Recipe
from toolkit.runs import files
from toolkit.runs.run import Run
from toolkit.tasks.base import Task
from toolkit.training.cache import Cache
from toolkit.training.distillation import Distillation
from toolkit.training.events import Watch
from toolkit.training.processes import Processes


class Finished(NamedTuple):
    """A finished run."""

    folder: Path
    results: dict[str, Any]
    task: Task  # with what it learned
    was_finished: bool = False  # before this call


class Job(NamedTuple):
    """What the parts of a job share."""

    run: Run
    recipe: Recipe  # filled: everything learned and resolved
    splits: dict[str, Sequence[Any]]
    sets: dict[str, list[Any]]  # that the final weights are scored on, beside the splits
    processes: Processes
    tell: Watch
    cache: Cache
    distillation: Distillation | None = None  # None: the gold alone teaches


def begin(job: Job, record: dict[str, Any]) -> dict[str, Any]:
    """Write the recipe and its manifest; the manifest, with the recipe that the run began with.

    Of a run that goes on, the recipe may hold what was tuned before it was stopped.
    """
    if job.processes.is_main:
        job.run.write_recipe(job.recipe)
        first = {key: value for key, value in job.run.manifest().items() if key == "recipe"}
        record = record | first
        files.write_json(job.run.folder / "manifest.json", record)
    return record
