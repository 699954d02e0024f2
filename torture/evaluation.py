"""Scores, loss and predictions of any number of processes: to the last bit those of one."""

import json
import shutil
from collections.abc import Sequence
from typing import Any

import torch

from toolkit.encoders.pretrained import Pretrained
from toolkit.evaluation.passport import described_split
from toolkit.evaluation.predictions import predict, records_of
from toolkit.recipe.schema import Evaluate
from toolkit.training.processes import Processes
from torture.bench import Bench, generator_of
from torture.goal import Goal
from torture.group import Group, fault_of
from torture.models import TASKS, Made, checkpoint_of, examples_of, make, task_of

SIZES = (0, 1, 2, 3, 5, 7, 8, 13, 17, 32, 33)  # examples
BATCHES = (1, 4, 8)  # windows at a time
PROCESSES = (1, 2, 3, 4)
_made: dict[str, Made] = {}


def _trials(bench: Bench, count: int) -> Sequence[str]:
    for task in TASKS:
        _model(bench, task)  # before trials are forked
    every = [
        f"evaluation:{task}:{size}:{batch}:{processes}"
        for task in TASKS
        for size in SIZES
        for batch in BATCHES
        for processes in PROCESSES
    ]
    return generator_of("evaluation").sample(every, count) if count else every


def _run(bench: Bench, trial: str) -> str | None:
    _, task, size, batch, processes = trial.split(":")
    made = _model(bench, task)
    # the same examples and batches for every number of processes
    draw = generator_of(trial.rpartition(":")[0])
    examples = draw.sample(list(examples_of(task)), int(size))
    folder = bench.place(trial)

    def act(rank: int) -> None:
        own = Processes()
        assert (own.count, own.rank) == (int(processes), rank)
        found = outcome(made, examples, int(batch), own)
        (folder / f"{rank}.json").write_text(found, encoding="utf-8")

    fault = fault_of(Group(act, int(processes), folder).finish())
    if fault is None:
        expected = outcome(made, examples, int(batch), None)
        found = [(folder / f"{rank}.json").read_text("utf-8") for rank in range(int(processes))]
        fault = _unequal(found, expected)
    shutil.rmtree(folder)
    return fault


def _unequal(found: Sequence[str], expected: str) -> str | None:
    for rank, text in enumerate(found):
        if text != expected:
            one, other = json.loads(text), json.loads(expected)
            key = next(key for key in other if one.get(key) != other[key])
            return f"{key} of process {rank}: {one.get(key)!s:.200}, of one {other[key]!s:.200}"
    return None


def outcome(
    made: Made, examples: Sequence[Any], batch_size: int, processes: Processes | None
) -> str:
    """Loss, scores with intervals, and predictions, every number to its last bit."""
    settings = Evaluate(batch_size=batch_size, batch_tokens=160, resamples=20)
    predicted = predict(
        made.model,
        made.reader,
        examples,
        batch_size=settings.batch_size,
        batch_tokens=settings.batch_tokens,
        precision="fp32",
        device=torch.device("cpu"),
        processes=processes,
    )
    scored = described_split(made.reader, settings, examples, predicted, "")
    records = list(records_of(made.reader.task, examples, predicted.predictions))
    exact = {"loss": predicted.loss, "scores": scored, "predictions": records}
    return json.dumps(_exact(exact), sort_keys=True)


def _exact(value: Any) -> Any:
    """With every number that is no whole one as `float.hex` writes it."""
    if isinstance(value, float):
        return value.hex()
    if isinstance(value, dict):
        return {key: _exact(each) for key, each in value.items()}
    return [_exact(each) for each in value] if isinstance(value, (list, tuple)) else value


def _model(bench: Bench, task: str) -> Made:
    if task not in _made:
        encoder = Pretrained(checkpoint=str(checkpoint_of(bench, "bert")))
        _made[task] = make(task_of(task), encoder, examples_of(task))
        _made[task].model.eval()
    return _made[task]


GOAL = Goal(
    "evaluation",
    "scores, loss and predictions on 1 to 4 processes are bit for bit those of one",
    _trials,
    _run,
    number=0,
)
