"""What a run left, read again. Nothing is computed here that the run knows."""

import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from toolkit.cases import Case
from toolkit.errors import RunError
from toolkit.recipe.load import load_recipe
from toolkit.recipe.schema import Recipe
from toolkit.runs.run import RESULTS, Run
from toolkit.runs.sizes import num_weights
from toolkit.tasks.base import Task

Record = dict[str, Any]


class RunFiles(NamedTuple):
    """The files of a run, as far as it has come."""

    folder: Path
    recipe: Recipe
    results: Record  # empty while it is not finished
    manifest: Record  # empty while it has not begun
    steps: list[Record]
    evaluations: list[Record]
    seconds: dict[int, float]  # of each step

    @property
    def is_finished(self) -> bool:
        """Whether the run has its final scores."""
        return bool(self.results)

    @property
    def metric(self) -> str:
        """The score that the run chose its checkpoint by."""
        chosen = self.results.get("best", {}).get("metric")
        return str(chosen or self.recipe.evaluate.metric or self.recipe.task.metric)

    def scored(self) -> dict[str, Record]:
        """What was scored, the splits before the evaluation sets."""
        return {**self.results.get("splits", {}), **self.results.get("sets", {})}

    def predicted(self) -> list[str]:
        """The splits and sets whose predictions are there, the test split first."""
        found = sorted(path.stem.partition("-")[2] for path in self.folder.glob("predictions-*"))
        return sorted(found, key=lambda name: {"test": 0, "dev": 1}.get(name, 2))


def read_run(folder: str | Path, allow_code: Collection[str] = ()) -> RunFiles:
    """The files of a run, finished or not. RunError where the folder holds none."""
    run = Run(Path(folder))
    if not run.folder.is_dir():
        raise RunError(f"{folder}: no such run")
    if not run.recipe_file.is_file():
        raise RunError(f"{folder}: is no run (it holds no recipe.yaml)")
    metrics = list(_steps_of(run.folder / "metrics.jsonl"))
    timing = _steps_of(run.folder / "timing.jsonl")
    results = _results(run) if (run.folder / RESULTS).is_file() else {}
    return RunFiles(
        run.folder,
        load_recipe(run.recipe_file, allow_code=tuple(allow_code)),
        results,
        _object(run.folder / "manifest.json", run.manifest()),
        [line for line in metrics if "scores" not in line],
        [line for line in metrics if "scores" in line],
        {line["step"]: line["seconds"] for line in timing if "seconds" in line},
    )


def _results(run: Run) -> Record:
    """What `results.json` holds, as far as it has the form that a run gives it."""
    path = run.folder / RESULTS
    results = _object(path, run.results())
    for name in ("splits", "sets", "best"):
        _object(path, results.get(name, {}), f"{name}: ")
    for split, scored in {**results.get("splits", {}), **results.get("sets", {})}.items():
        scores = _object(path, _object(path, scored, f"{split}: ").get("scores"), f"{split}: ")
        for name, score in scores.items():
            if not {"value", "interval"} <= _object(path, score, f"{split}: {name}: ").keys():
                raise RunError(f"{path}: {split}: {name}: has no value and interval")
        if not isinstance(scored.get("examples"), int):
            raise RunError(f"{path}: {split}: does not say how many examples it has")
    return results


def _object(path: Path, value: Any, where: str = "") -> Record:
    if not isinstance(value, dict):
        raise RunError(f"{path}: {where}found {str(value)[:40]}, expected an object")
    return value


def _steps_of(path: Path) -> Iterator[Record]:
    """The lines of a file that has one a step; RunError for a line without its step."""
    for number, line in enumerate(lines_of(path), 1):
        if not isinstance(line.get("step"), int):
            raise RunError(f"{path}:{number}: found no step, expected a whole number")
        yield line


def lines_of(path: Path) -> Iterator[Record]:
    """The lines of a `.jsonl` file; none where there is no file.

    A last line without an end is one that is being written, and left out. RunError for others that
    are no object.
    """
    if not path.is_file():
        return
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            try:
                record = json.loads(line)
            except ValueError as error:
                if not line.endswith(b"\n"):
                    return
                raise RunError(f"{path}:{number}: is not JSON ({error})") from None
            if not isinstance(record, dict):
                raise RunError(f"{path}:{number}: found {str(record)[:40]}, expected an object")
            yield record


def cases_of(folder: Path, split: str, task: Task) -> dict[str, Case]:
    """The predictions of a split by the id of the example; RunError for a line that is none.

    Of examples with the same id the later ones are told apart by their number.
    """
    path = folder / f"predictions-{split}.jsonl"
    cases: dict[str, Case] = {}
    for number, record in enumerate(lines_of(path), 1):
        name = str(record.get("id", number))
        try:
            cases[name if name not in cases else f"{name} ({number})"] = task.case(record)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            what = f"is no prediction of this task ({type(error).__name__}: {error})"
            raise RunError(f"{path}:{number}: {what}") from error
    return cases


def size_of_model(folder: Path) -> tuple[int, int] | None:
    """How many numbers the model's files hold, and their bytes; None where there is no model."""
    files = sorted((folder / "model").glob("*.safetensors"))
    if not files:
        return None
    return num_weights(folder / "model"), sum(path.stat().st_size for path in files)
