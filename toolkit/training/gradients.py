"""The gradient of a step, one micro-batch after the other.

The parts of a step are shared out over the processes, and a part that has more tokens than are
computed at once is cut again. Where memory does not hold a micro-batch, all processes learn of it
and the step counts for nothing.

Under DDP, one backward a step is shared: it exchanges gradients while it computes them, and cannot
be taken back once it has begun. So nothing is shared that is larger than what was held before: what
is larger is computed by itself, and an example that counts for nothing is shared in its place.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

from toolkit import stopping
from toolkit.models.batch import Batch, collate
from toolkit.models.precision import autocast
from toolkit.training.batches import Size, counted_seed, cut_at, parts_of
from toolkit.training.memory import (
    Refused,
    SharedMemoryError,
    is_out_of_memory,
    let_go,
    too_large,
)
from toolkit.windows import Window

if TYPE_CHECKING:
    from toolkit.training.processes import Processes
    from toolkit.training.steps import Loop


class Sums(NamedTuple):
    """What the micro-batches of a step add up to, over all processes."""

    loss: float
    num_targets: int
    num_tokens: int  # without padding


class Example(NamedTuple):
    """A training example and its windows."""

    number: int
    windows: Sequence[Window]

    @property
    def size(self) -> Size:
        """How much it is to compute."""
        lengths = [window.length for window in self.windows]
        return Size(len(lengths), sum(lengths), max(lengths, default=0))


class MicroBatch(NamedTuple):
    """Examples that are computed together."""

    examples: Sequence[Example]
    seed: int  # of what draws random numbers
    weight: int = 1  # 0: computed because others wait for its gradient, counts for nothing

    def refused(self, is_padded: bool) -> Refused:
        """What to tell where memory does not hold it."""
        size = Size.together(example.size for example in self.examples)
        return Refused(len(self.examples), size.computed(is_padded))


class Held:
    """The largest micro-batches that memory has held so far."""

    def __init__(self) -> None:
        self.tokens = self.longest = 0

    def add(self, micro_batch: MicroBatch) -> None:
        """Memory held this one."""
        size = Size.together(example.size for example in micro_batch.examples)
        self.tokens = max(self.tokens, size.computed(is_padded=True))
        self.longest = max(self.longest, size.longest)

    def has(self, micro_batch: MicroBatch) -> bool:
        """Whether as much was held before, in tokens and in tokens of a window."""
        size = Size.together(example.size for example in micro_batch.examples)
        return size.computed(is_padded=True) <= self.tokens and size.longest <= self.longest


def gradients(loop: "Loop", wrapped: nn.Module, held: Held, step: int) -> Sums | Refused:
    """Leave the gradient of the summed loss over the step in `.grad`, divided by the processes.

    What memory did not hold in any process is the answer in each, and the gradients are gone.
    MemoryLimitError where that was a single example, SharedMemoryError in the middle of DDP's
    exchange.
    """
    processes = loop.processes
    parts = shared_parts(loop.train.micro_batches or 1, processes)
    own = [each for part in parts for each in micro_batches(loop, step, part)]
    shared = None
    if processes.count > 1:
        # a process whose parts of a small last step are empty takes part in the exchange, too
        shared = own.pop() if own and held.has(own[-1]) else _empty(loop, step)
    totals = new_totals(loop)
    loop.optimiser.zero_grad(set_to_none=True)
    refused = None
    for micro_batch in own:
        with processes.alone(wrapped, is_last=False):
            refused = tried(loop, wrapped, step, micro_batch, totals)
        if refused:
            break
        held.add(micro_batch)
    if shared is not None:
        if refused:
            processes.go_on(wrapped)
            shared = _empty(loop, step)
        _exchange(loop, wrapped, step, shared, totals)
    totals[3] = refused is not None
    sums, failures = _summed(totals, processes)
    return agreed(loop, step, refused) if failures else sums


def sharded_gradients(loop: "Loop", step: int) -> Sums:
    """Leave this process's share of the gradient of the summed loss over the step in `.grad`.

    Each pass brings weights together and shares gradients out, so all processes make as many, and
    none can be taken back. SharedMemoryError or MemoryLimitError where memory does not hold one.
    """
    processes = loop.processes
    parts = shared_parts(loop.train.micro_batches or 1, processes)
    own = [each for part in parts for each in micro_batches(loop, step, part)]
    own += [_empty(loop, step)] * (processes.most(len(own)) - len(own))
    totals = new_totals(loop)
    loop.optimiser.zero_grad(set_to_none=True)
    for micro_batch in own:
        _exchange(loop, loop.model, step, micro_batch, totals)
    return _summed(totals, processes)[0]


def _exchange(
    loop: "Loop", wrapped: nn.Module, step: int, micro_batch: MicroBatch, totals: Tensor
) -> None:
    """Add a micro-batch while others wait for its gradient."""
    if lost := tried(loop, wrapped, step, micro_batch, totals):
        if lost.examples == 1:
            raise too_large(f"step {step + 1}", lost, loop.train)
        raise SharedMemoryError(step, lost)


def _summed(totals: Tensor, processes: "Processes") -> tuple[Sums, bool]:
    """The sums over the processes, and whether the memory of any was short."""
    totals[4] = stopping.vote()  # so that all stop behind the same step
    loss, count, num_tokens, failures, processes.votes = processes.sum(totals).tolist()
    return Sums(loss, int(count), int(num_tokens)), bool(failures)


def tried(
    loop: "Loop", wrapped: nn.Module, step: int, micro_batch: MicroBatch, totals: Tensor
) -> Refused | None:
    """Add a micro-batch to the gradients and the totals; None where memory held it."""
    try:
        _add(loop, wrapped, step, micro_batch, totals)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
    else:
        return None
    # behind the handler: what was computed hangs on the error
    let_go(loop.processes.device)
    return micro_batch.refused(loop.model.encoder.is_padded)


def shared_parts(number: int, processes: "Processes") -> range:
    """The parts of a step that this process computes, of so many."""
    return range(processes.rank, number, processes.count)


def read(loop: "Loop", numbers: Iterable[int]) -> list[Example]:
    """Training examples with their windows."""
    return [Example(number, loop.windows(number)) for number in numbers]


def micro_batches(loop: "Loop", step: int, part: int) -> Iterator[MicroBatch]:
    """What a part of a step is computed in; nothing where it has no examples."""
    numbers = parts_of(loop.plan.examples(step), loop.train.micro_batches or 1)[part]
    examples = read(loop, numbers)
    sizes = [example.size for example in examples]
    cuts = cut_at(loop.most(step), sizes, loop.model.encoder.is_padded) if examples else []
    for number, places in enumerate(cuts):
        counters = (step, part, number) if number else (step, part)
        yield MicroBatch([examples[p] for p in places], counted_seed(loop.train.seed, *counters))


def new_totals(loop: "Loop") -> Tensor:
    """Loss, targets, tokens, processes whose memory was short, votes to stop behind the step."""
    return torch.zeros(5, dtype=torch.float64, device=loop.processes.device)


def _empty(loop: "Loop", step: int) -> MicroBatch:
    """The first example of a step, its loss multiplied by 0."""
    seed = counted_seed(loop.train.seed, step, "empty")
    return MicroBatch(read(loop, loop.plan.examples(step)[:1]), seed, weight=0)


def _add(
    loop: "Loop", wrapped: nn.Module, step: int, micro_batch: MicroBatch, totals: Tensor
) -> None:
    output, num_tokens = computed(loop, wrapped, step, micro_batch)
    loss = output.loss * micro_batch.weight
    (loop.scaler.scale(loss) if loop.scaler else loss).backward()
    totals[0] += loss.detach()
    totals[1] += output.count * micro_batch.weight
    totals[2] += num_tokens * micro_batch.weight


def computed(loop: "Loop", model: nn.Module, step: int, micro_batch: MicroBatch) -> tuple[Any, int]:
    """What the model makes of a micro-batch, as it is in that step, and its number of tokens."""
    torch.manual_seed(micro_batch.seed)
    batch = _batch(loop, step, micro_batch)
    with autocast(loop.train.precision, loop.processes.device):
        output = model(batch.inputs, batch.targets, batch.lengths, batch.keys)
    return output, batch.num_tokens


def _batch(loop: "Loop", step: int, micro_batch: MicroBatch) -> Batch:
    windows, keys = [], []
    for example in micro_batch.examples:
        for number, window in enumerate(example.windows):
            # what varies, and dropout, follow from step and example alone, whichever process and
            # micro-batch has them
            counters = (step, example.number, number)
            keys.append(counted_seed(loop.train.seed, *counters))
            if loop.vary is not None:
                window = loop.vary(window, counted_seed(loop.train.seed, "vary", *counters))
            windows.append(window)
    return collate(windows, loop.padding, loop.processes.device, keys)


def agreed(loop: "Loop", step: int, refused: Refused | None) -> Refused:
    """The least that any process could not compute, in each; called by all where one failed."""
    loop.optimiser.zero_grad(set_to_none=True)
    told: list[Refused] = [each for each in loop.processes.gather([refused]) if each]
    single = [each for each in told if each.examples == 1]
    if single:
        raise too_large(f"step {step + 1}", max(single), loop.train)
    return min(told, key=lambda each: each.tokens)
