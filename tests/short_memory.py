"""A machine whose memory holds a number of tokens, in every process or in one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import pytest
import torch

from toolkit.models.model import Model

PLACES = ("forward", "loss", "backward")  # where the error comes: the last is amid the gradients
MESSAGES = {
    torch.OutOfMemoryError: "CUDA out of memory. Tried to allocate 2.00 GiB.",
    RuntimeError: "[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: "
    "can't allocate memory: you tried to allocate 4294967296 bytes. Error code 12",
    MemoryError: "std::bad_alloc",
}


@contextmanager
def short_memory(
    limit: int,
    place: str = "forward",
    kind: type[BaseException] = torch.OutOfMemoryError,
    after: int = 0,
    rank: int | None = None,
) -> Iterator[list[int]]:
    """Training passes over more tokens than the limit fail; gives the tokens of those that do.

    The memory is short only `after` so many training passes, and with `rank` in that process alone.
    """
    forward, refused, passes = Model.forward, [], count()

    def fail(*_):
        raise kind(MESSAGES[kind])

    def short(model, inputs, targets=None, lengths=None, keys=None):
        is_short = torch.is_grad_enabled() and next(passes) >= after and sum(lengths) > limit
        is_short &= rank is None or os.environ.get("RANK") == str(rank)
        refused.extend([sum(lengths)] * is_short)
        if is_short and place == "forward":
            fail()
        hook = None
        if is_short and place == "backward":
            hook = model.encoder.register_forward_hook(
                lambda _, __, encoded: encoded.tokens.register_hook(fail) and None
            )
        output = forward(model, inputs, targets, lengths, keys)
        if hook is not None:
            hook.remove()
        if is_short and place == "loss":
            output.loss.register_hook(fail)
        return output

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Model, "forward", short)
        yield refused
