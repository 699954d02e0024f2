"""Linear layers in 8-bit whole numbers, for CPUs without bfloat16 and for small memory.

Weights are rounded once, each output channel on a scale of its own; inputs as they come, each
token on a scale of its own, so that a prediction does not depend on what else is in its batch.
(torch's own `quantize_dynamic` has one scale a batch, and is deprecated.)
"""

import torch
from torch import Tensor, nn

from toolkit.errors import ToolkitError

_LARGEST = 127
_SMALLEST_SCALE = 1e-12  # of a row of zeros


class Int8Linear(nn.Module):
    """What a linear layer computes, its products in 8 bits and its sums in 32."""

    weight: Tensor
    scale: Tensor
    bias: Tensor | None

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        weight = linear.weight.detach().float()  # (outputs, inputs)
        scale = _scale_of(weight)  # (outputs, 1)
        rounded = (weight / scale).round_().to(torch.int8)
        self.register_buffer("weight", _laid_out(rounded.t()))  # (inputs, outputs)
        self.register_buffer("scale", scale.flatten())  # (outputs,)
        bias = None if linear.bias is None else linear.bias.detach().float()
        self.register_buffer("bias", bias)

    def forward(self, values: Tensor) -> Tensor:
        """(…, inputs) -> (…, outputs), float32."""
        rows = values.reshape(-1, values.shape[-1]).float()
        scale = _scale_of(rows)  # (rows, 1)
        sums = torch._int_mm((rows / scale).round_().to(torch.int8), self.weight)  # int32
        scaled = sums * scale
        scaled = (
            scaled.mul_(self.scale)
            if self.bias is None
            else torch.addcmul(self.bias, scaled, self.scale)
        )
        return scaled.view(*values.shape[:-1], len(self.scale))


def quantise(module: nn.Module) -> int:
    """Put every linear layer of a module in 8 bits, in place; how many there were.

    Sums are tried on two rows, and a ToolkitError says where they are not exact.
    """
    found = 0
    for part in list(module.modules()):
        for name, child in list(part.named_children()):
            if type(child) is nn.Linear:
                layer = Int8Linear(child)
                _check_sums(layer)
                setattr(part, name, layer)
                found += 1
    return found


def _laid_out(matrix: Tensor) -> Tensor:
    # `contiguous` leaves odd strides on a matrix of one row, of which `_int_mm` makes garbage
    return matrix.clone(memory_format=torch.contiguous_format)


def _check_sums(layer: Int8Linear) -> None:
    """ToolkitError where the hardware's sums of 8-bit products are not exact."""
    size = len(layer.weight)
    row = (torch.arange(2 * size).view(2, size) * 37 % 255 - _LARGEST).to(torch.int8)
    if not torch.equal(
        torch._int_mm(row, layer.weight).double(), row.double() @ layer.weight.double()
    ):
        raise ToolkitError("int8: 8-bit products come out wrong on this machine: fp32 or bf16")


def _scale_of(rows: Tensor) -> Tensor:
    largest = rows.abs().amax(dim=1, keepdim=True)
    return largest.div_(_LARGEST).clamp_(min=_SMALLEST_SCALE)
