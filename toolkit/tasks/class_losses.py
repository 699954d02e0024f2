"""The loss of sequence classification: the windows of a text are combined, then compared."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from toolkit import losses
from toolkit.heads.base import Loss, Targets
from toolkit.windows import IGNORED

if TYPE_CHECKING:
    from toolkit.tasks.sequence_classification import SequenceClassification


def loss_of(task: "SequenceClassification") -> Loss:
    """The task's loss over scores (windows, labels): a sum over texts and their number."""
    weights = None
    if not isinstance(task.class_weights, str):
        weights = torch.tensor([task.class_weights.get(name, 1.0) for name in task.classes])

    def loss(scores: Tensor, targets: Targets) -> tuple[Tensor, Tensor]:
        first = targets["is_first"] > 0  # (windows,)
        scores = combine_windows(scores.float(), first, task.combine)  # (texts, labels)
        wanted = targets["label"][first]  # (texts,), or (texts, labels) for multi
        if task.labels == "regression":
            return losses.mean_squared_error(scores.squeeze(-1), wanted)
        if task.labels == "multi":
            smooth = wanted * (1 - task.label_smoothing) + task.label_smoothing / 2
            return losses.binary_cross_entropy(scores, smooth)
        summed = functional.cross_entropy(
            scores,
            wanted,
            weight=None if weights is None else weights.to(scores.device),
            ignore_index=IGNORED,
            reduction="sum",
            label_smoothing=task.label_smoothing,
        )
        return summed, (wanted != IGNORED).sum()

    return loss


def combine_windows(scores: Tensor, first: Tensor, how: str) -> Tensor:
    """Scores (texts, labels) from those of their windows (windows, labels).

    The windows of a text follow each other; `first` (windows,) is true where a text begins. With
    `attention` the last column is how much a window matters, and is used up.
    """
    text = first.long().cumsum(0) - 1  # (windows,), the text that a window belongs to
    num_texts = int(first.sum())
    if num_texts == len(scores) and how != "attention":
        return scores
    index = text.unsqueeze(-1).expand_as(scores)  # (windows, labels)
    if how == "max":
        empty = scores.new_full((num_texts, scores.shape[1]), -torch.inf)
        return empty.scatter_reduce(0, index, scores, "amax")
    if how == "mean":
        empty = scores.new_zeros(num_texts, scores.shape[1])
        return empty.scatter_reduce(0, index, scores, "mean", include_self=False)
    matters = scores[:, -1]  # (windows,)
    highest = matters.new_full((num_texts,), -torch.inf).scatter_reduce(0, text, matters, "amax")
    weights = (matters - highest[text]).exp()  # (windows,)
    totals = weights.new_zeros(num_texts).index_add(0, text, weights)
    weighted = scores[:, :-1] * (weights / totals[text]).unsqueeze(-1)
    return weighted.new_zeros(num_texts, weighted.shape[1]).index_add(0, text, weighted)
