"""The gradient of a step as the same bits, however many processes compute it.

A sum of floats depends on its order. Here a step has a fixed number of parts, a power of two; each
is computed by itself, and their gradients are added up along the binary tree whose leaves are the
parts in their order. A process has neighbouring parts, which are a whole subtree; the rest of the
tree is one exchange with another process for each of its levels.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from toolkit import stopping
from toolkit.errors import RunError
from toolkit.training.gradients import Sums, agreed, micro_batches, new_totals, tried
from toolkit.training.memory import Refused
from toolkit.training.processes import Processes

if TYPE_CHECKING:
    from toolkit.training.steps import Loop

Leaf = list[Tensor]  # the gradients of a part, behind them its totals


def elastic_gradients(loop: "Loop", step: int) -> Sums | Refused:
    """Leave the gradient of the summed loss over the step in `.grad`, the same in each process.

    What memory did not hold is the answer, as it is of `gradients`.
    """
    processes, tree, refused = loop.processes, Tree(), None
    totals = new_totals(loop)
    for part in own_parts(loop.train.micro_batches or 1, processes):
        refused = _compute(loop, step, part, totals)
        if refused:
            break
        tree.add([*_taken(loop.model), totals])
        totals = new_totals(loop)
    sums: list[Tensor] = []
    if refused:
        totals = new_totals(loop)
        totals[3] = 1
    else:
        *sums, totals = tree.sums()
    totals[4] = stopping.vote()  # so that all stop behind the same step
    totals = summed_in_order(totals, processes)
    loss, num_targets, num_tokens, failures, processes.votes = totals.tolist()
    if failures:
        return agreed(loop, step, refused)
    _exchange(sums, processes)
    for parameter, gradient in zip(trained(loop.model), sums, strict=True):
        parameter.grad = gradient
    return Sums(loss, int(num_targets), int(num_tokens))


def own_parts(number: int, processes: Processes) -> range:
    """The parts of a step that this process computes: neighbours, as many as any other has."""
    each = number // processes.count
    return range(processes.rank * each, (processes.rank + 1) * each)


class Tree:
    """A sum of leaves along a binary tree. Keeps as many summands as it has levels, and adds to
    the first of two in place."""

    def __init__(self) -> None:
        self.summands: list[tuple[int, Leaf]] = []  # each with its level; levels fall

    def add(self, leaf: Leaf) -> None:
        """Add the next leaf, and what is complete with it."""
        level = 0
        while self.summands and self.summands[-1][0] == level:
            _, left = self.summands.pop()
            for one, other in zip(left, leaf, strict=True):
                one.add_(other)
            leaf, level = left, level + 1
        self.summands.append((level, leaf))

    def sums(self) -> Leaf:
        """The sum of all leaves, of which there are a power of two."""
        ((_, sums),) = self.summands
        return sums


def summed_in_order(own: Tensor, processes: Processes) -> Tensor:
    """The sum over the processes, a power of two, along the binary tree; in place."""
    distance = 1
    while distance < processes.count:
        # a + b is b + a: both sides have the same sum
        own.add_(processes.swap(own, processes.rank ^ distance))
        distance *= 2
    return own


def check_equal(model: nn.Module, processes: Processes) -> None:
    """RunError where processes begin with different weights: nothing would ever make them equal."""
    if processes.count > 1:
        sums = [float(parameter.detach().double().sum()) for parameter in model.parameters()]
        first = processes.from_main(sums)
        equal = processes.gather([sums == first])
        if not all(equal):
            raise RunError(f"process {equal.index(False)} begins with other weights than process 0")


def _compute(loop: "Loop", step: int, part: int, totals: Tensor) -> Refused | None:
    """Leave the gradient of a part in `.grad`; None where memory held it."""
    loop.optimiser.zero_grad(set_to_none=True)
    for micro_batch in micro_batches(loop, step, part):
        if refused := tried(loop, loop.model, step, micro_batch, totals):
            return refused
    return None


def _taken(model: nn.Module) -> list[Tensor]:
    """The gradients of what is trained; zeros where a part had no examples."""
    return [torch.zeros_like(p) if p.grad is None else p.grad for p in trained(model)]


def trained(model: nn.Module) -> list[nn.Parameter]:
    """The parameters that this step trains."""
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def _exchange(gradients: Sequence[Tensor], processes: Processes) -> None:
    """Add what the other processes have, in place."""
    if processes.count == 1:
        return
    flat = summed_in_order(torch.cat([each.flatten() for each in gradients]), processes)
    parts = flat.split_with_sizes([each.numel() for each in gradients])
    for gradient, part in zip(gradients, parts, strict=True):
        gradient.copy_(part.view_as(gradient))
