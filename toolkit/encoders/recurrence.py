"""A recurrent layer over whole batches, whatever its cell: all that is not done step by step.

What makes it fast, in plain PyTorch: padding is never computed; the input projections of all
steps are one matrix product; a step does its gates in place, both directions at once; and the
backward pass is written by hand, so that the gradients of the weights and of the inputs are one
product each for all steps together instead of one a step. What a step does is in a `Steps`.

There are no gradients of gradients: `create_graph=True` raises a RuntimeError.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple

import torch
from torch import Tensor

from toolkit.encoders.packing import Packing

_CACHED = 3 << 19  # bytes of U that stay in the cache of a core from step to step: 1.5 MB


class Gradients(NamedTuple):
    """What a walk back gives of the gates, each (d, n, G w)."""

    inputs: Tensor  # of W x + b
    hidden: Tensor  # of U h; the same, where the two are only added


class Steps(NamedTuple):
    """The steps of a kind of cell through packed time: d directions, n tokens, G gates of width w.

    `walk` takes W x + b of all steps (d, n, G w), changed in place to what backward needs, U
    (d, G w, w), the biases of U h (d, …) where it has some of its own, and how many rows each step
    has; it gives what else backward needs, the hidden states (d, n, w) first.

    `walk_back` takes the gradient of the hidden states, changed in place, the gates and states of
    `walk`, U and the packing.
    """

    walk: Callable[[Tensor, Tensor, Tensor | None, list[int]], Sequence[Tensor]]
    walk_back: Callable[[Tensor, Tensor, Sequence[Tensor], Tensor, Packing], Gradients]
    share_moved: float = 0.0  # of the gates: the last ones of a parameter, the first ones of `walk`

    def moves(self, height: int) -> list[tuple[slice, slice]]:
        """Which rows of a parameter, and where they are in the walk."""
        moved = round(height * self.share_moved)
        kept = slice(0, height - moved), slice(moved, height)
        return [(slice(height - moved, height), slice(0, moved)), kept] if moved else [kept]

    def moved(self, parameter: Tensor) -> Tensor:
        """A parameter (G w, …) with its gates in the order of the walk."""
        return torch.cat([parameter[there] for there, _ in self.moves(len(parameter))])

    def moved_back(self, walked: Tensor) -> Tensor:
        """From the order of the walk to that of the parameters."""
        moves = sorted(self.moves(len(walked)), key=lambda move: move[0].start)
        return torch.cat([walked[here] for _, here in moves])


class Direction(NamedTuple):
    """The parameters of one direction."""

    inputs: Tensor  # W, (G w, input_width)
    hidden: Tensor  # U, (G w, w)
    bias: Tensor  # b, (G w)
    bias_hidden: Tensor | None = None  # of U h, in the last gates; None: b is enough


def run(steps: Steps, directions: Sequence[Direction], inputs: Tensor, packing: Packing) -> Tensor:
    """Packed inputs (tokens, input_width) -> hidden states (tokens, width * directions).

    The second direction, if there is one, reads each sequence from its end. Under autocast the
    products over all steps are computed in its type; the steps, whose errors would add up, and
    the result keep the type of the weights.
    """
    inputs = inputs.to(directions[0].bias.dtype)
    return _recurrence(inputs, packing, steps, *(each for one in directions for each in one))


def transposed(weight_hidden: Tensor) -> Tensor:
    """(d, G w, w) -> (d, w, G w) in memory: with few rows a product is up to twice as fast."""
    directions, height, width = weight_hidden.shape
    turned = weight_hidden.new_empty(directions, width, height)
    for new, old in zip(turned, weight_hidden, strict=True):
        new.copy_(old.T)  # torch copies a transposed matrix faster than a batch of them
    return turned


def steps_of(views: Iterable[Tensor], sizes: list[int]) -> Iterator[tuple[Tensor, ...]]:
    """Each view (d, n, …) cut into the rows of each step."""
    return (torch.split(view, sizes, dim=1) for view in views)


class _Recurrence(torch.autograd.Function):
    """All steps of a layer: d directions, n tokens, G gates of width w, rows in packed order."""

    @staticmethod
    def forward(
        ctx: Any, inputs: Tensor, packing: Packing, steps: Steps, *parameters: Tensor | None
    ) -> Tensor:
        """Inputs (n, input_width), a `Direction` after the other -> hidden states (n, d w)."""
        directions = _directions(parameters)
        read = _turned([inputs.to(_type_of_products(inputs))] * len(directions), packing)
        gates, sizes = _projected(steps, directions, read), packing.sizes  # (d, n, G w)
        hidden = torch.stack([steps.moved(one.hidden) for one in directions])  # U, (d, G w, w)
        biases = [one.bias_hidden for one in directions if one.bias_hidden is not None]
        bias = torch.stack(biases) if biases else None
        parts = _parts(hidden)
        states = [
            steps.walk(gates[part], hidden[part], None if bias is None else bias[part], sizes)
            for part in parts
        ]
        ctx.packing, ctx.steps, ctx.parts = packing, steps, parts
        ctx.save_for_backward(read, gates, hidden, *parameters, *chain(*states))
        output = inputs.new_empty(len(inputs), len(directions), hidden.shape[2])
        _turn([one for part in states for one in part[0]], packing, output.unbind(1))
        return output.flatten(1)

    @staticmethod
    def backward(ctx: Any, d_output: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients of inputs, weights and biases, those of weights one product each."""
        if torch.is_grad_enabled():  # by create_graph=True
            raise RuntimeError("the backward pass of this recurrence cannot be differentiated")
        read, gates, hidden, *saved = ctx.saved_tensors
        packing, steps, parts = ctx.packing, ctx.steps, ctx.parts
        size = len(Direction._fields) * len(read)
        directions, states = _directions(saved[:size]), _cut(saved[size:], len(parts))
        d_hidden = _turned(d_output.chunk(len(read), dim=1), packing)  # (d, n, w)
        d_inputs: Tensor | None = None
        d_parameters: list[Tensor | None] = []
        for part, left in zip(parts, states, strict=True):
            d_gates = steps.walk_back(d_hidden[part], gates[part], left, hidden[part], packing)
            for k, d_z, d_u, h in zip(range(len(read))[part], *d_gates, left[0], strict=True):
                d_bias = steps.moved_back(d_z.sum(0))
                d_bias_hidden = _bias_gradient(d_u, directions[k].bias_hidden)
                d_z = d_z.to(read.dtype)  # (n, G w)
                d_u = d_z if d_gates.hidden is d_gates.inputs else d_u.to(read.dtype)
                h_before = packing.a_step_before(h).to(read.dtype)  # (n - first, w)
                d_weight_input = _weight_gradient(steps, d_z, read[k], directions[k].inputs)
                d_later = d_u[packing.sizes[0] :]
                d_weight_hidden = _weight_gradient(steps, d_later, h_before, directions[k].hidden)
                d_parameters += (d_weight_input, d_weight_hidden, d_bias, d_bias_hidden)
                if ctx.needs_input_grad[0]:
                    d_read = d_z @ steps.moved(directions[k].inputs).to(d_z.dtype)
                    d_inputs = d_inputs + d_read.index_select(0, packing.mirror) if k else d_read
        return d_inputs, None, None, *d_parameters


