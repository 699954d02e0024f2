"""Which modules of an encoder an adapter changes: peft's own choice, or read off their names."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from peft.utils import constants
from torch import nn

from toolkit.encoders.adapter import Ia3, Lora
from toolkit.encoders.layers import layers_of
from toolkit.errors import RecipeError
from toolkit.registry import nearest

# Where peft has no entry for a family, the first line whose names all occur in its layers.
_LORA = (("query", "value"), ("query_proj", "value_proj"), ("q_lin", "v_lin"), ("q_proj", "v_proj"),
         ("q", "v"), ("Wqkv",))  # fmt: skip
# (rescaled at their output, rescaled at their input)
_IA3 = (
    (("key", "value"), ("output.dense",)),
    (("key", "value"), ("ffn_output",)),
    (("key_proj", "value_proj"), ("output.dense",)),
    (("k_lin", "v_lin"), ("lin2",)),
    (("k", "v"), ("output.dense",)),
    (("Wqkv",), ("mlp.Wo",)),
)


class Targets(NamedTuple):
    """Ends of the names of the modules that an adapter changes."""

    outputs: tuple[str, ...]
    inputs: tuple[str, ...] = ()  # of IA3: those whose input is rescaled

    @property
    def names(self) -> tuple[str, ...]:
        """Both."""
        return (*self.outputs, *self.inputs)


def targets_of(family: str, adapter: Lora | Ia3, modules: Sequence[str]) -> Targets:
    """What an adapter changes in a family's encoder with these linear modules.

    RecipeError where nothing is asked for and nothing known, or what is asked for is not there.
    """
    if adapter.targets is None:
        return _known_targets(family, adapter, modules)
    inputs = adapter.feedforward if isinstance(adapter, Ia3) else ()
    faults = [
        f"model.adapter.targets: {name!r} is the end of no linear module in the encoder's layers."
        f"{nearest(name, _ends(modules))} Known: {', '.join(_ends(modules))}"
        for name in adapter.targets
        if not matching(modules, [name])
    ]
    if faults:
        raise RecipeError(faults)
    return Targets(tuple(name for name in adapter.targets if name not in inputs), inputs)


def linear_modules(base: nn.Module) -> list[str]:
    """The names of what an adapter can change: the linear modules of the layers."""
    return [
        f"{layer}.{name}"
        for layer, part in layers_of(base).items()
        for name, module in part.named_modules()
        if isinstance(module, nn.Linear)
    ]


def matching(modules: Sequence[str], ends: Sequence[str]) -> list[str]:
    """The names that end with one of `ends`, at a dot."""
    return [name for name in modules if any(f".{name}".endswith(f".{end}") for end in ends)]


def _ends(modules: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(name.rpartition(".")[2] for name in modules))


def _known_targets(family: str, adapter: Lora | Ia3, modules: Sequence[str]) -> Targets:
    known: list[Targets]
    if isinstance(adapter, Lora):
        table: Mapping[str, Any] = constants.TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING
        known = [Targets(tuple(table[family]))] if family in table else []
        known += [Targets(names) for names in _LORA]
    else:
        table = constants.TRANSFORMERS_MODELS_TO_IA3_TARGET_MODULES_MAPPING
        peft_inputs = constants.TRANSFORMERS_MODELS_TO_IA3_FEEDFORWARD_MODULES_MAPPING
        inputs = tuple(peft_inputs.get(family, ()))
        outputs = tuple(name for name in table.get(family, ()) if name not in inputs)
        known = [Targets(outputs, inputs)] if outputs else []
        known += [Targets(*pair) for pair in _IA3]
    for targets in known:
        if all(matching(modules, [name]) for name in targets.names):
            return targets
    raise RecipeError(
        f"model.adapter.targets: null, but for {family} none are known, "
        f"expected some of {', '.join(_ends(modules))}"
    )
