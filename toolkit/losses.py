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


def binary_cross_entropy(scores: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """Summed over scores (batch, labels) against 0 or 1 each; the count is that of the windows."""
    loss = functional.binary_cross_entropy_with_logits(
        scores.float(), wanted.float(), reduction="sum"
    )
    return loss, torch.tensor(len(scores), device=scores.device)
