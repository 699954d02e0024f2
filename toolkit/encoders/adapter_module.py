"""The peft side of adapters: where they go, how a folder holds them, how they are merged.

They are injected into the encoder, which stays the same object: heads, DDP and the family's own
scorer notice nothing. The head is saved with them, in the layout that peft loads by itself.
"""

import copy
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from peft import IA3Config, LoraConfig, inject_adapter_in_model
from peft.tuners.tuners_utils import BaseTunerLayer
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from toolkit.encoders.adapter import Ia3, Lora
from toolkit.encoders.adapter_targets import Targets, linear_modules, matching, targets_of
from toolkit.encoders.weights import hash_of, is_part
from toolkit.errors import RunError

WEIGHTS, BASE = "adapter_model.safetensors", "base.json"
_ADAPTER = "default"  # peft's name of an adapter that has none
_KINDS = {
    "TokenClassification": "TOKEN_CLS",
    "SequenceClassification": "SEQ_CLS",
    "QuestionAnswering": "QUESTION_ANS",
}


def inject(base: Any, adapter: Lora | Ia3) -> None:
    """Put an adapter into the layers of an encoder and freeze the rest of it, in place.

    RecipeError where the targets are unknown or not there.
    """
    modules = linear_modules(base)
    targets = targets_of(base.config.model_type, adapter, modules)
    inject_adapter_in_model(_config(adapter, targets, modules), base, adapter_name=_ADAPTER)


def base_names(module: nn.Module) -> frozenset[str]:
    """The parameters of an adapted module that are the checkpoint's own, and frozen."""
    names = [name for name, _ in module.named_parameters()]
    return frozenset(name for name in names if name.startswith("base.") and not is_part(name))


def save_adapter(
    base: Any, native: Any, folder: Path, checkpoint: str, revision: str | None
) -> None:
    """Write adapter and head as peft does, and the configuration of the whole model."""
    native.config.save_pretrained(folder)
    tensors = _saved(base, native)
    save_file(
        {name: t.detach().cpu().contiguous() for name, t in tensors.items()}, folder / WEIGHTS
    )
    prefix = native.base_model_prefix
    config = copy.copy(base.peft_config[_ADAPTER])
    changed = [name for name, part in base.named_modules() if isinstance(part, BaseTunerLayer)]
    config.target_modules = {f"{prefix}.{name}" for name in changed}
    if isinstance(config, IA3Config):
        config.feedforward_modules = {
            f"{prefix}.{name}" for name in changed if base.get_submodule(name).is_feedforward
        }
    heads = [name for name, part in native.named_children() if any(True for _ in part.parameters())]
    config.modules_to_save = heads
    name = type(native).__name__
    config.task_type = next((kind for end, kind in _KINDS.items() if name.endswith(end)), None)
    config.base_model_name_or_path, config.revision = checkpoint, revision
    config.inference_mode = True
    config.save_pretrained(folder)


def load_adapter(base: Any, native: Any, folder: Path) -> None:
    """Fill adapter and head from what `save_adapter` wrote. RunError where they do not fit."""
    found, expected = load_file(folder / WEIGHTS), _saved(base, native)
    odd = sorted(set(found) ^ set(expected))
    if odd:
        raise RunError(f"{folder / WEIGHTS}: does not hold this adapter and head ({odd[0]}, …)")
    with torch.no_grad():
        for name, tensor in expected.items():
            tensor.copy_(found[name])


def save_base(base: nn.Module, folder: Path, checkpoint: str, revision: str | None) -> None:
    """Write which frozen weights the adapter belongs to: they are not in the folder."""
    record = {"checkpoint": checkpoint, "revision": revision, "sha256": _hash(base)}
    (folder / BASE).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def check_base(base: nn.Module, folder: Path) -> None:
    """RunError where the checkpoint is no longer the one that the adapter was trained on."""
    record = json.loads((folder / BASE).read_text(encoding="utf-8"))
    if _hash(base) != record["sha256"]:
        raise RunError(
            f"{folder}: the weights of model.checkpoint ({record['checkpoint']}) are not those "
            "that this adapter was trained on"
        )


def merge(base: Any) -> None:
    """Add the adapter to the encoder's own weights and take it out, in place."""
    changed = [name for name, part in base.named_modules() if isinstance(part, BaseTunerLayer)]
    for name in changed:
        layer = base.get_submodule(name)
        layer.merge(safe_merge=True)
        parent, _, last = name.rpartition(".")
        setattr(base.get_submodule(parent), last, layer.get_base_layer())
    del base.peft_config


def _hash(base: nn.Module) -> str:
    return hash_of((name, p) for name, p in base.named_parameters() if not is_part(name))


def _saved(base: Any, native: Any) -> dict[str, Tensor]:
    """Parameters of adapter and head under the names that peft gives them in a file."""
    named = {
        f"{native.base_model_prefix}.{name}".replace(f".{_ADAPTER}", ""): parameter
        for name, parameter in base.named_parameters()
        if is_part(name)
    }
    named |= dict(native.named_parameters())
    return {f"base_model.model.{name}": parameter for name, parameter in named.items()}


def _config(adapter: Lora | Ia3, targets: Targets, modules: Sequence[str]) -> Any:
    names = matching(modules, targets.names)
    if isinstance(adapter, Ia3):
        return IA3Config(
            target_modules=names, feedforward_modules=matching(modules, targets.inputs)
        )
    return LoraConfig(
        r=adapter.rank,
        lora_alpha=adapter.alpha,
        lora_dropout=adapter.dropout,
        target_modules=names,
    )
