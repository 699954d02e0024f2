"""Parameter groups, the learning rate of each step, and AdamW."""

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from toolkit.encoders.layers import depths_of
from toolkit.models.freezing import needs_layers
from toolkit.recipe.schema import Train
from toolkit.training.sharding import gathered, shared_as

NEW = ("head.", "encoder.pooling.")  # what no checkpoint brought: has the rate of the head


def rate_factor(schedule: str, warmup: float, step: int, num_steps: int) -> float:
    """What the highest learning rate is multiplied by in `step` (counted from 0), in [0, 1].

    As in `transformers`' schedules: up over the warm-up, then down to zero behind the last step
    (linear, cosine) or level (constant).
    """
    num_warmup = math.ceil(warmup * num_steps)
    if step < num_warmup:
        return step / num_warmup
    if schedule == "constant":
        return 1.0
    share = (step - num_warmup) / max(1, num_steps - num_warmup)
    if schedule == "cosine":
        return 0.5 * (1.0 + math.cos(math.pi * share))
    return 1.0 - share


def build_optimiser(model: nn.Module, train: Train) -> torch.optim.AdamW:
    """AdamW over groups of one rate and one decay: encoder and head, vectors and matrices.

    Vectors (biases, the weights of normalisation) do not decay, matrices do.
    """
    shares = _shares(model, train.layer_decay)
    groups: dict[tuple[bool, float, bool], list[nn.Parameter]] = {}
    for name, parameter in trained(model):
        key = (name.startswith(NEW), shares.get(name, 1.0), parameter.dim() > 1)
        groups.setdefault(key, []).append(parameter)
    head_rate = train.head_learning_rate or train.learning_rate
    rates = {
        key: head_rate if in_head else train.learning_rate * share
        for key in groups
        for in_head, share, _ in [key]
    }
    return torch.optim.AdamW(
        [
            {
                "params": parameters,
                "lr": rates[key],
                "highest": rates[key],
                "weight_decay": train.weight_decay if key[-1] else 0.0,
            }
            for key, parameters in sorted(groups.items(), key=lambda item: item[0])
        ],
        betas=train.betas,
        eps=train.epsilon,
        fused=True,
    )


def _shares(model: nn.Module, decay: float | None) -> dict[str, float]:
    """Of the encoder's rate, by parameter: 1 above the layers, less with every layer below.

    `decay ** (layers + 1 - depth)`, as in BEiT (Bao et al. 2021) and, with 1/2.6, in ULMFiT.
    """
    if decay is None:
        return {}
    top = len(needs_layers(model, "train.layer_decay")) + 1
    depths = depths_of(model.get_submodule("encoder"))
    return {f"encoder.{name}": decay ** (top - depth) for name, depth in depths.items()}


def trained(model: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """The parameters that are trained, by name, in the model's order."""
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            yield name, parameter


def state_of(optimiser: torch.optim.Optimizer, model: nn.Module) -> dict[str, torch.Tensor]:
    """The optimiser's tensors as `parameter name / kind`, on the CPU.

    Where they are shares of several processes, the others call `give_state`.
    """
    return {name: tensor.cpu().contiguous() for name, tensor in _state(optimiser, model)}


def give_state(optimiser: torch.optim.Optimizer, model: nn.Module) -> None:
    """Give this process's shares to the one that calls `state_of`."""
    for _ in _state(optimiser, model):
        pass


def _state(
    optimiser: torch.optim.Optimizer, model: nn.Module
) -> Iterator[tuple[str, torch.Tensor]]:
    for name, parameter in model.named_parameters():
        for kind, tensor in optimiser.state.get(parameter, {}).items():
            yield f"{name}/{kind}", gathered(tensor.detach())


def restore_state(
    optimiser: torch.optim.Optimizer, model: nn.Module, state: dict[str, torch.Tensor]
) -> None:
    """Put back what `state_of` gave."""
    parameters = dict(model.named_parameters())
    for key, tensor in state.items():
        name, _, kind = key.rpartition("/")
        parameter = parameters[name]
        # the step count of fused AdamW lives beside the parameter, its moments have its type
        values: dict[str, Any] = optimiser.state[parameter]
        tensor = tensor.to(parameter.device)
        values[kind] = shared_as(parameter, tensor) if tensor.dim() else tensor
