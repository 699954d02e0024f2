"""The gradient of a step, however it is cut: that of one padded batch in float64."""

import copy
import json
import math
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch import Tensor

from toolkit.encoders.pretrained import Pretrained
from toolkit.encoders.recurrent import Lstm
from toolkit.models.batch import collate
from toolkit.recipe.schema import Train
from toolkit.training.batches import Plan, counted_seed
from toolkit.training.optimiser import build_optimiser
from toolkit.training.processes import Processes
from toolkit.training.steps import Loop, steps
from torture.bench import Bench, generator_of
from torture.goal import Goal
from torture.group import Group, fault_of
from torture.models import TASKS, Made, checkpoint_of, examples_of, make, task_of

FAMILIES = ("bert", "roberta", "distilbert", "electra")
ENCODERS = (*FAMILIES, "lstm", "lstm-torch")  # the last has a CRF where words are tagged
ACCUMULATION = (1, 2, 8)  # micro-batches of a process
PROCESSES = (1, 2)
NUM_EXAMPLES = 21  # no part of 2, 4, 8 or 16 is as large as all others
WITHIN = {torch.float32: 1e-6, torch.float64: 1e-12}  # of the norm of the whole gradient


def _trials(bench: Bench, count: int) -> Sequence[str]:
    for family in FAMILIES:
        checkpoint_of(bench, family)  # before trials are forked
    every = [
        f"gradient:{encoder}:{task}:{accumulation}:{processes}"
        for encoder in ENCODERS
        for task in TASKS
        for accumulation in ACCUMULATION
        for processes in PROCESSES
    ]
    return generator_of("gradient").sample(every, count) if count else every


def _run(bench: Bench, trial: str) -> str | None:
    found = measured(bench, trial)
    if isinstance(found, str):
        return found
    for dtype, within in WITHIN.items():
        if not found[str(dtype)] <= within:
            return f"the gradient in {dtype} is off by {found[str(dtype)]:.2g} of its norm"
    return None


def measured(bench: Bench, trial: str) -> dict[str, float] | str:
    """How far off the gradient is in each type, in shares of its norm; or what went wrong."""
    _, name, task, accumulation, processes = trial.split(":")
    examples = generator_of(trial).sample(list(examples_of(task)), NUM_EXAMPLES)
    made, reference = _models(bench, name, task, examples)
    expected = _expected(reference, examples)
    folder = bench.place(trial)

    def act(rank: int) -> None:
        own = Processes()
        assert (own.count, own.rank) == (int(processes), rank)
        found = {}
        for dtype in WITHIN:
            copied = made._replace(model=copy.deepcopy(made.model).to(dtype))
            loop = _loop(copied, examples, int(accumulation) * own.count, own)
            with _unrounded():
                next(steps(loop))
            found[str(dtype)] = _off(loop.model, expected)
        (folder / f"{rank}.json").write_text(json.dumps(found), encoding="utf-8")

    fault = fault_of(Group(act, int(processes), folder).finish())
    read = [_read(folder / f"{rank}.json") for rank in range(int(processes)) if fault is None]
    shutil.rmtree(folder)
    return fault or {key: max(each[key] for each in read) for key in read[0]}


def _read(path: Path) -> dict[str, float]:
    found: dict[str, float] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _models(bench: Bench, name: str, task: str, examples: Sequence[Any]) -> tuple[Made, Made]:
    """A model, and in float64 the same weights, read in the other of two ways.

    With padding instead of without, by torch's LSTM instead of ours, and the other way round.
    """
    keys = {"decoding": "crf"} if (name, task) == ("lstm-torch", "tags") else {}
    both: list[Any]
    if name in FAMILIES:
        one = Pretrained(checkpoint=str(checkpoint_of(bench, name)))
        both = [one, one.model_copy(update={"padding_free": False})]
    else:
        engines = ("torch", "own") if name == "lstm-torch" else ("own", "torch")
        shape = {"embedding": 16, "hidden": 16, "layers": 2, "max_length": 48}
        both = [Lstm.model_validate(shape | {"engine": engine}) for engine in engines]
    made, reference = (make(task_of(task, **keys), encoder, examples) for encoder in both)
    reference.model.load_state_dict(made.model.state_dict())
    if name in FAMILIES:
        assert (made.model.encoder.is_padded, reference.model.encoder.is_padded) == (False, True)
    reference.model.double()
    return made, reference


def _loop(made: Made, examples: Sequence[Any], parts: int, processes: Processes) -> Loop:
    train = Train(precision="fp32", epochs=1, batch_size=len(examples), micro_batches=parts,
                  max_grad_norm=None)  # fmt: skip
    windows = made.reader.windows_of(examples)
    return Loop(
        model=made.model.train(),
        optimiser=build_optimiser(made.model, train),
        scaler=None,
        train=train,
        plan=Plan(len(examples), train.batch_size, train.epochs, train.seed),
        windows=windows.__getitem__,
        padding=made.padding,
        processes=processes,
    )


def _expected(made: Made, examples: Sequence[Any]) -> list[Tensor]:
    """The gradient of the mean loss of all examples as one batch."""
    windows = made.reader.windows_of(examples)
    places = [(row, number) for row, group in enumerate(windows) for number in range(len(group))]
    seed = Train().seed
    keys = [counted_seed(seed, 0, row, number) for row, number in places]
    flat = [windows[row][number] for row, number in places]
    batch = collate(flat, made.padding, keys=keys)
    with _unrounded():
        output = made.model.train()(batch.inputs, batch.targets, batch.lengths, batch.keys)
        (output.loss / output.count).backward()
    return _gradient(made.model)


@contextmanager
def _unrounded() -> Iterator[None]:
    """Losses take scores to float32, from below; leave those in float64 as they are."""
    rounded = Tensor.float

    def kept(values: Tensor) -> Tensor:
        return values if values.dtype == torch.float64 else rounded(values)

    with mock.patch.object(Tensor, "float", kept):
        yield


def _gradient(model: torch.nn.Module) -> list[Tensor]:
    return [
        torch.zeros_like(p, dtype=torch.float64) if p.grad is None else p.grad.double()
        for p in model.parameters()
    ]


def _off(model: torch.nn.Module, expected: Sequence[Tensor]) -> float:
    pairs = zip(_gradient(model), expected, strict=True)
    return math.sqrt(sum(float(((one - other) ** 2).sum()) for one, other in pairs)) / math.sqrt(
        sum(float((each**2).sum()) for each in expected)
    )


GOAL = Goal(
    "gradient",
    "the gradient of a step is that of one padded batch in float64, within 1e-6 of its norm",
    _trials,
    _run,
    number=0,
)
