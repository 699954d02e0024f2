"""Which arithmetic a run uses: float32, or matrix products in bfloat16, float16 or 8 bits."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import nn

from toolkit.errors import RecipeError, ToolkitError
from toolkit.models.int8 import quantise

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
    if precision not in TYPES:
        return nullcontext()
    return torch.autocast(device.type, dtype=TYPES[precision])


@contextmanager
def reading(model: Any, precision: str, device: torch.device) -> Iterator[None]:
    """Read without training in this precision.

    In bfloat16 an encoder that can has its weights in that type meanwhile, which is quicker than
    autocast, and its head computes in float32; every other reads under autocast.
    """
    base = model.encoder.lowerable() if precision == "bf16" else None
    if base is None:
        with autocast(precision, device):
            yield
        return
    # other parameters in their place, since another type in their `data` makes DDP forget its hooks
    kept = [(part, dict(part._parameters)) for part in base.modules()]
    smaller: dict[nn.Parameter, nn.Parameter] = {}  # one where several names share one
    try:
        for part, parameters in kept:
            for name, parameter in parameters.items():
                if parameter is not None and parameter not in smaller:
                    low = parameter.detach().to(torch.bfloat16)
                    smaller[parameter] = nn.Parameter(low, requires_grad=False)
                if parameter is not None:
                    part._parameters[name] = smaller[parameter]
        yield
    finally:
        for part, parameters in kept:
            part._parameters.update(parameters)


def for_prediction(model: Any, wanted: str | None, trained: str, device: torch.device) -> str:
    """The arithmetic that a finished model predicts in; for int8 its encoder is changed in place.

    Where none is wanted, that of the training where the device has it, else float32. What is wanted
    and cannot be had is a ToolkitError.
    """
    if wanted is None:
        if trained == "fp16" and device.type == "cuda":
            return trained
        return "bf16" if trained in TYPES and has_bf16(device) else "fp32"
    if wanted == "bf16" and not has_bf16(device):
        raise ToolkitError(f"--precision bf16: this {device.type} has no arithmetic in bfloat16")
    if wanted == "int8":
        if device.type != "cpu":
            raise ToolkitError(f"--precision int8: is for a CPU, and this is a {device.type}")
        base = model.encoder.lowerable()
        if base is None or not quantise(base):
            raise ToolkitError("--precision int8: this encoder has no layers that 8 bits are for")
    return wanted
