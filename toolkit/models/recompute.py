"""Gradient checkpointing: activations inside a layer are computed again in the backward pass.

Chen et al. 2016. The layers are wrapped here and not by `gradient_checkpointing_enable`, which
ALBERT does not have: one mechanism for every encoder with layers.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from toolkit.dropout import Counter
from toolkit.models.freezing import needs_layers
from toolkit.models.model import Model


def recompute_layers(model: Model) -> None:
    """Keep only what goes into each layer of the encoder; in place, in training only.

    Loss and gradients are the same: dropout is counted again from the same place. The
    variant without reentry needs no input with a gradient, so frozen embeddings are no trouble.
    """
    for layer in needs_layers(model, "train.gradient_checkpointing").values():
        layer.forward = partial(_forward, layer, layer.forward, model.counter)


def _forward(
    layer: nn.Module, forward: Callable[..., Any], counter: Counter, *args: Any, **kwargs: Any
) -> Any:
    if not (layer.training and torch.is_grad_enabled()):
        return forward(*args, **kwargs)
    visits = dict(counter.visits)

    def from_here(*args: Any, **kwargs: Any) -> Any:
        counter.visits = dict(visits)  # the second time as the first
        return forward(*args, **kwargs)

    return checkpoint(from_here, *args, use_reentrant=False, **kwargs)
