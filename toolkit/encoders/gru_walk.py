"""The steps of a GRU through packed time, forward and back: what a `recurrence` needs of it.

Shapes: d directions, n tokens, w width; a step is a slice of the n rows. See `GruCell` for the
equations, and `lstm_walk` for what the loops have in common. All gradients of a step but that of
the step before are multiples of d_h, so that one operation makes them.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from toolkit.encoders.packing import Packing
from toolkit.encoders.recurrence import Gradients, Steps, steps_of, transposed

_sigmoid_slope = torch.ops.aten.sigmoid_backward.grad_input  # (x, s) -> x s (1 - s)
_tanh_slope = torch.ops.aten.tanh_backward  # (x, s) -> x (1 - s²)


class States(NamedTuple):
    """What the forward walk leaves for the backward one, each (d, n, w)."""

    hidden: Tensor  # h = (1 - z) n + z h_t-1
    recalled: Tensor  # u = U_n h_t-1 + c_n


def walk(
    gates: Tensor, weight_hidden: Tensor, bias_hidden: Tensor | None, sizes: list[int]
) -> States:
    """Run all steps; `gates` (d, n, 3w) comes in as W x + b and is activated in place."""
    assert bias_hidden is not None
    directions, rows, width = gates.shape[0], gates.shape[1], weight_hidden.shape[2]
    states = States(*(gates.new_empty(directions, rows, width) for _ in range(2)))
    of_gates = transposed(weight_hidden[:, : 2 * width])  # (d, w, 2w), of r and z
    of_candidate = transposed(weight_hidden[:, 2 * width :])  # (d, w, w)
    bias = bias_hidden[:, None]  # (d, 1, w)
    h_before = gates.new_zeros(directions, sizes[0], width)
    views = (gates[..., : 2 * width], *gates.chunk(3, dim=2), *states)
    with torch.inference_mode():
        for r_z, r, z, n, h, u in zip(*steps_of(views, sizes), strict=True):
            h_before = h_before.narrow(1, 0, h.shape[1])
            r_z.baddbmm_(h_before, of_gates).sigmoid_()
            torch.baddbmm(bias, h_before, of_candidate, out=u)  # u_t = U_n h_t-1 + c_n
            n.addcmul_(r, u).tanh_()  # n_t = tanh(W_n x_t + b_n + r_t ⊙ u_t)
            torch.lerp(n, h_before, z, out=h)  # h_t = n_t + z_t ⊙ (h_t-1 - n_t)
            h_before = h
    return states


def walk_back(
    d_hidden: Tensor,
    gates: Tensor,
    states: Sequence[Tensor],
    weight_hidden: Tensor,
    packing: Packing,
) -> Gradients:
    """The gradients (d, n, 3w) of W x + b and of U h, given that of the hidden states (d, n, w).

    `d_hidden` is changed in place: a step adds what reaches it through the next one.
    """
    d_u, slope = _slopes(gates, States(*states), packing)  # (d, n, 3w), (d, n, w)
    by_gate = d_u.view(*d_u.shape[:2], 3, -1)  # (d, n, 3, w)
    update = gates.chunk(3, dim=2)[1]
    steps = (
        reversed(steps)
        for steps in steps_of((d_u, by_gate, d_hidden, d_hidden[:, :, None], update), packing.sizes)
    )
    later: tuple[Tensor, ...] = (d_u[:, :0], d_hidden[:, :0], update[:, :0])  # behind the last step
    with torch.inference_mode():
        for d, d_gates, d_h, of_each, z in zip(*steps, strict=True):
            d_u_later, d_h_later, z_later = later
            reached = d_h.narrow(1, 0, d_h_later.shape[1])  # rows of sequences that go on
            reached.addcmul_(d_h_later, z_later)  # through h_t+1 = … + z_t+1 ⊙ h_t
            reached.baddbmm_(d_u_later, weight_hidden)
            d_gates.mul_(of_each)
            later = (d, d_h, z)
    d_z = d_u.clone()
    torch.mul(d_hidden, slope, out=d_z.chunk(3, dim=2)[2])  # the reset gate is not in W x
    return Gradients(d_z, d_u)


def _slopes(gates: Tensor, states: States, packing: Packing) -> tuple[Tensor, Tensor]:
    """What d_h_t is multiplied by, for all steps at once.

    (d, n, 3w): ∂h_t/∂(U h) for r, z and n; and (d, n, w): ∂h_t/∂(W x) for n.
    """
    first = packing.sizes[0]
    r, z, n = gates.chunk(3, dim=2)
    slopes = torch.empty_like(gates)
    at_r, at_z, at_n = slopes.chunk(3, dim=2)
    slope = _tanh_slope(1 - z, n)  # (1 - z) (1 - n²)
    torch.mul(slope, r, out=at_n)
    _sigmoid_slope(slope * states.recalled, r, grad_input=at_r)  # slope u r (1 - r)
    change = -n  # h_t-1 - n, where h is 0 before the first step
    change[:, first:] += packing.a_step_before(states.hidden)
    _sigmoid_slope(change, z, grad_input=at_z)  # (h_t-1 - n) z (1 - z)
    return slopes, slope


GRU = Steps(walk, walk_back)
