"""The arms of a measurement: each a generator of optimiser steps over its own copy of the weights.

Every arm has the steps of the same `Plan`. Grouping by length is another composition of steps by
its nature, so that arm gets the examples of the same window of steps, grouped.
"""

from collections.abc import Iterator
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from benchmarks import stock
from benchmarks.settings import Ground
from benchmarks.witness import Witness
from toolkit.models.batch import padding_of
from toolkit.models.model import load_model
from toolkit.models.vocabulary import compact
from toolkit.training.budget import ON_A_CPU
from toolkit.training.optimiser import build_optimiser
from toolkit.training.processes import Processes
from toolkit.training.steps import Loop, steps


class Arm(NamedTuple):
    """One way to train."""

    name: str
    precision: str
    steps: Iterator[Any]  # each `next` is an optimiser step
    model: nn.Module
    witness: Witness
    loop: Loop | None = None  # ours


class Window(NamedTuple):
    """The steps of a measurement."""

    warmup: int
    measured: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.warmup + self.measured


def arms_of(ground: Ground, window: Window) -> list[Arm]:
    """The arms of a setting, B0 first."""
    setting = ground.setting
    arms = [stock_arm(ground, window, "B0", stock.Switches())]
    if setting.pad_to is not None:
        name = f"B0 padded to {setting.pad_to}"
        arms.append(stock_arm(ground, window, name, stock.Switches(pad_to=setting.pad_to)))
    fast = stock.Switches(bf16=True, fused=True)
    arms.append(stock_arm(ground, window, "B1 without grouping", fast))
    arms.append(stock_arm(ground, window, "B1", fast, is_grouped=True))
    for precision in ("fp32", "bf16"):
        arms.append(our_arm(ground, precision))
        if setting.is_about_vocabulary:
            arms.append(our_arm(ground, precision, is_compact=False))
    return arms


def stock_arm(
    ground: Ground, window: Window, name: str, switches: stock.Switches, is_grouped: bool = False
) -> Arm:
    """A baseline. The windows of the training split are its rows."""
    starts = [0, *accumulate(map(len, ground.windows))]
    batches = [
        [row for i in ground.plan.examples(step) for row in range(starts[i], starts[i + 1])]
        for step in range(window.total)
    ]
    rows = [each for group in ground.windows for each in group]
    if is_grouped:
        lengths = [row.length for row in rows]
        measured = stock.grouped(batches[window.warmup :], lengths, ground.plan.seed)
        batches = [*batches[: window.warmup], *measured]
    switches = switches._replace(
        learning_rate=ground.train.learning_rate, weight_decay=ground.train.weight_decay
    )
    dataset = stock.dataset_of(rows, ground.tokenizer, switches.pad_to)
    loader = stock.loader_of(dataset, ground.tokenizer, batches, switches)
    model = stock.load(ground.start).to(ground.device)
    precision = "bf16" if switches.bf16 else "fp32"
    num_steps = ground.plan.num_steps
    loop = stock.train(model, loader, switches, num_steps, ground.device)
    return Arm(name, precision, loop, model, Witness(model))


def our_arm(ground: Ground, precision: str, is_compact: bool = True) -> Arm:
    """The toolkit's loop, as `toolkit finetune` makes it for the recipe."""
    model = load_model(ground.task, ground.encoder, ground.tokenizer, ground.start)
    model = model.to(ground.device).train()
    settings = {
        "precision": precision,
        "micro_batches": 1,
        "tokens_per_micro_batch": ON_A_CPU if ground.device.type == "cpu" else None,
    }
    train = ground.train.model_copy(update=settings)
    used = np.unique(np.concatenate([w.inputs["input_ids"] for g in ground.windows for w in g]))
    vocabulary = compact(model, used) if is_compact and train.compact_vocabulary else None
    loop = Loop(
        model=model,
        optimiser=build_optimiser(model, train),
        scaler=None,
        train=train,
        plan=ground.plan,
        windows=ground.windows.__getitem__,
        padding=padding_of(ground.tokenizer),
        processes=Processes(),
        vocabulary=vocabulary,
    )
    name = f"ours {precision}" + ("" if is_compact else ", whole vocabulary")
    return Arm(name, precision, steps(loop), model, Witness(model), loop)


@torch.no_grad()
def difference(one: Arm, other: Arm) -> float:
    """The largest difference between two arms' weights, where each has all of its vocabulary."""
    assert one.loop is not None
    assert other.loop is not None
    with one.loop.whole(), other.loop.whole():
        theirs = dict(other.model.named_parameters())
        pairs = [(p, theirs[name]) for name, p in one.model.named_parameters()]
        return max(float((a - b).abs().max()) for a, b in pairs)
