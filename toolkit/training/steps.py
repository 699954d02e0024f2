"""The training loop, as a generator: read its output, or copy it.

A loss is a sum and a count. Gradients of sums are added up over the micro-batches of a step and
over the processes, and divided once by the count of the whole step. Dropout is counted from
(seed, step, example), so that it is the same however a step is cut, and no generator state has to
be kept; what draws nevertheless starts from (seed, step, micro-batch).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import torch
from torch import nn

from toolkit.errors import NumericalError
from toolkit.models.model import Model
from toolkit.models.vocabulary import Vocabulary
from toolkit.recipe.schema import Train
from toolkit.training.batches import Plan
from toolkit.training.gradients import Held, gradients
from toolkit.training.memory import Refused
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


class Halved(NamedTuple):
    """Memory did not hold a part of a step, which is computed again with less at once."""

    number: int  # of the step, counted from 1
    tokens: int  # that memory did not hold
    most: int  # tokens at once from this step on


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
    smaller: Mapping[int, int] = {}  # tokens at once from these steps on, where memory held no more

    def most(self, step: int) -> int | None:
        """The tokens that are computed at once in a step (counted from 0); None: no limit."""
        recipe = self.train.tokens_per_micro_batch
        limits = [] if recipe in (None, "auto") else [int(recipe)]
        limits += [tokens for first, tokens in self.smaller.items() if first <= step + 1]
        return min(limits, default=None)

    def whole(self) -> AbstractContextManager[None]:
        """The model with all of its vocabulary, to evaluate, save or fill it."""
        return nullcontext() if self.vocabulary is None else self.vocabulary.whole()


def steps(loop: Loop, done: int = 0) -> Iterator[Step | Halved]:
    """Train from step `done` on, one optimiser step for each `Step` that is yielded.

    `Halved` comes before a step that is computed again, for the loop that goes on with the run to
    have it in `smaller`.
    """
    plan, train, held = loop.plan, loop.train, Held()
    wrapped: nn.Module | None = None
    for step in range(done, plan.num_steps):
        is_changed = loop.unfreezing is not None and loop.unfreezing.apply(loop.model, step)
        if wrapped is None or is_changed:
            wrapped = None  # DDP waits for what was trained when it was made: let go of it first
            wrapped = loop.processes.wrap(loop.model)
        while isinstance(sums := gradients(loop, wrapped, held, step), Refused):
            most = sums.tokens // 2
            loop = loop._replace(smaller={**loop.smaller, step + 1: most})
            yield Halved(step + 1, sums.tokens, most)
        loss, count, num_tokens = sums
        examples = plan.examples(step)
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
