"""What passes between an encoder, a head and the trainer."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from torch import Tensor, nn


class Encoded(NamedTuple):
    """A batch as an encoder returns it."""

    tokens: Tensor  # (batch, length, width), one vector a token
    mask: Tensor  # (batch, length), true on tokens, false on padding
    summary: Tensor  # (batch, width), one vector a window: the encoder decides how
    pooled: Tensor | None = None  # (batch, width), what a family's own pooler makes of it


class Output(NamedTuple):
    """A batch as a head returns it. The loss is a sum; the trainer divides it, once a step."""

    scores: Tensor  # (batch, …), a window's scores in the row of that window
    loss: Tensor | None = None  # scalar: the sum over the targets of the batch
    count: Tensor | None = None  # type: ignore[assignment]  # scalar: how many targets that is


Targets = Mapping[str, Tensor]
Loss = Callable[[Tensor, Targets], tuple[Tensor, Tensor]]


class Head(nn.Module):
    """A scorer (encoded -> scores) and a loss (scores, targets -> sum and count).

    The scorer may be a pretrained family's own; the loss stays the task's.
    """

    def __init__(self, scorer: nn.Module, loss: Loss) -> None:
        super().__init__()
        self.scorer = scorer
        self.loss = loss

    def forward(self, encoded: Encoded, targets: Targets | None = None) -> Output:
        """Score, and measure the loss where there are targets."""
        scores = self.scorer(encoded)
        if targets is None:
            return Output(scores)
        return Output(scores, *self.loss(scores, targets))
