"""The training loop, as a generator: read its output, or copy it.

A loss is a sum and a count. Gradients of sums are added up over the micro-batches of a step and
over the processes, and divided once by the count of the whole step. Dropout is counted from
(seed, step, example), so that it is the same however a step is cut, and no generator state has to
be kept; what draws nevertheless starts from (seed, step, micro-batch).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import NamedTuple

import torch
from torch import nn

from toolkit.data.text import counted
from toolkit.errors import DataError, NumericalError
from toolkit.models.model import Model
from toolkit.models.vocabulary import Vocabulary
from toolkit.recipe.schema import Train
from toolkit.training import numbers
from toolkit.training.batches import Plan, counted_seed
from toolkit.training.elastic import check_equal, elastic_gradients, own_parts
from toolkit.training.gradients import (
    Held,
    MicroBatch,
    Sums,
    computed,
    gradients,
    micro_batches,
    read,
    sharded_gradients,
    shared_parts,
)
from toolkit.training.memory import Refused
from toolkit.training.optimiser import rate_factor
from toolkit.training.processes import Processes
from toolkit.training.sharding import Sharding, local, norm_of
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
    left_out: numbers.NotFinite | None = None  # not finite: the optimiser did not make it


class Halved(NamedTuple):
    """Memory did not hold a part of a step, which is computed again with less at once."""

    number: int  # of the step, counted from 1
    tokens: int  # that memory did not hold
    most: int  # tokens at once from this step on


class Loop(NamedTuple):
    """What a loop needs; the same in every process."""

    model: Model  # not wrapped: `steps` does it, anew whenever other parameters are trained
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
    ids: Callable[[Sequence[int]], Sequence[str]] | None = None  # of examples; None: their places
    smaller: Mapping[int, int] = {}  # tokens at once from these steps on, where memory held no more
    sharding: Sharding | None = None  # the weights of `model` are shares; None: they are whole

    @property
    def is_elastic(self) -> bool:
        """Whether processes and restarts of any number have to give the same bits."""
        return self.train.reproducible == "elastic"

    def most(self, step: int) -> int | None:
        """The tokens that are computed at once in a step (counted from 0); None: no limit."""
        recipe = self.train.tokens_per_micro_batch
        limits = [recipe] if isinstance(recipe, int) else []  # auto: nobody has looked
        limits += [tokens for first, tokens in self.smaller.items() if first <= step + 1]
        return min(limits, default=None)

    @property
    def divided(self) -> int:
        """What gradients have been divided by when they are there: DDP does so."""
        return 1 if self.is_elastic or self.sharding else self.processes.count

    @contextmanager
    def alone(self) -> Iterator[Model]:
        """The model as it is trained, for a process to compute with by itself; all take part."""
        if self.sharding is None:
            yield self.model
        else:
            with self.sharding.whole():
                yield self.sharding.plain

    @contextmanager
    def whole(self, *, decayed: bool = True) -> Iterator[None]:
        """All weights and all of the vocabulary, to evaluate, save or fill it; all take part.

        `decayed`: see `Vocabulary.whole`.
        """
        vocabulary = self.vocabulary
        with self.alone(), vocabulary.whole(decayed=decayed) if vocabulary else nullcontext():
            yield


def steps(loop: Loop, done: int = 0) -> Iterator[Step | Halved]:
    """Train from step `done` on, one optimiser step for each `Step` that is yielded.

    `Halved` comes before a step that is computed again, for the loop that goes on with the run to
    have it in `smaller`.
    """
    plan, train, held = loop.plan, loop.train, Held()
    if loop.is_elastic:
        check_equal(loop.model, loop.processes)
    wrapped: nn.Module | None = None
    for step in range(done, plan.num_steps):
        is_changed = loop.unfreezing is not None and loop.unfreezing.apply(loop.model, step)
        if wrapped is None or is_changed:
            wrapped = None  # DDP waits for what was trained when it was made: let go of it first
            is_bare = loop.is_elastic or loop.sharding is not None
            wrapped = loop.model if is_bare else loop.processes.wrap(loop.model)
        while isinstance(sums := _sums(loop, wrapped, held, step), Refused):
            most = sums.tokens // 2
            loop = loop._replace(smaller={**loop.smaller, step + 1: most})
            yield Halved(step + 1, sums.tokens, most)
        loss, count, num_tokens = sums
        examples = plan.examples(step)
        rate = rate_factor(train.schedule, train.warmup, step, plan.num_steps)
        for group in loop.optimiser.param_groups:
            group["lr"] = group["highest"] * rate
            if not numbers.is_finite(group["lr"]):
                raise NumericalError(f"step {step + 1}: the learning rate is {group['lr']}")
        grad_norm, left_out = _update(loop, step, examples, loss, count)
        yield Step(
            number=step + 1,
            epoch=(step + 1) / plan.steps_per_epoch,
            loss=loss / max(1, count),
            grad_norm=grad_norm,
            learning_rate=train.learning_rate * rate,
            num_targets=count,
            num_examples=len(examples),
            num_tokens=num_tokens,
            left_out=left_out,
        )


def _sums(loop: Loop, wrapped: nn.Module, held: Held, step: int) -> Sums | Refused:
    if loop.is_elastic:
        return elastic_gradients(loop, step)
    if loop.sharding is not None:
        return sharded_gradients(loop, step)
    return gradients(loop, wrapped, held, step)


@torch.no_grad()
def check_targets(loop: Loop) -> None:
    """DataError where no example has a target: every step would leave the model as it is.

    Mostly one example is read for it; ever more at once where the first ones have none.
    """
    number, start, size = loop.plan.num_examples, 0, 1
    with loop.alone() as model:
        while start < number:
            examples = range(start, min(number, start + size))
            micro_batch = MicroBatch(read(loop, examples), counted_seed(loop.train.seed, "targets"))
            if int(computed(loop, model, 0, micro_batch)[0].count):
                return
            start, size = examples.stop, min(2 * size, loop.plan.batch_size)
    raise DataError(
        f"data.train: none of the {counted(number, 'example')} has a target that can be learned"
    )


def _update(
    loop: Loop, step: int, examples: Sequence[int], loss: float, count: int
) -> tuple[float, numbers.NotFinite | None]:
    """Divide, clip and step; the norm of the gradient before clipping.

    NonFiniteError before the optimiser steps where loss or norm is not finite, or where the recipe
    says so, what was not finite of a step that is left out.
    """
    if not count and numbers.is_finite(loss):
        return 0.0, None  # no target in the whole step: nothing to learn
    if loop.scaler:
        loop.scaler.unscale_(loop.optimiser)
    parameters = [p for p in loop.model.parameters() if p.grad is not None]
    gradients = [local(p.grad) for p in parameters if p.grad is not None]
    torch._foreach_mul_(gradients, loop.divided / max(1, count))
    norm = norm_of(gradients, loop.processes if loop.sharding else None)
    grad_norm = float(norm)
    left_out = None
    if numbers.is_finite(loss, grad_norm):
        if loop.train.max_grad_norm is not None:
            torch.nn.utils.clip_grads_with_norm_(parameters, loop.train.max_grad_norm, norm)
        loop.scaler.step(loop.optimiser) if loop.scaler else loop.optimiser.step()
        if loop.vocabulary is not None:
            _tell_decay(loop.vocabulary, loop.model, loop.optimiser)
    elif loop.scaler and numbers.is_finite(loss):
        # float16 overflowed: the scaler takes a lower scale from here on
        left_out = numbers.NotFinite(step + 1, loss, grad_norm, None, None)
    else:
        left_out = _not_finite(loop, step, loss, grad_norm)
        if loop.train.on_nonfinite == "stop" or left_out.weight is not None:
            raise numbers.NonFiniteError(left_out)
    if loop.scaler:
        loop.scaler.update()
    return grad_norm, left_out


def _not_finite(loop: Loop, step: int, loss: float, grad_norm: float) -> numbers.NotFinite:
    """What broke a step, found by computing it again; the same in every process."""
    processes = loop.processes
    own = [each for part in _parts(loop) for each in micro_batches(loop, step, part)]
    mine = {n: [each.number for each in part.examples] for n, part in enumerate(own)}
    ids = loop.ids or (lambda places: [str(place) for place in places])
    with loop.alone() as model:

        def loss_of(part: int, examples: Sequence[int]) -> torch.Tensor:
            again = MicroBatch(read(loop, examples), own[part].seed)
            found = computed(loop, model, step, again)[0].loss
            scaled: torch.Tensor = loop.scaler.scale(found) if loop.scaler else found
            return scaled

        weight = numbers.first_not_finite(dict(model.named_parameters()))
        mine_found = numbers.findings(model, loss_of, mine, processes.rank, ids)
    found = processes.gather(mine_found)
    first = min(found, key=lambda finding: finding.part, default=None)
    return numbers.NotFinite(step + 1, loss, grad_norm, weight, first)


def _parts(loop: Loop) -> range:
    """The parts of a step that this process computes."""
    number, processes = loop.train.micro_batches or 1, loop.processes
    if loop.is_elastic:
        return own_parts(number, processes)
    return shared_parts(number, processes)


def _tell_decay(vocabulary: Vocabulary, model: Model, optimiser: torch.optim.Optimizer) -> None:
    rows = model.encoder.word_embedding().weight
    if rows.grad is not None:
        group = next(g for g in optimiser.param_groups if any(p is rows for p in g["params"]))
        vocabulary.stepped(group)
