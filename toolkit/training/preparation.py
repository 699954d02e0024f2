"""What is read, filled in and checked before there is a model."""

from typing import Any

from toolkit.errors import DataError, RecipeError, RunError
from toolkit.models.precision import resolve_precision
from toolkit.recipe.schema import Recipe, Train
from toolkit.runs.run import Run
from toolkit.training.events import Note, Watch
from toolkit.training.processes import Processes


def resolved(asked: Train, settled: Train, processes: Processes, tell: Watch) -> Train:
    """With the precision that the hardware has and the micro-batches that the processes make."""
    parts = settled.micro_batches or processes.count
    if parts % processes.count and asked.micro_batches is None:
        tell(Note(f"{parts} micro-batches a step until now, {processes.count} from here on"))
        parts = processes.count
    if parts % processes.count:
        raise RecipeError(
            f"train.micro_batches: {parts} cannot be shared equally by {processes.count} processes"
        )
    precision = resolve_precision(settled.precision, processes.device)
    return settled.model_copy(update={"precision": precision, "micro_batches": parts})


def read_splits(recipe: Recipe, tell: Watch) -> dict[str, list[Any]]:
    """The examples of each split that the recipe names."""
    readings = recipe.data.splits(recipe.task.reads)
    for name, reading in readings.items():
        for note in reading.notes:
            tell(Note(f"{name}: {note}"))
    return {name: reading.examples for name, reading in readings.items()}


def check_splits(task: Any, splits: dict[str, list[Any]]) -> None:
    """DataError with what is wrong with the splits for the learned task."""
    if faults := task.faults_of_splits(splits):
        raise DataError(faults)


def check_same_data(run: Run, record: dict[str, Any]) -> None:
    """RunError where a split is another one than when the run began."""
    before = run.manifest()
    odd = [
        name
        for name, split in record["data"].items()
        if before.get("data", {}).get(name, split) != split
    ]
    if odd:
        raise RunError(
            f"{run.folder}: data.{', data.'.join(odd)} changed since this run began: "
            "--fresh starts over"
        )
