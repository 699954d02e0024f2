"""The LSTM over whole batches: the equations of `LstmCell`, as few and as large steps as possible.

Tested equal to `torch.nn.LSTM` and to `LstmCell`.
"""

from collections.abc import Sequence
from typing import cast

from torch import Tensor, nn

from toolkit.dropout import CountedDropout
from toolkit.encoders.lstm_cell import LstmCell
from toolkit.encoders.lstm_walk import LSTM
from toolkit.encoders.packing import Packing, packing_of
from toolkit.encoders.recurrence import run


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
            weights = [each.weights() for each in cast("Sequence[LstmLayer]", directions)]
            packed = run(LSTM, weights, packed, packing)
        return packed
