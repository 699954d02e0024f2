"""A layer of a Transformer encoder, written as in the paper.

Source: A. Vaswani et al., "Attention Is All You Need", NeurIPS 2017. With x the states of a text,
a row a token:

    Attention(Q, K, V) = softmax(Q Kᵀ / √d) V                  d: the width of a head
    MultiHead(x) = [head_1 … head_h] W_o + b_o
    head_i = Attention(x Q_i + q_i, x K_i + k_i, x V_i + v_i)
    FFN(x) = max(0, x W_1 + b_1) W_2 + b_2
    LN(x) = (x - mean(x)) / √(var(x) + ε) ⊙ γ + β              of each row by itself

    post:  x ← LN(x + MultiHead(x));   x ← LN(x + FFN(x))
    pre:   x ← x + MultiHead(LN(x));   x ← x + FFN(LN(x))      and one LN behind the last layer

Pre-norm trains without a warm-up: R. Xiong et al., "On Layer Normalization in the Transformer
Architecture", ICML 2020. Dropout is on the attention, inside FFN and on what either half adds, as
in `torch.nn.TransformerEncoderLayer`, to which this is tested equal.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from toolkit.dropout import CountedDropout

if TYPE_CHECKING:
    from toolkit.encoders.transformer import Norm

# Q, K and V of all heads beside each other, (…, width) each -> what is read, (…, width)
Look = Callable[[Tensor, Tensor, Tensor], Tensor]


class SelfAttention(nn.Module):
    """MultiHead: what is looked for, found and read is a product each, all three of them one."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inputs = nn.Linear(width, 3 * width)  # Q_1 … Q_h, K_1 … K_h, V_1 … V_h
        self.output = nn.Linear(width, width)
        for matrix in (*self.inputs.weight.chunk(3), self.output.weight):
            nn.init.xavier_uniform_(matrix)
        nn.init.zeros_(self.inputs.bias)
        nn.init.zeros_(self.output.bias)

    def forward(self, states: Tensor, look: Look) -> Tensor:
        """(…, width) -> (…, width). Who may see whom is known to `look`."""
        query, key, value = self.inputs(states).chunk(3, dim=-1)  # (…, width) each
        read: Tensor = self.output(look(query, key, value))
        return read


class FeedForward(nn.Module):
    """FFN: each token by itself."""

    def __init__(self, width: int, intermediate: int, dropout: float) -> None:
        super().__init__()
        self.inputs, self.output = nn.Linear(width, intermediate), nn.Linear(intermediate, width)
        self.dropout = CountedDropout(dropout)
        for linear in (self.inputs, self.output):
            nn.init.xavier_uniform_(linear.weight)
            nn.init.zeros_(linear.bias)

    def forward(self, states: Tensor, rows: Tensor | None = None) -> Tensor:
        """(…, width) -> (…, width)."""
        output: Tensor = self.output(self.dropout(torch.relu(self.inputs(states)), rows))
        return output


class TransformerLayer(nn.Module):
    """Attention, then the feed-forward network, each added to what it read."""

    def __init__(self, width: int, intermediate: int, dropout: float, norm: "Norm") -> None:
        super().__init__()
        self.norm = norm
        self.attention = SelfAttention(width)
        self.feed_forward = FeedForward(width, intermediate, dropout)
        self.norm_attention, self.norm_feed_forward = nn.LayerNorm(width), nn.LayerNorm(width)
        self.dropout_attention = CountedDropout(dropout)
        self.dropout_feed_forward = CountedDropout(dropout)

    def forward(self, x: Tensor, look: Look, rows: Tensor | None = None) -> Tensor:
        """(…, width) -> (…, width); `rows` (…) is what dropout counts from."""
        if self.norm == "pre":
            x = x + self._attended(self.norm_attention(x), look, rows)
            return x + self._fed(self.norm_feed_forward(x), rows)
        x = self.norm_attention(x + self._attended(x, look, rows))
        fed: Tensor = self.norm_feed_forward(x + self._fed(x, rows))
        return fed

    def _attended(self, x: Tensor, look: Look, rows: Tensor | None) -> Tensor:
        attended: Tensor = self.dropout_attention(self.attention(x, look), rows)
        return attended

    def _fed(self, x: Tensor, rows: Tensor | None) -> Tensor:
        fed: Tensor = self.dropout_feed_forward(self.feed_forward(x, rows), rows)
        return fed


def scaled_dot_product(
    query: Tensor, key: Tensor, value: Tensor, heads: int, mask: Tensor
) -> Tensor:
    """Attention of each head over a padded batch: (batch, length, width) each -> the same.

    `mask` (batch, length) is true on tokens. For reading and for tests: the encoder computes the
    same without padding (`attention.attend`).
    """
    batch, length, width = query.shape
    apart = (batch, length, heads, width // heads)
    q, k, v = (each.reshape(apart).transpose(1, 2) for each in (query, key, value))
    scores = q @ k.mT / math.sqrt(width // heads)  # (batch, heads, length, length)
    scores = scores.masked_fill(~mask[:, None, None], float("-inf"))  # nobody sees padding
    read = torch.softmax(scores, dim=-1) @ v  # (batch, heads, length, d)
    return read.transpose(1, 2).reshape(batch, length, width)


def sinusoids(length: int, width: int) -> Tensor:
    """The positions of the paper, (length, width): sin, cos of t / 10000^(2i / width) for each i.

    For each offset there is one rotation that takes the position of any t to that of t + offset.
    """
    t = torch.arange(length, dtype=torch.float32)[:, None]
    rate = torch.exp(torch.arange(0, width, 2) * (-math.log(10_000) / width))  # (width / 2,)
    return torch.stack((torch.sin(t * rate), torch.cos(t * rate)), dim=2).flatten(1)
