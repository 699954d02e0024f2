"""Losses: each a sum over targets and the number of targets, never a mean."""

import torch
from torch import Tensor
from torch.nn import functional

from toolkit.windows import IGNORED


def cross_entropy(scores: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Summed cross-entropy of scores (…, labels) against labels (…); -100 is no target."""
    loss = functional.cross_entropy(
        scores.flatten(0, -2).float(), labels.flatten(), ignore_index=IGNORED, reduction="sum"
    )
    return loss, (labels != IGNORED).sum()


def mean_squared_error(values: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """Summed squared differences of values (batch,) from numbers (batch,)."""
    loss = functional.mse_loss(values.float(), wanted.float(), reduction="sum")
    return loss, torch.tensor(len(values), device=values.device)


def binary_cross_entropy(scores: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """Summed over scores (batch, labels) against 0 or 1 each; the count is that of the windows."""
    loss = functional.binary_cross_entropy_with_logits(
        scores.float(), wanted.float(), reduction="sum"
    )
    return loss, torch.tensor(len(scores), device=scores.device)


def span_cross_entropy(scores: Tensor, spans: Tensor, choices: Tensor) -> tuple[Tensor, Tensor]:
    """Half the summed cross-entropies of first and last token; the count is that of the windows.

    scores (batch, length, 2) of the places in a window against the places of the two tokens, spans
    (batch, 2), -100 for a window without a target. The softmax is over the places where choices
    (batch, length) is 1: neither padding nor what can be no answer. Where all are, sum over count
    is the mean that `transformers` computes.
    """
    loss = functional.cross_entropy(
        scores.float().masked_fill((choices != 1).unsqueeze(-1), -torch.inf),
        spans,
        ignore_index=IGNORED,
        reduction="sum",
    )
    return loss / 2, (spans[:, 0] != IGNORED).sum()
