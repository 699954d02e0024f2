"""A recurrent layer over whole batches, whatever its cell: all that is not done step by step.

What makes it fast, in plain PyTorch: padding is never computed; the input projections of all
steps are one matrix product; a step does its gates in place, both directions at once; and the
backward pass is written by hand, so that the gradients of the weights and of the inputs are one
product each for all steps together instead of one a step. What a step does is in a `Steps`.

There are no gradients of gradients: `create_graph=True` raises a RuntimeError.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from toolkit.encoders.packing import Packing


class Weights(NamedTuple):
    """The weights of d directions, with the G gates of width w in the order of the walk."""

    inputs: Tensor  # W, (d, G w, input_width)
    hidden: Tensor  # U, (d, G w, w)
    bias: Tensor  # b, (d, G w)


class Steps(NamedTuple):
    """The steps of a kind of cell through packed time: d directions, n tokens, G gates of width w.

    `walk` takes W x + b of all steps (d, n, G w), changed in place to what backward needs, U, and
    how many rows each step has; it gives what else backward needs, hidden states (d, n, w) first.

    `walk_back` takes the gradient of the hidden states, changed in place, the gates and states of
    `walk`, U and the packing; it gives the gradient (d, n, G w) of W x + U h + b.
    """

    walk: Callable[[Tensor, Tensor, list[int]], Sequence[Tensor]]
    walk_back: Callable[[Tensor, Tensor, Sequence[Tensor], Tensor, Packing], Tensor]
    order: tuple[int, ...]  # of the gates in the walk, numbered as in the parameters


def run(
    steps: Steps, directions: Sequence[Sequence[Tensor]], inputs: Tensor, packing: Packing
) -> Tensor:
    """Packed inputs (tokens, input_width) -> hidden states (tokens, width * directions).

    `directions` holds W, U and b of each; the second one, if there is one, reads each sequence
    from its end. Under autocast the products over all steps are computed in its type; the steps,
    whose errors would add up, and the result keep the type of the weights.
    """
    inputs = inputs.to(directions[0][0].dtype)
    return _recurrence(inputs, packing, steps, *(each for one in directions for each in one))


class _Recurrence(torch.autograd.Function):
    """All steps of a layer: d directions, n tokens, w width, rows packed as `Packing` says."""

    @staticmethod
    def forward(
        ctx: Any, inputs: Tensor, packing: Packing, steps: Steps, *parameters: Tensor
    ) -> Tensor:
        """Inputs (n, input_width), W, U and b of each direction -> hidden states (n, d w)."""
        kinds = (_stacked(parameters[kind::3], steps.order) for kind in range(3))
        weights = Weights(*kinds)
        read = _turned(inputs.expand(len(weights.bias), -1, -1), packing)  # (d, n, input_width)
        gates = torch.baddbmm(weights.bias[:, None], read, weights.inputs.mT)
        gates = gates.to(inputs.dtype)  # (d, n, G w)
        states = steps.walk(gates, weights.hidden, packing.sizes)
        ctx.packing, ctx.steps = packing, steps
        ctx.autocast = _autocast_now(inputs.device.type)
        ctx.save_for_backward(read, gates, *weights, *states)
        hidden = states[0]  # (d, n, w)
        output = hidden.new_empty(hidden.shape[1], len(hidden), hidden.shape[2])  # (n, d, w)
        _turn(hidden, packing, output.transpose(0, 1))
        return output.flatten(1)

    @staticmethod
    def backward(ctx: Any, d_output: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients of inputs, both weights and bias, each one product over all steps."""
        if torch.is_grad_enabled():  # by create_graph=True
            raise RuntimeError("the backward pass of this recurrence cannot be differentiated")
        read, gates, *saved = ctx.saved_tensors
        weights, states = Weights(*saved[:3]), saved[3:]
        packing, steps = ctx.packing, ctx.steps
        d_hidden = _turned(d_output.unflatten(1, (len(gates), -1)).transpose(0, 1), packing)
        d_gates = steps.walk_back(d_hidden, gates, states, weights.hidden, packing)  # (d, n, G w)
        d_bias = d_gates.sum(1)  # (d, G w)
        with ctx.autocast:
            d_weight_input = torch.bmm(d_gates.mT, read)
            hidden_before = states[0].index_select(1, packing.before)  # (d, n - first, w)
            d_weight_hidden = torch.bmm(d_gates[:, packing.sizes[0] :].mT, hidden_before)
            d_inputs = None
            if ctx.needs_input_grad[0]:
                d_read = torch.bmm(d_gates, weights.inputs)  # (d, n, input_width)
                d_inputs, *others = d_read.unbind()
                for other in others:
                    d_inputs = d_inputs + other.index_select(0, packing.mirror)
        kinds = (
            _unstacked(each, steps.order) for each in (d_weight_input, d_weight_hidden, d_bias)
        )
        return d_inputs, None, None, *(each for one in zip(*kinds, strict=True) for each in one)


_recurrence: Callable[..., Tensor] = _Recurrence.apply


def _autocast_now(device: str) -> torch.autocast:
    """The autocast of the forward pass, for the backward one, which runs outside of it."""
    dtype, enabled = torch.get_autocast_dtype(device), torch.is_autocast_enabled(device)
    return torch.autocast(device, dtype=dtype, enabled=enabled)


def _turned(rows: Tensor, packing: Packing) -> Tensor:
    """A copy of rows (d, n, …), from the text's order to the order of reading, or back."""
    turned = torch.empty(rows.shape, dtype=rows.dtype, device=rows.device)
    _turn(rows, packing, turned)
    return turned


def _turn(rows: Tensor, packing: Packing, turned: Tensor) -> None:
    """Copy rows (d, n, …) into `turned`, those of each direction but the first mirrored."""
    turned[0].copy_(rows[0])
    for old, new in zip(rows[1:], turned[1:], strict=True):
        torch.index_select(old, 0, packing.mirror, out=new)


def _stacked(parameters: Sequence[Tensor], order: tuple[int, ...]) -> Tensor:
    """A parameter (G w, …) of each direction -> (d, G w, …), gates in the order of the walk."""
    gates = [each.chunk(len(order)) for each in parameters]
    parts = [each[gate] for each in gates for gate in order]
    return torch.cat(parts).unflatten(0, (len(parameters), -1))


def _unstacked(stacked: Tensor, order: tuple[int, ...]) -> Iterator[Tensor]:
    """Back: (G w, …) of each direction, gates in the order of the parameters."""
    for each in stacked:
        gates = dict(zip(order, each.chunk(len(order)), strict=True))
        yield torch.cat([gates[gate] for gate in range(len(order))])
