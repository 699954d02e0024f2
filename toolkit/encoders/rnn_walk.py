"""The steps of a simple recurrent network through packed time, forward and back.

Shapes: d directions, n tokens, w width; a step is a slice of the n rows. See `RnnCell` for the
equation, and `lstm_walk` for what the loops have in common.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from toolkit.encoders.packing import Packing
from toolkit.encoders.recurrence import Gradients, Steps, steps_of, transposed


class States(NamedTuple):
    """What the forward walk leaves for the backward one."""

    hidden: Tensor  # (d, n, w): tanh(z)


def walk(z: Tensor, weight_hidden: Tensor, _: Tensor | None, sizes: list[int]) -> States:
    """Run all steps; `z` (d, n, w) comes in as W x + b and becomes h in place."""
    recurrent = transposed(weight_hidden)  # (d, w, w)
    h_before = z.new_zeros(len(z), sizes[0], weight_hidden.shape[2])
    with torch.inference_mode():
        for (h,) in zip(*steps_of((z,), sizes), strict=True):
            h.baddbmm_(h_before.narrow(1, 0, h.shape[1]), recurrent).tanh_()
            h_before = h  # h_t = tanh(W x_t + b + U h_t-1)
    return States(z)


def walk_back(
    d_hidden: Tensor,
    gates: Tensor,
    _: Sequence[Tensor],
    weight_hidden: Tensor,
    packing: Packing,
) -> Gradients:
    """The gradient (d, n, w) of W x + U h + b, given that of the hidden states; both in place."""
    d_z = 1 - gates.square()  # the slope of tanh; (d, n, w)
    steps = (reversed(steps) for steps in steps_of((d_z, d_hidden), packing.sizes))
    d_later = d_z[:, :0]  # nothing follows the last step
    with torch.inference_mode():
        for d, d_h in zip(*steps, strict=True):
            d_h.narrow(1, 0, d_later.shape[1]).baddbmm_(d_later, weight_hidden)
            d.mul_(d_h)
            d_later = d
    return Gradients(d_z, d_z)


RNN = Steps(walk, walk_back)
