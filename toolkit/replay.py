"""Running a run again from its manifest, to see whether it gives the same bits."""

import json
import tempfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from toolkit.errors import RunError
from toolkit.recipe.load import load_recipe
from toolkit.runs import files
from toolkit.runs.difference import first_difference
from toolkit.runs.run import Run
from toolkit.training.events import Evaluation, Event, Watch
from toolkit.training.finetune import finetune
from toolkit.training.fit import METRICS
from toolkit.training.steps import Step


class Replay(NamedTuple):
    """What running again has shown."""

    num_steps: int  # that are equal
    difference: str | None  # the first thing that is not; None: identical
    is_whole: bool  # the run was finished, and its weights were compared, too
    inputs: str | None  # the first input that is not what it was when the run was made


def replay(
    folder: str | Path, *, allow_code: Collection[str] = (), watch: Watch | None = None
) -> Replay:
    """Run the run in a folder again, aside, up to the first step that differs.

    The weights of a finished run are compared by the hashes in its manifest. RunError where the
    folder holds no run that can be replayed.
    """
    run = Run(Path(folder))
    manifest = run.manifest()
    if "recipe" not in manifest:
        raise RunError(f"{folder}: has no manifest.json with a recipe, expected a run")
    recorded = _lines(run.folder)
    with tempfile.TemporaryDirectory(prefix="toolkit-replay-") as place:
        text = Path(place) / "recipe.yaml"
        text.write_text(manifest["recipe"], encoding="utf-8")
        recipe = load_recipe(
            text, f"run.folder={place}", "run.track=[]", allow_code=tuple(allow_code)
        )
        again = Run(Path(place) / recipe.run.name)
        if smaller := run.budgets():  # what memory did not hold decides how a step is cut
            again.folder.mkdir()
            again.write_budgets(smaller)
        difference = None
        look = _watching(again, recorded, run.is_finished, watch)
        try:
            finetune(recipe, allow_code=allow_code, watch=look)
        except _EnoughError:
            pass
        except _OtherwiseError as found:
            difference = str(found)
        made = again.manifest()
        found_lines = _lines(again.folder)
        is_whole = run.is_finished and difference is None
        if is_whole:
            difference = _other_line(recorded, found_lines) or _other_files(manifest, made)
    equal = (line for line, other in zip(recorded, found_lines) if line == other)
    num_steps = sum(1 for line in equal if _is_step(line))
    inputs = first_difference(manifest, made) if made else None
    return Replay(num_steps, difference, is_whole, inputs)


class _OtherwiseError(BaseException):
    """A line differs, so the replay ends; nothing in between may take it for an error."""


class _EnoughError(BaseException):
    """The run that is replayed was stopped here."""


def _watching(again: Run, recorded: Sequence[str], is_finished: bool, watch: Watch | None) -> Watch:
    def look(event: Event) -> None:
        if watch is not None:
            watch(event)
        if isinstance(event, (Step, Evaluation)):
            made = _lines(again.folder)
            if made[: len(recorded)] != recorded[: len(made)]:
                raise _OtherwiseError(_other_line(recorded, made))
            if len(made) == len(recorded) and not is_finished:
                raise _EnoughError

    return look


def _lines(folder: Path) -> list[str]:
    path = folder / METRICS
    if not path.is_file():
        return []
    return [line for line in path.read_text(encoding="utf-8").split("\n") if line]


def _is_step(line: str) -> bool:
    return "grad_norm" in json.loads(line)


def _other_line(recorded: Sequence[str], made: Sequence[str]) -> str | None:
    """The first line that differs, as `step 3: loss 0.5 in the run, 0.6 now`."""
    for before, now in zip(recorded, made):
        if before != now:
            one, other = json.loads(before), json.loads(now)
            keys = [key for key in one if one[key] != other.get(key)]
            key = keys[0] if keys else next(iter(other))
            return f"step {one['step']}: {key} {one.get(key)} in the run, {other.get(key)} now"
    if len(recorded) != len(made):
        return f"{len(recorded)} lines of {METRICS} in the run, {len(made)} now"
    return None


def _other_files(manifest: Mapping[str, Any], made: Mapping[str, Any]) -> str | None:
    """The first file of the model that differs, but for the card and what lists it."""
    for name, sha256 in manifest.get("model", {}).items():
        if name in ("README.md", files.CONTENTS):
            continue
        if made.get("model", {}).get(name) != sha256:
            return f"model/{name} has other contents"
    return None
