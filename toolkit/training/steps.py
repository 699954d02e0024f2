"""The training loop, as a generator: read its output, or copy it.

A loss is a sum and a count. Gradients of sums are added up over the micro-batches of a step and
over the processes, and divided once by the count of the whole step. Dropout is counted from
(seed, step, example), so that it is the same however a step is cut, and no generator state has to
be kept; what draws nevertheless starts from (seed, step, micro-batch).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import torch
from torch import nn

from toolkit.errors import NumericalError
from toolkit.models.batch import Batch, collate
from toolkit.models.model import Model
from toolkit.models.precision import autocast
from toolkit.models.vocabulary import Vocabulary
from toolkit.recipe.schema import Train
from toolkit.training.batches import Plan, counted_seed, parts_of
from toolkit.training.optimiser import rate_factor
from toolkit.training.processes import Processes
from toolkit.training.unfreezing import Unfreezing
from toolkit.windows import Window


class Step(NamedTuple):
    """What an optimiser step was."""

    number: int  # counted from 1
    epoch: float  # passes over the training split so far
    loss: float  # mean over the targets of the step, over all processes
    grad_norm: float  # before clipping
    learning_rate: float  # of the encoder
    num_targets: int
    num_examples: int
    num_tokens: int  # without padding


class Loop(NamedTuple):
    """What a loop needs; the same in every process."""

    model: Model  # plain: `steps` wraps it, anew whenever other parameters are trained
    optimiser: torch.optim.Optimizer
    scaler: "torch.amp.GradScaler | None"  # for fp16
    train: Train  # precision and micro_batches resolved
    plan: Plan
    windows: Callable[[int], Sequence[Window]]  # of a training example
    padding: dict[str, int]
    processes: Processes
    unfreezing: Unfreezing | None = None
    vocabulary: Vocabulary | None = None  # None: every row is trained
    vary: Callable[[Window, int], Window] | None = None  # a window and a seed; None: as it is

    def whole(self) -> AbstractContextManager[None]:
        """The model with all of its vocabulary, to evaluate, save or fill it."""
        return nullcontext() if self.vocabulary is None else self.vocabulary.whole()


def steps(loop: Loop, done: int = 0) -> Iterator[Step]:
    """Train from step `done` on, one optimiser step for each `Step` that is yielded."""
    plan, train = loop.plan, loop.train
    wrapped: nn.Module | None = None
    for step in range(done, plan.num_steps):
        is_changed = loop.unfreezing is not None and loop.unfreezing.apply(loop.model, step)
        if wrapped is None or is_changed:
            wrapped = None  # DDP waits for what was trained when it was made: let go of it first
            wrapped = loop.processes.wrap(loop.model)
        examples = plan.examples(step)
        loss, count, num_tokens = _gradients(loop, wrapped, step, examples)
        rate = rate_factor(train.schedule, train.warmup, step, plan.num_steps)
        for group in loop.optimiser.param_groups:
            group["lr"] = group["highest"] * rate
        grad_norm = _update(loop, step, examples, loss, count)
        yield Step(
            number=step + 1,
            epoch=(step + 1) / plan.steps_per_epoch,
            loss=loss / max(1, count),
            grad_norm=grad_norm,
            learning_rate=train.learning_rate * rate,
            num_targets=count,
            num_examples=len(examples),
            num_tokens=num_tokens,
        )


def _gradients(
    loop: Loop, wrapped: nn.Module, step: int, examples: Sequence[int]
) -> tuple[float, int, int]:
    """Leave the gradient of the summed loss over the step in `.grad`, divided by the processes.

    Returns the summed loss, its count, and the tokens, over all processes.
    """
    processes = loop.processes
    parts = parts_of(examples, loop.train.micro_batches or 1)
    mine = range(processes.rank, len(parts), processes.count)
    totals = torch.zeros(3, dtype=torch.float64, device=processes.device)
    loop.optimiser.zero_grad(set_to_none=True)
    for part in mine:
        torch.manual_seed(counted_seed(loop.train.seed, step, part))
        batch, weight = _batch(loop, step, parts[part] or examples[:1], is_empty=not parts[part])
        with processes.alone(wrapped, is_last=part == mine[-1]):
            with autocast(loop.train.precision, processes.device):
                output = wrapped(batch.inputs, batch.targets, batch.lengths, batch.keys)
            loss = output.loss * weight
            (loop.scaler.scale(loss) if loop.scaler else loss).backward()
        totals[0] += loss.detach()
        totals[1] += output.count * weight
        totals[2] += batch.num_tokens * weight
    loss, count, num_tokens = processes.sum(totals).tolist()
    return loss, int(count), int(num_tokens)


def _batch(loop: Loop, step: int, examples: Sequence[int], is_empty: bool) -> tuple[Batch, int]:
    # a process whose part of a small last step is empty still takes part in the collective
    # operations of backward: it runs an example whose loss is multiplied by 0
    windows = [window for example in examples for window in _windows(loop, step, example)]
    keys = [
        counted_seed(loop.train.seed, step, example, number)
        for example in examples
        for number in range(len(loop.windows(example)))
    ]
    return collate(windows, loop.padding, loop.processes.device, keys), 0 if is_empty else 1


def _windows(loop: Loop, step: int, example: int) -> Sequence[Window]:
    # what varies follows from step and example alone, whichever micro-batch and process has them
    windows = loop.windows(example)
    if loop.vary is None:
        return windows
    seeds = (counted_seed(loop.train.seed, "vary", step, example, n) for n in range(len(windows)))
    return [loop.vary(window, seed) for window, seed in zip(windows, seeds)]


def _update(loop: Loop, step: int, examples: Sequence[int], loss: float, count: int) -> float:
    """Divide, clip and step; the norm of the gradient before clipping."""
    if not count:
        return 0.0  # no target in the whole step: nothing to learn
    if loop.scaler:
        loop.scaler.unscale_(loop.optimiser)
    parameters = [p for p in loop.model.parameters() if p.grad is not None]
    gradients = [p.grad for p in parameters if p.grad is not None]
    # DDP has divided the sums by the number of processes
    torch._foreach_mul_(gradients, loop.processes.count / count)
    norm = torch.nn.utils.get_total_norm(gradients)
    grad_norm = float(norm)
    is_finite = torch.isfinite(norm).item()
    if not torch.isfinite(torch.tensor(loss)) or not (is_finite or loop.scaler):
        raise NumericalError(
            f"step {step + 1}: the loss is {loss} and the gradient norm {grad_norm}: not finite; "
            f"examples {', '.join(map(str, examples[:8]))}… of the training split"
        )
    if loop.train.max_grad_norm is not None and is_finite:
        torch.nn.utils.clip_grads_with_norm_(parameters, loop.train.max_grad_norm, norm)
    if loop.scaler:
        loop.scaler.step(loop.optimiser)  # leaves the step out where float16 overflowed
        loop.scaler.update()
    else:
        loop.optimiser.step()
    if loop.vocabulary is not None and is_finite:
        loop.vocabulary.stepped(_group_of(loop.optimiser, loop.vocabulary.rows))
    return grad_norm


def _group_of(optimiser: torch.optim.Optimizer, parameter: nn.Parameter) -> dict[str, Any]:
    return next(g for g in optimiser.param_groups if any(p is parameter for p in g["params"]))
