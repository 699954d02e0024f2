"""From a job to a finished run of a baseline: learned in one go, then ended as every run is.

There are no steps and no checkpoints: a run that was killed is learned again. Of several
processes each computes the same, and the main one writes.
"""

import json
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

from toolkit.baselines import folder as folders
from toolkit.baselines.base import Baseline, Fitted, baseline_of
from toolkit.baselines.predictor import predicted
from toolkit.evaluation.extra import load_metrics
from toolkit.evaluation.predictions import Predicted, Scorer
from toolkit.registry import name_of
from toolkit.runs import files, manifest
from toolkit.training.ending import Say, finish, rehearse, score, tuned
from toolkit.training.events import Fitted as FittedEvent
from toolkit.training.events import Note
from toolkit.training.fit import METRICS, TIMING
from toolkit.training.job import Finished, Job, begin
from toolkit.training.preparation import check_same_data


def make_run(job: Job) -> Finished:
    """Let the recipe's baseline learn, score it and write what it learned."""
    run, recipe, baseline = job.run, job.recipe, baseline_of(job.recipe)
    if unread := baseline.unread(recipe):
        name = name_of("model", type(baseline))
        job.tell(Note(f"not read by {name}: {', '.join(unread)}"))
    record = manifest.describe(recipe, job.splits, job.sets, job.processes.count)
    check_same_data(run, record)
    record = begin(job, record)
    scorer = Scorer(recipe.task, load_metrics(recipe.evaluate.extra))
    began = time.monotonic()
    fitted = baseline.learn(recipe.task, job.splits["train"])
    seconds = time.monotonic() - began
    for note in fitted.notes:
        job.tell(Note(note))
    job.tell(FittedEvent(fitted.num_parameters, len(job.splits["train"]), seconds))
    say = _saying(baseline, fitted)
    rehearse(job, say, scorer)
    if baseline.tunes:
        job, scorer = tuned(job, say, scorer)
    results = score(job, say, scorer, _found(job), record)
    if job.processes.is_main:
        _take_dev(results)
        _log(job, results, seconds)
        finish(job, partial(folders.save, baseline, fitted), results, record, is_native=False)
    job.processes.wait()
    return Finished(run.folder, results, job.recipe.task)


def _saying(baseline: Baseline, fitted: Fitted) -> Say:
    def say(scorer: Scorer, examples: Sequence[Any]) -> Predicted:
        return predicted(baseline.predictor(scorer.task, fitted), examples)

    return say


def _found(job: Job) -> dict[str, Any]:
    """What the results say of a search for the best weights: there is none."""
    metric = job.recipe.evaluate.metric or job.recipe.task.metric
    best = {"step": 0, "metric": metric, "value": None, "split": None}
    return {"best": best, "steps_left_out": 0}


def _take_dev(results: dict[str, Any]) -> None:
    """Say beside the metric what it is on the development split, where there is one."""
    best, dev = results["best"], results["splits"].get("dev")
    if dev is not None:
        best |= {"value": dev["scores"].get(best["metric"], {}).get("value"), "split": "dev"}


def _log(job: Job, results: dict[str, Any], seconds: float) -> None:
    """The lines of an evaluation behind step 0, and how long learning took."""
    lines: dict[str, dict[str, Any]] = {TIMING: {"step": 0, "seconds": round(seconds, 6)}}
    best = results["best"]
    if best["split"] is not None:
        scores = results["splits"]["dev"]["scores"]
        values = {name: passport["value"] for name, passport in scores.items()}
        evaluation = {"scores": values, "loss": None, "metric": best["metric"], "is_best": True}
        lines[METRICS] = {"step": 0, **evaluation, "split": "dev"}
    for name, line in lines.items():
        files.write_file(job.run.folder / name, (json.dumps(line) + "\n").encode())
