"""How the tokens of a window become one vector, the same for every encoder.

Of the states h_1 … h_n of the real tokens, each of `width` numbers:

    first       h_1
    last        h_n; of two directions, what each had read at its end: of h_n the first half, of
                h_1 the second
    mean        sum_i h_i / n
    max         the largest h_i of each place
    attention   sum_i a_i h_i,  a_i = exp(q·h_i / √width) / sum_j exp(q·h_j / √width)

with a learned q, as the word attention of Z. Yang et al. 2016 without its hidden layer. q begins
at zero, where attention is the mean. Padding has no say in any of them.
"""

import math

import torch
from torch import Tensor, nn


class Pooling(nn.Module):
    """One vector a window; only attention has a parameter."""

    def __init__(self, how: str, width: int, backward: int = 0) -> None:
        """`backward` is how many of the width's last places were read from right to left."""
        super().__init__()
        self.how = how
        self.width = width
        self.backward = backward
        if how == "attention":
            self.query = nn.Parameter(torch.zeros(width))

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """(batch, width) from states (batch, length, width) and mask (batch, length)."""
        if self.how in ("first", "last"):
            return self._end(states, mask)
        real = mask.unsqueeze(-1)  # (batch, length, 1)
        if self.how == "max":
            return states.masked_fill(~real, torch.finfo(states.dtype).min).amax(dim=1)
        if self.how == "mean":
            return (states * real).sum(dim=1) / real.sum(dim=1).clamp(min=1)
        weights = self.attention(states, mask)  # (batch, length), in float32
        return (states * weights.unsqueeze(-1)).sum(dim=1).to(states.dtype)

    def attention(self, states: Tensor, mask: Tensor) -> Tensor:
        """How much each token matters (batch, length): 0 on padding, 1 in all."""
        # written as a sum, since autocast would round a product of matrices
        scores = (states.float() * self.query).sum(dim=-1) / math.sqrt(self.width)
        return scores.masked_fill(~mask, torch.finfo(scores.dtype).min).softmax(dim=-1)

    def _end(self, states: Tensor, mask: Tensor) -> Tensor:
        window = torch.arange(len(states), device=states.device)  # (batch,)
        first = states[window, mask.int().argmax(dim=1)]  # (batch, width)
        if self.how == "first":
            return first
        number = mask.cumsum(dim=1) * mask  # (batch, length): 1, 2, … on real tokens
        last = states[window, number.argmax(dim=1)]  # (batch, width)
        ahead = self.width - self.backward
        return torch.cat((last[:, :ahead], first[:, ahead:]), dim=1)
