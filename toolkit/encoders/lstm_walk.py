"""The steps of an LSTM through packed time, forward and back: what `_Recurrence` leaves to a loop.

Shapes: d directions, n tokens, w width; a step is a slice of the n rows. See `LstmCell` for the
equations, and `Packing` for the order of the rows. The loops decide the speed, so a step does
nothing that all steps can do at once, and everything in place.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from toolkit.encoders.packing import Packing

# Into `grad_input`, without a temporary, for an activated gate s:
_sigmoid_slope = torch.ops.aten.sigmoid_backward.grad_input  # (x, s) -> x s (1 - s)
_tanh_slope = torch.ops.aten.tanh_backward.grad_input  # (x, s) -> x (1 - s²)


class States(NamedTuple):
    """What the forward walk leaves for the backward one, each (d, n, w)."""

    cells: Tensor  # c
    squashed: Tensor  # tanh(c)
    hidden: Tensor  # h = o tanh(c)


def walk(gates: Tensor, weight_hidden: Tensor, sizes: list[int]) -> States:
    """Run all steps; `gates` (d, n, 4w) comes in as W x + b and is activated in place."""
    directions, rows, width = gates.shape[0], gates.shape[1], weight_hidden.shape[2]
    states = States(*(gates.new_empty(directions, rows, width) for _ in range(3)))
    recurrent = weight_hidden.mT.contiguous()  # (d, w, 4w): up to twice as fast for few rows
    h_before = c_before = gates.new_zeros(directions, sizes[0], width)
    views = (gates, gates[..., : 2 * width], *gates.chunk(4, dim=2), *states)
    for z, i_and_f, i, f, g, o, c, tanh_c, h in zip(*_steps(views, sizes)):
        running = z.shape[1]
        z.baddbmm_(h_before.narrow(1, 0, running), recurrent)  # + U h_t-1
        i_and_f.sigmoid_()
        g.tanh_()
        o.sigmoid_()
        torch.mul(f, c_before.narrow(1, 0, running), out=c)  # c_t = f ⊙ c_t-1
        c.addcmul_(i, g)  #                                              + i ⊙ g
        torch.tanh(c, out=tanh_c)
        torch.mul(o, tanh_c, out=h)  # h_t = o ⊙ tanh(c_t)
        h_before, c_before = h, c
    return states


def walk_back(
    d_hidden: Tensor, gates: Tensor, states: States, weight_hidden: Tensor, packing: Packing
) -> Tensor:
    """The gradient (d, n, 4w) of W x + U h + b, given that of the hidden states (d, n, w).

    `d_hidden` is changed in place: a step adds what reaches it through the next one.
    """
    width, first = weight_hidden.shape[2], packing.sizes[0]
    d_gates, d_tanh = _slopes(gates, states, packing)  # (d, n, 4w), (d, n, w)
    forget = gates[..., width : 2 * width]
    d_cell = gates.new_zeros(len(gates), first, width)  # of c_t, through c_t+1
    d_later = d_gates[:, :0]  # (d, 0, 4w): nothing follows the last step
    views = (
        d_gates,
        d_gates.view(*d_gates.shape[:2], 4, width)[:, :, :3],
        d_gates[..., 3 * width :],
        d_tanh,
        d_hidden,
        forget,
    )
    steps = (reversed(steps) for steps in _steps(views, packing.sizes))
    for d_z, d_ifg, d_o, slope, d_h, f in zip(*steps):
        d_h.narrow(1, 0, d_later.shape[1]).baddbmm_(d_later, weight_hidden)  # through U h_t
        d_c = d_cell.narrow(1, 0, d_h.shape[1])  # rows of ended sequences are still 0
        d_c.addcmul_(d_h, slope)  # + through h_t = o ⊙ tanh(c_t)
        d_ifg.mul_(d_c.unsqueeze(2))
        d_o.mul_(d_h)
        d_c.mul_(f)  # now of c_t-1
        d_later = d_z
    return d_gates


def _steps(views: Iterable[Tensor], sizes: list[int]) -> Iterator[tuple[Tensor, ...]]:
    """Each view (d, n, …) cut into the rows of each step."""
    return (torch.split(view, sizes, dim=1) for view in views)


def _slopes(gates: Tensor, states: States, packing: Packing) -> tuple[Tensor, Tensor]:
    """What a step's gradients are multiplied by, for all steps at once.

    (d, n, 4w): ∂c_t/∂z for i, f and g, ∂h_t/∂z for o; and (d, n, w): ∂h_t/∂c_t.
    """
    first = packing.sizes[0]
    i, f, g, o = gates.chunk(4, dim=2)
    slopes = torch.empty_like(gates)
    at_i, at_f, at_g, at_o = slopes.chunk(4, dim=2)
    _sigmoid_slope(g, i, grad_input=at_i)  # g i (1 - i)
    at_f[:, :first] = 0  # there is no c before the first step
    cells_before = states.cells.index_select(1, packing.before)  # (d, n - first, w)
    _sigmoid_slope(cells_before, f[:, first:], grad_input=at_f[:, first:])  # c_t-1 f (1 - f)
    _tanh_slope(i, g, grad_input=at_g)  # i (1 - g²)
    _sigmoid_slope(states.squashed, o, grad_input=at_o)  # tanh(c_t) o (1 - o)
    return slopes, torch.ops.aten.tanh_backward(o, states.squashed)  # o (1 - tanh(c_t)²)
