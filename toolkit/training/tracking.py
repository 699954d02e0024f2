"""Numbers of a run for TensorBoard, Weights & Biases and MLflow, through Accelerate's trackers.

A tracker is one more who watches: the run's own files hold all of it, whatever becomes of the
tracker. It is loaded when a recipe names it, in the main process alone.
"""

import json
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from toolkit.data.text import counted
from toolkit.errors import RecipeError
from toolkit.recipe.dump import dump_recipe
from toolkit.recipe.schema import Recipe
from toolkit.recipe.strict_yaml import read
from toolkit.runs import files
from toolkit.training.events import Compared, Evaluation, Event, Note, Resumed, Scored, Step, Watch

# of each tracker the modules of which one has to be there, and the package that brings it
PACKAGES = {
    "tensorboard": (("tensorboard", "tensorboardX"), "tensorboard"),
    "wandb": (("wandb",), "wandb"),
    "mlflow": (("mlflow",), "mlflow"),
}
PROJECT = "toolkit"  # of runs, where WANDB_PROJECT or MLFLOW_EXPERIMENT_NAME names no other
FOLDER = "tracking"  # in the run's, of what trackers keep themselves
MOST_TIME = 0.02  # of the run's, that sending may take before steps are left out,
FREE_SECONDS = 5.0  # and this much in any case
MOST_FAILURES = 10  # in a row: then a tracker is left alone
OF_STEPS = ("loss", "grad_norm", "learning_rate", "epoch", "num_tokens")
PASSPORT = ("scheme", "mode", "unit", "average", "support", "examples", "split_sha256")


def check_trackers(names: Sequence[str]) -> None:
    """RecipeError where a tracker's package is not installed."""
    missing = [
        f"run.track: {name} is not installed: pip install {package}, or take it out of run.track"
        for name, (modules, package) in PACKAGES.items()
        if name in names and not any(find_spec(module) for module in modules)
    ]
    if missing:
        raise RecipeError(missing)


@contextmanager
def tracked(recipe: Recipe, folder: Path, tell: Watch, *, is_main: bool) -> Iterator[Watch]:
    """Who tells the trackers too, until the run ends in whatever way."""
    if not (is_main and recipe.run.track):
        yield tell
        return
    trackers = [Tracker(name, recipe, folder, tell) for name in recipe.run.track]

    def told(event: Event) -> None:
        tell(event)
        for tracker in trackers:
            tracker.watch(event)

    try:
        yield told
    finally:
        for tracker in trackers:
            tracker.finish()


class Sent(NamedTuple):
    """What one call hands to a tracker."""

    numbers: dict[str, float]
    step: int | None
    texts: Mapping[str, str] = {}


