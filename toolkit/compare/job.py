"""The whole of `toolkit compare`: runs, measurements, and the table that they leave."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from toolkit.compare.comparison import Rung, comparison, rung_of
from toolkit.compare.ladder import Ladder, dump_ladder
from toolkit.compare.runner import Event, run_all, run_one_by_one, unfinished
from toolkit.compare.scored import Gold, ScoredRun, gold_of, scored_run
from toolkit.compare.speed import measure, processor, speed_of
from toolkit.compare.words import markdown, sentences
from toolkit.compare.worker import Ended, Job
from toolkit.errors import RunError
from toolkit.recipe.schema import Recipe
from toolkit.runs import files
from toolkit.runs.lock import locked
from toolkit.runs.run import folder_of

NAME = "compare.json"


class Options(NamedTuple):
    """What the command line says beside the ladder."""

    workers: int | None = None  # None: what the ladder says
    fresh: bool = False
    measures_again: bool = False
    allow_code: tuple[str, ...] = ()


USUAL = Options()


class Compared(NamedTuple):
    """What a ladder left."""

    folder: Path
    found: dict[str, Any]  # what compare.json holds
    exit_code: int  # of the first run that failed; 0: none did


def compare(
    ladder: Ladder, options: Options = USUAL, tell: Callable[[Event], None] | None = None
) -> Compared:
    """Run what is not finished, measure what is not measured, and write the table.

    A rung of which a run fails is left out, and the others are compared. RunError where a folder
    is the run of another recipe, or none is left to compare.
    """
    say = tell or (lambda event: None)
    with locked(ladder.folder):
        ran = run_rungs(ladder, options, say)
        gold = gold_of(ladder.recipes[0])
        _measure(ran.whole, gold, options, say)
        rungs = [rung_of(name, runs, gold) for name, runs in ran.scored(gold, options).items()]
        found = _collected(ladder, rungs, gold, ran.failed)
        files.write_file(ladder.folder / "ladder.yaml", dump_ladder(ladder).encode())
        files.write_json(ladder.folder / NAME, found)
        files.write_file(ladder.folder / "compare.md", markdown(found).encode())
    return Compared(ladder.folder, found, ran.exit_code)


class Ran(NamedTuple):
    """The rungs of which all runs are finished, and the runs that failed."""

    whole: dict[str, tuple[Recipe, ...]]
    failed: list[dict[str, Any]]

    @property
    def exit_code(self) -> int:
        """Of the first run that failed; 0: none did."""
        return self.failed[0]["exit_code"] if self.failed else 0

    def scored(self, gold: Gold, options: Options) -> dict[str, list[ScoredRun]]:
        """The finished runs with their scores over examples."""
        return {
            name: [scored_run(each, gold, options.allow_code) for each in recipes]
            for name, recipes in self.whole.items()
        }


def run_rungs(ladder: Ladder, options: Options, tell: Callable[[Event], None]) -> Ran:
    """Run what is not finished. RunError where a folder is another recipe's, or nothing is left."""
    pending = unfinished(ladder.recipes, fresh=options.fresh, allow_code=options.allow_code)
    jobs = [Job(recipe, options.fresh, options.allow_code) for recipe in pending]
    failed = _failed(ladder, run_all(jobs, options.workers or ladder.workers, tell))
    lost = {each["rung"] for each in failed}
    whole = {name: recipes for name, recipes in ladder.rungs.items() if name not in lost}
    if not whole:
        error = RunError(f"{each['run']}: {each['fault']}" for each in failed)
        error.exit_code = failed[0]["exit_code"]
        raise error
    return Ran(whole, failed)


def _failed(ladder: Ladder, ended: Mapping[str, Ended]) -> list[dict[str, Any]]:
    """The runs that failed, in the order of the ladder."""
    return [
        {
            "rung": name,
            "run": recipe.run.name,
            "fault": end.faults[0] if end.faults else "stopped",
            "exit_code": end.exit_code if end.exit_code > 0 else 1,
        }
        for name, recipes in ladder.rungs.items()
        for recipe in recipes
        if (end := ended.get(recipe.run.name)) is not None and end.exit_code
    ]


def _measure(
    whole: Mapping[str, Sequence[Any]], gold: Gold, options: Options, say: Callable[[Event], None]
) -> None:
    """Measure each rung's first model that was not measured on this machine, one by one."""
    calls = {}
    for name, recipes in whole.items():
        folder = folder_of(recipes[0])
        if options.measures_again or speed_of(folder) is None:
            calls[name] = (folder, gold.split, options.allow_code)
    for end in run_one_by_one(measure, calls, say).values():
        if end.exit_code:
            raise RunError(end.faults)


def _collected(
    ladder: Ladder, rungs: Sequence[Rung], gold: Gold, failed: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    found = {
        "ladder": ladder.name,
        "stand_in": bool(ladder.stand_ins),
        "stand_ins": ladder.stand_ins,
        **comparison(rungs, gold),
        "failed": list(failed),
        "machine": machine_of(rungs),
    }
    return found | {"sentences": sentences(found)}


def machine_of(rungs: Sequence[Rung]) -> dict[str, Any]:
    """What the runs were made and measured on."""
    run = rungs[-1].runs[0].run
    manifest = run.manifest()
    gpus = manifest.get("hardware", {}).get("gpus")
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "memory_mb": round(psutil.virtual_memory().total / 2**20),
        "threads": 1,
        "device": gpus[0] if gpus else "cpu",
        "versions": manifest.get("versions", {}),
    }
