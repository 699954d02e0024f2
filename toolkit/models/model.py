"""A model is an encoder and a head. The loss is computed inside `forward`, as DDP needs it."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from toolkit.dropout import Counter, count_dropout
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
        self.counter = encoder.counter = Counter()
        count_dropout(self, self.counter)
        self.frozen = frozen_of(self)  # names of parameters that no step of a run will change
        self.frozen_sha256: str | None = None  # of their values, once somebody asked

    def forward(
        self,
        inputs: Mapping[str, Tensor],
        targets: Mapping[str, Tensor] | None = None,
        lengths: Sequence[int] | None = None,
        keys: Tensor | None = None,
    ) -> Output:
        """Scores, and the summed loss and its count where there are targets.

        `lengths` are the tokens of each window. Dropout counts from `keys`, (windows,) of int64;
        without them it draws from torch's generator.
        """
        self.counter.begin(keys, inputs["input_ids"].shape[1])
        output: Output = self.head(self.encoder(inputs, lengths), targets)
        return output

    @property
    def is_native(self) -> bool:
        """Whether plain `transformers` (and `peft`) can load what `save_model` writes."""
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
        load_weights(model, folder / WEIGHTS, without=_brought_along(model, encoder))
    return model


def save_model(
    model: Model, encoder: Encoder, tokenizer: "PreTrainedTokenizerFast", folder: Path
) -> None:
    """Write a native transformers folder, or where the head is ours, weights that need toolkit.

    Under an adapter the folder holds adapter and head only, as `peft` has them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if model.is_native:
        encoder.save_standard(model.encoder, model.head.scorer, folder)  # type: ignore[arg-type]
    else:
        encoder.save_shape(model.encoder, folder)
        weights = weights_of(model, without=_brought_along(model, encoder))
        save_file(weights, folder / WEIGHTS)
    tokenizer.save_pretrained(folder)


def weights_of(model: nn.Module, *, without: Collection[str] = ()) -> dict[str, Tensor]:
    """Every parameter and buffer by name, but for those in `without`, on the CPU.

    A weight that has two names, because it is tied, is there once, under the first.
    """
    left_out = {*without, *second_names(model)}
    return {
        name: tensor.detach().cpu().contiguous()
        for name, tensor in model.state_dict().items()
        if name not in left_out
    }


def second_names(model: nn.Module) -> frozenset[str]:
    """The names of tied weights under which they come again: an embedding as a decoder."""
    every = {name for name, _ in model.named_parameters(remove_duplicate=False)}
    return frozenset(every.difference(name for name, _ in model.named_parameters()))


def load_weights(model: nn.Module, file: Path, *, without: Collection[str] = ()) -> None:
    """Fill the model from a safetensors file, which must hold exactly what `weights_of` gives."""
    put_weights(model, load_file(file), file, without=without)


def put_weights(
    model: nn.Module, weights: Mapping[str, Tensor], source: Path, *, without: Collection[str] = ()
) -> None:
    """Fill the model with what `weights_of` gave. RunError where names are missing or too many."""
    shapes = {name: tensor.shape for name, tensor in model.state_dict().items()}
    expected = set(shapes).difference(without, second_names(model))
    odd = sorted(set(weights) ^ expected)
    odd = odd or sorted(name for name in expected if weights[name].shape != shapes[name])
    if odd:
        raise RunError(f"{source}: does not hold this model's weights ({odd[0]}, …)")
    model.load_state_dict(weights, strict=False)  # the names were compared


def frozen_of(model: nn.Module) -> frozenset[str]:
    """The names of the parameters that are not trained as things stand."""
    return frozenset(name for name, p in model.named_parameters() if not p.requires_grad)


def _brought_along(model: Model, encoder: Encoder) -> frozenset[str]:
    return frozenset(f"encoder.{name}" for name in encoder.brought_along(model.encoder))


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


def count_parameters(model: Model) -> tuple[int, int]:
    """All parameters, and those that are trained sooner or later."""
    sizes = {name: parameter.numel() for name, parameter in model.named_parameters()}
    return sum(sizes.values()), sum(n for name, n in sizes.items() if name not in model.frozen)