class Tracker:
    """One tracker. What it fails at is said once and counted; the run goes on."""

    def __init__(
        self,
        name: str,
        recipe: Recipe,
        folder: Path,
        tell: Watch,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._recipe, self._folder, self._tell, self._clock = recipe, folder, tell, clock
        self._began, self._spent = clock(), 0.0
        self._step = 0  # behind which the run stands
        self._tracker: Any = None
        self._sent = self._failed = self._in_a_row = self._spared = 0

    def watch(self, event: Event) -> None:
        """Send what an event says in numbers."""
        match event:
            case Resumed():
                self._step = event.step
            case Step():
                self._at_step(event)
            case Evaluation():
                loss = {} if event.loss is None else {"dev/loss": event.loss}
                scores = {f"dev/{name}": value for name, value in event.scores.items()}
                self._send(Sent(_finite(scores | loss), event.step))
            case Scored():
                self._send(_scored(event.split, event.scores, self._step))
            case Compared():
                for name, scored in event.results["sets"].items():
                    self._send(_scored(f"sets/{name}", scored["scores"], self._step))

    def finish(self) -> None:
        """End the tracker's own run, and say what it did not take."""
        if self._tracker is not None and self._in_a_row < MOST_FAILURES:
            self._try(self._tracker.finish)
        if self._failed:
            sentence = f"{self.name}: {self._failed} of {self._sent} records were not taken"
            self._tell(Note(f"{sentence}; the run's own files hold all of them"))
        if self._spared:
            steps = counted(self._spared, "step")
            self._tell(
                Note(f"{self.name}: {steps} not sent, since it is slow; metrics.jsonl has them")
            )

    def _at_step(self, step: Step) -> None:
        self._step = step.number
        if self._spent > FREE_SECONDS + MOST_TIME * (self._clock() - self._began):
            self._spared += 1
            return
        values = {f"train/{name}": getattr(step, name) for name in OF_STEPS}
        self._send(Sent(_finite(values), step.number))

    def _send(self, sent: Sent) -> None:
        self._sent += 1
        if self._in_a_row >= MOST_FAILURES:
            self._failed += 1
            return
        if self._tracker is None and not self._try(self._start):
            self._failed += 1
            return
        began = self._clock()
        taken = self._try(lambda: self._hand_over(sent))
        self._spent += self._clock() - began
        self._failed += not taken

    def _start(self) -> None:
        self._tracker = _started(self.name, self._recipe, self._folder, self._step)
        self._began = self._clock()

    def _hand_over(self, sent: Sent) -> None:
        if sent.numbers:
            self._tracker.log(sent.numbers, step=sent.step)
        if sent.texts and self.name == "mlflow":
            import mlflow  # type: ignore[import-not-found]

            mlflow.set_tags(sent.texts)  # its metrics are numbers alone
        elif sent.texts:
            self._tracker.log(sent.texts, step=sent.step)

    def _try(self, call: Callable[[], None]) -> bool:
        """Whether a call into the tracker went well: whatever it raises costs no run."""
        try:
            call()
        except Exception as error:
            if not self._failed:
                reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
                self._tell(Note(f"{self.name} does not take numbers ({reason}); training goes on"))
            self._in_a_row += 1
            return False
        self._in_a_row = 0
        return True


def _started(name: str, recipe: Recipe, folder: Path, step: int) -> Any:
    """Accelerate's tracker, going on with the record of this run where there is one."""
    from accelerate import tracking

    own, run_name = folder / FOLDER, recipe.run.name
    files.make_folder(own)
    known = own / f"{name}.json"
    identity = _identity(known)
    if name == "tensorboard":  # steps behind a checkpoint that is gone on from are made again
        purge = {"purge_step": step} if identity else {}
        tracker: Any = tracking.TensorBoardTracker(name, own, **purge)
    elif name == "wandb":
        identity = identity or uuid4().hex[:12]
        project = os.environ.get("WANDB_PROJECT", PROJECT)
        tracker = tracking.WandBTracker(
            project, name=run_name, id=identity, resume="allow", dir=str(own)
        )
    else:
        tracker = tracking.MLflowTracker(PROJECT, run_id=identity or None, run_name=run_name)
    tracker.start()
    if _identity(known) is None:
        tracker.store_init_configuration(_settings(recipe))
        if name == "mlflow":
            identity = tracker.tracker.info.run_id
        files.write_json(known, {"id": identity or run_name})
    return tracker


def _identity(path: Path) -> str | None:
    """By what name a tracker knows this run; None where it does not yet."""

    return str(json.loads(path.read_text(encoding="utf-8"))["id"]) if path.is_file() else None


def _settings(recipe: Recipe) -> dict[str, Any]:
    """The filled recipe by dotted keys."""
    document = read(dump_recipe(recipe), "recipe.yaml")
    assert document.root is not None
    found: dict[str, Any] = {}

    def flatten(place: str, value: Any) -> None:
        if isinstance(value, dict) and value:
            for key, inner in value.items():
                flatten(f"{place}.{key}" if place else str(key), inner)
        elif isinstance(value, (bool, int, float, str)):
            found[place] = value
        else:
            found[place] = "null" if value is None else str(value)

    flatten("", document.root.plain())
    return found


def _scored(name: str, scores: Mapping[str, Mapping[str, Any]], step: int) -> Sent:
    """Final scores with their intervals, and what each of them is in words."""
    numbers: dict[str, Any] = {}
    texts = {}
    for score, found in scores.items():
        numbers[f"{name}/{score}"] = found["value"]
        if found.get("interval"):
            low, high = found["interval"]
            numbers |= {f"{name}/{score}_low": low, f"{name}/{score}_high": high}
        texts[f"{name}/{score}_passport"] = _passport(found)
    return Sent(_finite(numbers), step, texts)


def _passport(score: Mapping[str, Any]) -> str:
    about = [f"{key} {score[key]}" for key in PASSPORT if score.get(key) is not None]
    if score["value"] is None:
        about.insert(0, f"undefined: {score.get('reason')}")
    if score.get("interval"):
        about.append(
            f"interval {score['confidence']:.0%}, bootstrap of {score['resamples']} by "
            f"{score['resampled']}"
        )
    return ", ".join(about)


def _finite(values: Mapping[str, Any]) -> dict[str, float]:
    """The numbers among the values: an undefined score is left out, and not sent as 0."""
    return {
        name: value
        for name, value in values.items()
        if isinstance(value, (int, float)) and math.isfinite(value)
    }
