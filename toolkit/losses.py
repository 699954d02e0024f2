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


def logit_differences(scores: Tensor, wanted: Tensor) -> Tensor:
    """Over rows (…, labels), summed: the mean squared difference of a row's scores.

    Both are centred over the labels first, since a softmax does not see a constant.
    """
    apart = scores.float() - wanted.float()
    apart = apart - apart.mean(dim=-1, keepdim=True)
    return apart.square().mean(dim=-1).sum()


def divergence(scores: Tensor, wanted: Tensor, temperature: float) -> Tensor:
    """T² KL(softmax(wanted / T) ‖ softmax(scores / T)) of rows (…, labels), summed.

    G. Hinton et al. 2015, section 2: with T² the gradient keeps its size. For a large T it is half
    of `logit_differences`.
    """
    ours = (scores.float() / temperature).log_softmax(dim=-1)
    theirs = (wanted.float() / temperature).log_softmax(dim=-1)
    apart = functional.kl_div(ours, theirs, reduction="sum", log_target=True)
    return temperature**2 * apart


def binary_divergence(scores: Tensor, wanted: Tensor, temperature: float) -> Tensor:
    """As `divergence`, of each score by itself: of a label's being there or not."""
    rows = torch.stack((scores, torch.zeros_like(scores)), dim=-1)  # (…, labels, 2)
    others = torch.stack((wanted, torch.zeros_like(wanted)), dim=-1)
    return divergence(rows, others, temperature)
