"""Which arithmetic a run uses: float32, or matrix products in bfloat16 or float16."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

from toolkit.errors import RecipeError

TYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


def resolve_precision(wanted: str, device: torch.device) -> str:
    """`auto` becomes bf16 where the hardware computes in it, fp32 elsewhere."""
    if wanted == "fp16" and device.type != "cuda":
        raise RecipeError(
            f"train.precision: fp16 needs a GPU, and this run has a {device.type}: bf16 or fp32"
        )
    if wanted != "auto":
        return wanted
    return "bf16" if has_bf16(device) else "fp32"


def has_bf16(device: torch.device) -> bool:
    """Whether the device has instructions for bfloat16 products."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    return False


def autocast(precision: str, device: torch.device) -> AbstractContextManager[Any]:
    """Run matrix products in the precision; weights and what is summed stay in float32."""
    if precision == "fp32":
        return nullcontext()
    return torch.autocast(device.type, dtype=TYPES[precision])
