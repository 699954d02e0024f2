"""The LSTM over whole batches: the equations of `LstmCell`, as few and as large steps as possible.

What makes it fast, in plain PyTorch: padding is never computed; the input projections of all
steps are one matrix product; a step does its gates in place, both directions at once; and the
backward pass is written by hand, so that a step of it costs one product and five small
operations, and the gradients of the weights and of the inputs are one product each for all steps
together instead of one a step. Tested equal to `torch.nn.LSTM` and to `LstmCell`.

There are no gradients of gradients: `create_graph=True` raises a RuntimeError.
"""

from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from toolkit.dropout import CountedDropout
from toolkit.encoders.lstm_cell import LstmCell
from toolkit.encoders.lstm_walk import States, walk, walk_back
from toolkit.encoders.packing import Packing, packing_of


class LstmLayer(LstmCell):
    """One direction of an LSTM over a padded batch; its weights are those of `LstmCell`."""

    def forward(self, inputs: Tensor, mask: Tensor) -> Tensor:
        """(batch, length, input_width) -> hidden states (batch, length, width), 0 on padding."""
        packing = packing_of(mask)
        return packing.unpack(run([self], packing.pack(inputs), packing))


class LstmStack(nn.Module):
    """Layers of one or two directions; each reads what both directions of the last one wrote."""

    def __init__(
        self,
        input_width: int,
        width: int,
        layers: int = 1,
        bidirectional: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        directions = 2 if bidirectional else 1
        self.width = width * directions
        self.between = CountedDropout(dropout)  # between layers
        self.layers = nn.ModuleList(
            nn.ModuleList(
                LstmLayer(self.width if layer else input_width, width) for _ in range(directions)
            )
            for layer in range(layers)
        )

    def forward(self, inputs: Tensor, mask: Tensor) -> Tensor:
        """(batch, length, input_width) -> (batch, length, width * directions), 0 on padding.

        `mask` is (batch, length), true on tokens. The second direction starts at each sequence's
        own last token.
        """
        packing = packing_of(mask)
        return packing.unpack(self.read(packing.pack(inputs), packing))

    def read(self, packed: Tensor, packing: Packing, rows: Tensor | None = None) -> Tensor:
        """(tokens, input_width) -> (tokens, width * directions), for who has packed already.

        `rows` (tokens,) is what dropout counts from.
        """
        for number, directions in enumerate(self.layers):
            if number:
                packed = self.between(packed, rows)
            packed = run(cast("Sequence[LstmLayer]", directions), packed, packing)
        return packed


def run(directions: Sequence[LstmCell], inputs: Tensor, packing: Packing) -> Tensor:
    """Packed inputs (tokens, input_width) -> hidden states (tokens, width * directions).

    The second direction, if there is one, reads each sequence from its end. Under autocast the
    products over all steps are computed in its type; the steps, whose errors would add up, and
    the result keep the type of the weights.
    """
    weight_input = torch.stack([direction.weight_input for direction in directions])
    weight_hidden = torch.stack([direction.weight_hidden for direction in directions])
    bias = torch.stack([direction.bias for direction in directions])
    inputs = inputs.to(weight_input.dtype)
    return _recurrence(inputs, weight_input, weight_hidden, bias, packing)


class _Recurrence(torch.autograd.Function):
    """All steps of a layer: d directions, n tokens, w width, rows packed as `Packing` says."""

    @staticmethod
    def forward(
        ctx: Any,
        inputs: Tensor,  # (n, input_width)
        weight_input: Tensor,  # (d, 4w, input_width)
        weight_hidden: Tensor,  # (d, 4w, w)
        bias: Tensor,  # (d, 4w)
        packing: Packing,
    ) -> Tensor:
        """Hidden states (n, d w)."""
        read = torch.stack(_mirrored([inputs] * len(bias), packing))  # (d, n, input_width)
        gates = torch.baddbmm(bias[:, None], read, weight_input.mT).to(bias.dtype)  # (d, n, 4w)
        states = walk(gates, weight_hidden, packing.sizes)
        ctx.packing = packing
        ctx.autocast = _autocast_now(inputs.device.type)
        ctx.save_for_backward(read, weight_input, weight_hidden, gates, *states)
        return torch.cat(_mirrored(states.hidden.unbind(), packing), dim=1)

    @staticmethod
    def backward(ctx: Any, d_output: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients of inputs, both weights and bias, each one product over all steps."""
        if torch.is_grad_enabled():  # by create_graph=True
            raise RuntimeError("the backward pass of this LSTM cannot be differentiated")
        read, weight_input, weight_hidden, gates, *saved = ctx.saved_tensors
        packing, states = ctx.packing, States(*saved)
        first = packing.sizes[0]  # rows that had nothing before them
        d_hidden = torch.stack(_mirrored(d_output.chunk(len(gates), dim=1), packing))
        d_gates = walk_back(d_hidden, gates, states, weight_hidden, packing)  # (d, n, 4w)
        d_bias = d_gates.sum(1)
        with ctx.autocast:
            d_weight_input = torch.bmm(d_gates.mT, read)
            hidden_before = states.hidden.index_select(1, packing.before)  # (d, n - first, w)
            d_weight_hidden = torch.bmm(d_gates[:, first:].mT, hidden_before)
            d_inputs = None
            if ctx.needs_input_grad[0]:
                d_read = torch.bmm(d_gates, weight_input)  # (d, n, input_width)
                d_inputs = torch.stack(_mirrored(d_read.unbind(), packing)).sum(0)
        return d_inputs, d_weight_input, d_weight_hidden, d_bias, None


_recurrence: Callable[..., Tensor] = _Recurrence.apply


def _autocast_now(device: str) -> torch.autocast:
    """The autocast of the forward pass, for the backward one, which runs outside of it."""
    dtype, enabled = torch.get_autocast_dtype(device), torch.is_autocast_enabled(device)
    return torch.autocast(device, dtype=dtype, enabled=enabled)


def _mirrored(rows: Sequence[Tensor], packing: Packing) -> list[Tensor]:
    """Rows (n, …) of each direction, from the text's order to the reading order, or back."""
    return [rows[0], *(other.index_select(0, packing.mirror) for other in rows[1:])]
