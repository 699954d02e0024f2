"""What all recurrent cells have in common: the weights of a direction, and how they begin."""

import math
from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor, nn

from toolkit.encoders.recurrence import Direction


class Cell(nn.Module):
    """The weights of one direction: those of its G gates, each of width w, below each other.

    They are those of torch's layer, in its order: `weight_input` is its `weight_ih`,
    `weight_hidden` its `weight_hh`, and `bias` the sum of its two biases. One is enough, unless
    something happens to U h before W x is added; then `bias_hidden` is the bias of U h.
    """

    gates: ClassVar[int]  # G
    gates_with_two_biases: ClassVar[int] = 0  # the last ones
    bias_hidden: nn.Parameter | None
    # one step: inputs (batch, input_width), and the states of the step before -> these states,
    # the hidden one first, (batch, w) each
    step: Callable[..., tuple[Tensor, ...]]

    def __init__(self, input_width: int, width: int) -> None:
        super().__init__()
        self.width = width
        self.weight_input = nn.Parameter(torch.empty(self.gates * width, input_width))  # W
        self.weight_hidden = nn.Parameter(torch.empty(self.gates * width, width))  # U
        self.bias = nn.Parameter(torch.empty(self.gates * width))  # b
        height = self.gates_with_two_biases * width
        self.bias_hidden = nn.Parameter(torch.empty(height)) if height else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights as torch does; biases are 0."""
        bound = 1 / math.sqrt(self.width)
        nn.init.uniform_(self.weight_input, -bound, bound)
        nn.init.uniform_(self.weight_hidden, -bound, bound)
        nn.init.zeros_(self.bias)
        if self.bias_hidden is not None:
            nn.init.zeros_(self.bias_hidden)

    def weights(self) -> Direction:
        """W, U and the biases."""
        return Direction(self.weight_input, self.weight_hidden, self.bias, self.bias_hidden)

    def split(self, values: Tensor) -> tuple[Tensor, ...]:
        """(batch, G w) -> (batch, w) of each gate."""
        return values.chunk(self.gates, dim=1)
