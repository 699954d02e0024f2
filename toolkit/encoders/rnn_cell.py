"""One time step of a simple recurrent network: what the fast path must be equal to.

Source: J. Elman, "Finding Structure in Time", Cognitive Science 14(2), 1990; with tanh, as in
`torch.nn.RNN`.
"""

import torch
from torch import Tensor

from toolkit.encoders.cell import Cell


class RnnCell(Cell):
    """The weights of one direction, and one step of it."""

    gates = 1

    def step(self, inputs: Tensor, hidden: Tensor) -> tuple[Tensor]:
        """From x_t (batch, input_width) and h_t-1 (batch, width) to h_t.

        For reading and for tests: `RnnStack` runs the same equation over whole sequences.
        """
        z = inputs @ self.weight_input.T + hidden @ self.weight_hidden.T + self.bias
        return (torch.tanh(z),)  # h_t = tanh(W x_t + U h_t-1 + b)
