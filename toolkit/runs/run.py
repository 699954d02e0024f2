"""The folder of a run: which run this is, and what it leaves."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from toolkit.errors import RunError
from toolkit.recipe.dump import differences, dump_recipe, filled_from
from toolkit.recipe.load import load_recipe
from toolkit.recipe.schema import Recipe
from toolkit.runs import files
from toolkit.runs.checkpoints import Checkpoints
from toolkit.runs.lines import Lines
from toolkit.runs.lock import LOCK, locked

RESULTS = "results.json"  # the last thing that a run writes


class Run:
    """The folder of a run. Only the main process writes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.checkpoints = Checkpoints(folder / "checkpoints")
        self.model = folder / "model"
        self._lines: dict[str, Lines] = {}

    @classmethod
    @contextmanager
    def opened(cls, recipe: Recipe, *, fresh: bool = False) -> "Iterator[Run]":
        """The run of a recipe, locked. RunError where the folder is another recipe's or in use."""
        run = cls(folder_of(recipe))
        with locked(run.folder):
            if fresh:
                run.clear()
            run.sweep()
            yield run

    @property
    def recipe_file(self) -> Path:
        """The filled recipe."""
        return self.folder / "recipe.yaml"

    @property
    def is_finished(self) -> bool:
        """Whether the results are there: they are the last thing that a run writes."""
        return (self.folder / RESULTS).is_file()

    def results(self) -> dict[str, Any]:
        """What `results.json` holds."""
        results: dict[str, Any] = _read_json(self.folder / RESULTS)
        return results

    def manifest(self) -> dict[str, Any]:
        """What `manifest.json` holds, empty where there is none yet."""
        path = self.folder / "manifest.json"
        manifest: dict[str, Any] = _read_json(path) if path.is_file() else {}
        return manifest

    def settle(self, recipe: Recipe, allow_code: Iterable[str] = ()) -> Recipe:
        """The recipe with what this run has learned already. RunError where it is another's."""
        if not self.recipe_file.is_file():
            return recipe
        stored = load_recipe(self.recipe_file, allow_code=tuple(allow_code))
        odd = differences(stored, recipe)
        if odd:
            raise RunError(
                [
                    f"{self.folder}: is the run of another recipe: --fresh starts over, "
                    "run.name=… goes beside it",
                    *(f"{self.folder}: {line}" for line in odd),
                ]
            )
        return filled_from(recipe, stored)

    def write_recipe(self, recipe: Recipe) -> None:
        """Write the filled recipe."""
        files.write_file(self.recipe_file, dump_recipe(recipe).encode())

    def write_results(self, results: Mapping[str, Any]) -> None:
        """Write the results: the run is finished from here on."""
        files.write_json(self.folder / RESULTS, results)

    def write_predictions(self, split: str, records: Iterable[Mapping[str, Any]]) -> None:
        """Write the predictions of a split, a line an example."""
        lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
        files.write_file(self.folder / f"predictions-{split}.jsonl", lines.encode())

    def budgets(self) -> dict[int, int]:
        """The most tokens at once from some steps on (counted from 1): memory held no more."""
        path = self.folder / "memory.json"
        found = _read_json(path) if path.is_file() else {}
        return {int(step): tokens for step, tokens in found.items()}

    def write_budgets(self, budgets: Mapping[int, int]) -> None:
        """Write what `budgets` reads; memory may be short in several processes at once."""
        files.write_json(self.folder / "memory.json", budgets, apart=True)

    def log(self, name: str, record: Mapping[str, Any]) -> None:
        """Append a line to a `.jsonl` file of the run. StorageError: it is kept for the next."""
        self.lines(name).append(record)

    def lines(self, name: str) -> Lines:
        """A `.jsonl` file of the run."""
        return self._lines.setdefault(name, Lines(self.folder / name))

    def rewind(self, step: int, *names: str, is_unscored: bool = False) -> None:
        """Cut the lines behind a step off `.jsonl` files, and of its scores where it has none."""
        for name in names:
            self.lines(name).rewind(step, is_unscored=is_unscored)

    def sweep(self) -> None:
        """Remove what a kill left behind."""
        for folder in (self.folder, self.checkpoints.folder):
            files.sweep(folder)
        with files.storage_errors(self.folder):
            files.sync_folder(self.folder.parent)  # a killed run may have made it and no more

    def clear(self) -> None:
        """Remove everything but the lock; the results first, which say that it is finished."""
        with files.storage_errors(self.folder):
            (self.folder / RESULTS).unlink(missing_ok=True)
            files.sync_folder(self.folder)
            for path in self.folder.iterdir():
                if path.name == LOCK:
                    continue
                if path.is_dir() and not path.is_symlink():
                    files.remove(path)
                else:
                    path.unlink()


def folder_of(recipe: Recipe) -> Path:
    """The folder of a recipe's run."""
    return Path(recipe.run.folder) / recipe.run.name


def open_finished(folder: str | Path) -> Run:
    """The run in a folder, which must hold a model."""
    run = Run(Path(folder))
    if not run.folder.is_dir():
        raise RunError(f"{folder}: no such run")
    if not run.recipe_file.is_file():
        raise RunError(f"{folder}: is no run (it holds no recipe.yaml)")
    if not run.model.is_dir():
        raise RunError(f"{folder}: has no model yet: finish it with toolkit finetune")
    return run


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise RunError(f"{path}: is not JSON ({error})") from None
