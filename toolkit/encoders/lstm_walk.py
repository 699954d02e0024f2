"""The steps of an LSTM through packed time, forward and back: what a `recurrence` needs of it.

Shapes: d directions, n tokens, w width; a step is a slice of the n rows. See `LstmCell` for the
equations, and `Packing` for the order of the rows. The loops decide the speed, so a step does
nothing that all steps can do at once, everything in place, and neighbouring gates together: in
the order output, input, forget, candidate the three sigmoids are one operation, and so are the
gradients of the three gates that lead through the cell.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from toolkit.encoders.packing import Packing
from toolkit.encoders.recurrence import Gradients, Steps, steps_of, transposed

# Into `grad_input`, without a temporary, for an activated gate s:
_sigmoid_slope = torch.ops.aten.sigmoid_backward.grad_input  # (x, s) -> x s (1 - s)
_tanh_slope = torch.ops.aten.tanh_backward.grad_input  # (x, s) -> x (1 - s²)


class States(NamedTuple):
    """What the forward walk leaves for the backward one, each (d, n, w)."""

    hidden: Tensor  # h = o tanh(c)
    cells: Tensor  # c
    squashed: Tensor  # tanh(c)


def walk(gates: Tensor, weight_hidden: Tensor, _: Tensor | None, sizes: list[int]) -> States:
    """Run all steps; `gates` (d, n, 4w) comes in as W x + b and is activated in place."""
    directions, rows, width = gates.shape[0], gates.shape[1], weight_hidden.shape[2]
    states = States(*(gates.new_empty(directions, rows, width) for _ in range(3)))
    recurrent = transposed(weight_hidden)  # (d, w, 4w)
    before = sizes[0]  # rows of the step before
    h_before = c_before = gates.new_zeros(directions, before, width)
    views = (gates, gates[..., : 3 * width], *gates.chunk(4, dim=2), *states)
    with torch.inference_mode():  # on tensors made outside of it: an operation costs less
        for z, o_i_f, o, i, f, g, h, c, tanh_c in zip(*steps_of(views, sizes)):
            running = z.shape[1]
            if running != before:
                h_before, c_before = h_before.narrow(1, 0, running), c_before.narrow(1, 0, running)
                before = running
            z.baddbmm_(h_before, recurrent)  # + U h_t-1
            o_i_f.sigmoid_()
            g.tanh_()
            torch.mul(f, c_before, out=c)  # c_t = f ⊙ c_t-1
            c.addcmul_(i, g)  #                               + i ⊙ g
            torch.tanh(c, out=tanh_c)
            torch.mul(o, tanh_c, out=h)  # h_t = o ⊙ tanh(c_t)
            h_before, c_before = h, c
    return states


def walk_back(
    d_hidden: Tensor,
    gates: Tensor,
    states: Sequence[Tensor],
    weight_hidden: Tensor,
    packing: Packing,
) -> Gradients:
    """The gradient (d, n, 4w) of W x + U h + b, given that of the hidden states (d, n, w).

    `d_hidden` is changed in place: a step adds what reaches it through the next one.
    """
    width = weight_hidden.shape[2]
    d_gates, d_tanh = _slopes(gates, States(*states), packing)  # (d, n, 4w), (d, n, w)
    by_gate = d_gates.view(*d_gates.shape[:2], 4, width)
    forget = gates[..., 2 * width : 3 * width]
    d_cells = gates.new_zeros(len(gates), packing.sizes[0], 1, width)  # of c_t, through c_t+1
    views = (d_gates, by_gate[:, :, 1:], by_gate[:, :, 0], d_tanh, d_hidden, forget)
    steps = (reversed(steps) for steps in steps_of(views, packing.sizes))
    d_later, later = d_gates[:, :0], 0  # nothing follows the last step
    with torch.inference_mode():
        for d_z, d_ifg, d_o, slope, d_h, f in zip(*steps):
            running = d_h.shape[1]
            (d_h if later == running else d_h.narrow(1, 0, later)).baddbmm_(d_later, weight_hidden)
            if later != running:  # rows of sequences that end here are still 0
                d_cell = d_cells.narrow(1, 0, running)  # (d, running, 1, w)
                d_c = d_cell.squeeze(2)
            d_c.addcmul_(d_h, slope)  # + through h_t = o ⊙ tanh(c_t)
            d_ifg.mul_(d_cell)
            d_o.mul_(d_h)
            d_c.mul_(f)  # now of c_t-1
            d_later, later = d_z, running
    return Gradients(d_gates, d_gates)


def _slopes(gates: Tensor, states: States, packing: Packing) -> tuple[Tensor, Tensor]:
    """What a step's gradients are multiplied by, for all steps at once.

    (d, n, 4w): ∂h_t/∂z for o, ∂c_t/∂z for i, f and g; and (d, n, w): ∂h_t/∂c_t.
    """
    first = packing.sizes[0]
    o, i, f, g = gates.chunk(4, dim=2)
    slopes = torch.empty_like(gates)
    at_o, at_i, at_f, at_g = slopes.chunk(4, dim=2)
    _sigmoid_slope(states.squashed, o, grad_input=at_o)  # tanh(c_t) o (1 - o)
    _sigmoid_slope(g, i, grad_input=at_i)  # g i (1 - i)
    at_f[:, :first] = 0  # there is no c before the first step
    cells_before = packing.a_step_before(states.cells)  # (d, n - first, w)
    _sigmoid_slope(cells_before, f[:, first:], grad_input=at_f[:, first:])  # c_t-1 f (1 - f)
    _tanh_slope(i, g, grad_input=at_g)  # i (1 - g²)
    return slopes, torch.ops.aten.tanh_backward(o, states.squashed)  # o (1 - tanh(c_t)²)


LSTM = Steps(walk, walk_back, share_moved=1 / 4)  # from i, f, g, o to o, i, f, g