_recurrence: Callable[..., Tensor] = _Recurrence.apply


def _projected(steps: Steps, directions: Sequence[Direction], read: Tensor) -> Tensor:
    """W x + b of all steps, (d, n, G w), in the type of the weights."""
    bias = directions[0].bias
    gates = bias.new_empty(len(read), read.shape[1], len(bias))
    for one, rows, z in zip(directions, read, gates, strict=True):
        if rows.dtype != z.dtype:
            product = rows @ one.inputs.T.to(rows.dtype)  # (n, G w)
        for there, here in steps.moves(len(bias)):
            if rows.dtype == z.dtype:
                torch.addmm(one.bias[there], rows, one.inputs[there].T, out=z[:, here])
            else:
                torch.add(product[:, there], one.bias[there], out=z[:, here])
    return gates


def _bias_gradient(d_u: Tensor, bias: Tensor | None) -> Tensor | None:
    """The gradient of a bias of U h, from that of U h (n, G w): it is in the last gates."""
    return None if bias is None else d_u[:, -len(bias) :].sum(0)


def _weight_gradient(steps: Steps, d_z: Tensor, rows: Tensor, weight: Tensor) -> Tensor:
    """The gradient (G w, …) of a weight, from those of its products (n, G w) with rows (n, …)."""
    if rows.dtype != weight.dtype:
        return steps.moved_back((d_z.T @ rows).to(weight.dtype))
    gradient = torch.empty_like(weight)
    for there, here in steps.moves(len(weight)):
        torch.mm(d_z[:, here].T, rows, out=gradient[there])
    return gradient


def _parts(hidden: Tensor) -> list[slice]:
    """Which directions take a step together: all, but for weights too large for a CPU's cache."""
    d = len(hidden)
    is_large = hidden.nbytes > _CACHED and hidden.device.type == "cpu"
    return [slice(k, k + 1) for k in range(d)] if is_large else [slice(0, d)]


def _directions(parameters: Sequence[Any]) -> list[Direction]:
    size = len(Direction._fields)
    return [Direction(*one) for one in _cut(parameters, len(parameters) // size)]


def _cut(tensors: Sequence[Any], parts: int) -> list[Sequence[Any]]:
    """Equal parts, in order."""
    size = len(tensors) // parts
    return [tensors[start : start + size] for start in range(0, len(tensors), size)]


def _type_of_products(inputs: Tensor) -> torch.dtype:
    device = inputs.device.type
    if torch.is_autocast_enabled(device) and inputs.dtype == torch.float32:
        return torch.get_autocast_dtype(device)
    return inputs.dtype


def _turned(rows: Sequence[Tensor], packing: Packing) -> Tensor:
    """Rows (n, …) of each direction, from the text's order to the order of reading, or back."""
    turned = rows[0].new_empty(len(rows), *rows[0].shape)  # (d, n, …)
    _turn(rows, packing, turned.unbind())
    return turned


def _turn(rows: Sequence[Tensor], packing: Packing, turned: Sequence[Tensor]) -> None:
    """Copy rows (n, …) of each direction into `turned`, all but the first mirrored."""
    turned[0].copy_(rows[0])
    for old, new in zip(rows[1:], turned[1:], strict=True):
        torch.index_select(old, 0, packing.mirror, out=new)
