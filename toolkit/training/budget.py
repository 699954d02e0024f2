"""How many tokens are computed at once where the recipe leaves that open."""

from torch import Tensor, empty_like, zeros

from toolkit.training.batches import Size, counted_seed, cut_at
from toolkit.training.gradients import Example, MicroBatch, tried
from toolkit.training.memory import MemoryLimitError, is_out_of_memory, too_large
from toolkit.training.steps import Loop

# On a CPU memory is seldom short, but what lies between two layers leaves its caches. Measured on
# one core (AVX-512, MiniLM, 32 texts of 190 to 220 tokens a step): padding-free steps are 1.02 to
# 1.11 times as fast as uncut ones, those of models that are read padded 2.1 to 2.8 times, since
# texts of a micro-batch have similar lengths. With 1,024 tokens padding-free ones become slower.
ON_A_CPU = 4096
_LOOKED_AT = 4096  # examples among which the longest are looked for
_MOMENTS = 2  # of AdamW: as large as the parameters, each


def resolved_budget(loop: Loop) -> int | None:
    """The tokens of a micro-batch: as the recipe says, or what suits the device."""
    asked: int | str | None = loop.train.tokens_per_micro_batch
    if not isinstance(asked, str):
        return asked
    if loop.processes.device.type == "cpu":
        return ON_A_CPU
    fitting: int = min(loop.processes.gather([fitting_tokens(loop)]))
    return fitting


def fitting_tokens(loop: Loop) -> int:
    """The tokens of the longest examples that memory holds: a part of a step, or a half of it, ….

    They are computed forward and backward, with room kept for what training adds to that; nothing
    of it is left. MemoryLimitError where not even one example fits.
    """
    examples, is_padded = _longest_part(loop), loop.model.encoder.is_padded
    sizes = [example.size for example in examples]
    most = Size.together(sizes).computed(is_padded)
    totals = zeros(4, device=loop.processes.device)
    room = _room(loop)
    with loop.alone() as model:
        while True:
            places = cut_at(most, sizes, is_padded)[0]
            seed = counted_seed(loop.train.seed, "probe")
            micro_batch = MicroBatch([examples[place] for place in places], seed)
            refused = tried(loop, model, 0, micro_batch, totals)
            model.zero_grad(set_to_none=True)
            if refused is None:
                break
            if refused.examples == 1:
                raise too_large("before the first step", refused, loop.train)
            most = refused.tokens // 2
    del room
    return most


def _longest_part(loop: Loop) -> list[Example]:
    """The longest examples of the split, as many as a part of a step has.

    Of a large split some thousands are looked at, from its beginning to its end.
    """
    stride = -(-loop.plan.num_examples // _LOOKED_AT)
    found = [Example(n, loop.windows(n)) for n in range(0, loop.plan.num_examples, stride)]
    number = -(-loop.plan.batch_size // (loop.train.micro_batches or 1))
    return sorted(found, key=lambda example: -example.size.longest)[:number]


def _room(loop: Loop) -> list[Tensor]:
    """What the optimiser, and the sum of gradients, will take beside what backward leaves."""
    count = loop.processes.count
    copies = _MOMENTS + (count > 1)
    if loop.is_elastic:  # a summand a level of the own subtree, and one more to exchange
        copies += ((loop.train.micro_batches or 1) // count).bit_length() - 1 + (count > 1)
    parameters = [p for group in loop.optimiser.param_groups for p in group["params"]]
    try:
        return [empty_like(p) for p in parameters for _ in range(copies)]
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        number = sum(p.numel() for p in parameters)
        raise MemoryLimitError(
            f"memory does not hold what training keeps of {number:,} parameters: freeze some "
            "(train.freeze), train an adapter (model.adapter), or use a machine with more memory"
        ) from None
