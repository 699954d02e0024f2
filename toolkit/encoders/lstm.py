"""The LSTM over whole batches: the equations of `LstmCell`, as few and as large steps as possible.

Tested equal to `torch.nn.LSTM` and to `LstmCell`.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from toolkit.dropout import CountedDropout
from toolkit.encoders.lstm_cell import LstmCell
from toolkit.encoders.lstm_walk import LSTM
from toolkit.encoders.packing import Packing, packing_of
from toolkit.encoders.recurrence import Direction, run

if TYPE_CHECKING:
    from toolkit.encoders.recurrent import Engine


def run_torch(directions: Sequence[Direction], inputs: Tensor, packing: Packing) -> Tensor:
    """What `run` gives, computed by what `torch.nn.LSTM` calls (on a GPU cuDNN), with our weights.

    Packed rows are those of a `PackedSequence`. The second bias that it has is zero.
    """
    width = directions[0].hidden.shape[1]
    parameters = [
        each
        for one in directions
        for each in (one.inputs, one.hidden, one.bias, torch.zeros_like(one.bias))
    ]
    inputs = inputs.to(parameters[0].dtype)
    start = inputs.new_zeros(len(directions), packing.sizes[0], width)  # h and c before the text
    output: Tensor = torch.lstm(
        inputs,
        torch.tensor(packing.sizes),
        (start, start),
        parameters,
        has_biases=True,
        num_layers=1,
        dropout=0.0,  # between layers it is counted, outside
        train=torch.is_grad_enabled(),
        bidirectional=len(directions) == 2,
    )[0]
    return output.to(parameters[0].dtype)


Run = Callable[[Sequence[Direction], Tensor, Packing], Tensor]
ENGINES: "dict[Engine, Run]" = {"own": partial(run, LSTM), "torch": run_torch}


class LstmLayer(LstmCell):
    """One direction of an LSTM over a padded batch; its weights are those of `LstmCell`."""

    def forward(self, inputs: Tensor, mask: Tensor) -> Tensor:
        """(batch, length, input_width) -> hidden states (batch, length, width), 0 on padding."""
        packing = packing_of(mask)
        return packing.unpack(run(LSTM, [self.weights()], packing.pack(inputs), packing))


class LstmStack(nn.Module):
    """Layers of one or two directions; each reads what both directions of the last one wrote."""

    def __init__(
        self,
        input_width: int,
        width: int,
        layers: int = 1,
        bidirectional: bool = True,
        dropout: float = 0.0,
        engine: "Engine" = "own",
    ) -> None:
        super().__init__()
        self.run = ENGINES[engine]
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
            weights = [each.weights() for each in cast("Sequence[LstmCell]", directions)]
            packed = self.run(weights, packed, packing)
        return packed
