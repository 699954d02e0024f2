"""What of a model stays as it is: by place, by number of layers, by name."""

from collections.abc import Iterable
from fnmatch import fnmatchcase

from torch import nn

from toolkit.encoders.layers import depths_of, layers_of
from toolkit.encoders.weights import hash_of, is_part
from toolkit.errors import RecipeError
from toolkit.models.model import Model, frozen_of
from toolkit.recipe.schema import Freeze
from toolkit.registry import nearest


def freeze(model: Model, what: Freeze) -> None:
    """Freeze parameters, in place: no gradient, no optimiser state, no decay.

    An adapter in a frozen layer is still trained, unless it is named. RecipeError where something
    is asked for that the model does not have, or nothing is left to train.
    """
    depths = depths_of(model.encoder)
    num_layers = len(layers_of(model.encoder))
    if what.layers > num_layers:
        raise RecipeError(
            f"train.freeze.layers: found {what.layers}, but the encoder has {num_layers}"
        )
    names = [name for name, _ in model.named_parameters()]
    faults = [
        f"train.freeze.names: {pattern!r} matches no parameter.{nearest(pattern, _parts(names))} "
        f"The encoder's begin with {_starts(names)}"
        for pattern in what.names
        if not _matching(names, pattern)
    ]
    if faults:
        raise RecipeError(faults)
    frozen = {name for pattern in what.names for name in _matching(names, pattern)}
    for name, depth in depths.items():
        is_low = (depth == 0 and what.embeddings) or 1 <= depth <= what.layers
        if is_low and not is_part(name):
            frozen.add(f"encoder.{name}")
    for name, parameter in model.named_parameters():
        if name in frozen:
            parameter.requires_grad_(False)
    model.frozen, model.frozen_sha256 = frozen_of(model), None
    if len(model.frozen) == len(names):
        raise RecipeError("train.freeze: nothing is left to train")


def frozen_hash(model: Model) -> str | None:
    """The sha256 of what is frozen, which a checkpoint does not hold; None where nothing is."""
    if model.frozen and model.frozen_sha256 is None:
        named = model.named_parameters()
        model.frozen_sha256 = hash_of((name, p) for name, p in named if name in model.frozen)
    return model.frozen_sha256


def needs_layers(model: nn.Module, key: str) -> dict[str, nn.Module]:
    """The encoder's layers. RecipeError where it has none to do what `key` asks for."""
    layers = layers_of(model.get_submodule("encoder"))
    if not layers:
        raise RecipeError(f"{key}: the encoder has no layers")
    return layers


def _matching(names: Iterable[str], pattern: str) -> list[str]:
    # a pattern is a run of whole parts of a dotted name: `layer.0` is not in `layer.01`
    return [name for name in names if fnmatchcase(f".{name}.", f"*.{pattern}.*")]


def _parts(names: Iterable[str]) -> list[str]:
    runs = {".".join(name.split(".")[start:]) for name in names for start in range(name.count("."))}
    return sorted(runs | {part for name in names for part in name.split(".")})


def _starts(names: Iterable[str]) -> str:
    starts = dict.fromkeys(".".join(n.split(".")[:3]) for n in names if n.startswith("encoder."))
    return ", ".join(starts)
