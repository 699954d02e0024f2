"""A model is an encoder and a head. The loss is computed inside `forward`, as DDP needs it."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from toolkit.encoders.base import Encoder
from toolkit.errors import RunError
from toolkit.heads.base import Output
from toolkit.tasks.base import Task

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

WEIGHTS = "model.safetensors"


class Model(nn.Module):
    """Encoder, then head."""

    def __init__(self, encoder: Any, head: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = head

    def forward(
        self, inputs: Mapping[str, Tensor], targets: Mapping[str, Tensor] | None = None
    ) -> Output:
        """Scores, and the summed loss and its count where there are targets."""
        output: Output = self.head(self.encoder(inputs), targets)
        return output

    @property
    def is_native(self) -> bool:
        """Whether plain `transformers` can load what `save_model` writes."""
        return hasattr(getattr(self.head, "scorer", None), "save_native")


def build_model(task: Task, encoder: Encoder, tokenizer: "PreTrainedTokenizerFast") -> Model:
    """A new model: pretrained weights where there are any, the rest from torch's generator."""
    return _assemble(task, encoder, tokenizer, None)


def load_model(
    task: Task, encoder: Encoder, tokenizer: "PreTrainedTokenizerFast", folder: Path
) -> Model:
    """The model that `save_model` left in `folder`."""
    model = _assemble(task, encoder, tokenizer, folder)
    if not model.is_native:
        load_weights(model, folder / WEIGHTS)
    return model


def save_model(
    model: Model, encoder: Encoder, tokenizer: "PreTrainedTokenizerFast", folder: Path
) -> None:
    """Write a native transformers folder, or where the head is ours, weights that need toolkit."""
    if model.is_native:
        model.head.scorer.save_native(model.encoder.base, folder)  # type: ignore[union-attr, operator]
    else:
        encoder.save_shape(model.encoder, folder)
        save_file(weights_of(model), folder / WEIGHTS)
    tokenizer.save_pretrained(folder)


def weights_of(model: nn.Module) -> dict[str, Tensor]:
    """Every parameter and buffer by name, on the CPU."""
    return {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}


def load_weights(model: nn.Module, file: Path) -> None:
    """Fill the model from a safetensors file, which must hold exactly its weights."""
    weights = load_file(file)
    expected = set(model.state_dict())
    if set(weights) != expected:
        odd = sorted(set(weights) ^ expected)
        raise RunError(f"{file}: does not hold this model's weights ({odd[0]}, …)")
    model.load_state_dict(weights)


def _assemble(
    task: Task, encoder: Encoder, tokenizer: "PreTrainedTokenizerFast", folder: Path | None
) -> Model:
    standard = task.standard_head()
    pair = encoder.with_standard_head(tokenizer, standard, folder) if standard else None
    if pair is not None:
        module, scorer = pair
        head = task.head(_width(module))
        head.scorer = scorer
    else:
        module = encoder.module(tokenizer) if folder is None else encoder.restore(tokenizer, folder)
        head = task.head(_width(module))
    return Model(module, head)


def _width(module: Any) -> int:
    width = module.width
    assert isinstance(width, int)
    return width


def count_parameters(model: nn.Module) -> tuple[int, int]:
    """All parameters, and those that are trained."""
    sizes = [(p.numel(), p.requires_grad) for p in model.parameters()]
    return sum(size for size, _ in sizes), sum(size for size, trained in sizes if trained)


@torch.no_grad()
def all_finite(model: nn.Module) -> bool:
    """Whether every weight is a number."""
    return all(bool(torch.isfinite(parameter).all()) for parameter in model.parameters())
