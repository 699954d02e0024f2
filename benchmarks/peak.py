"""The yardstick: matrix products that this machine reaches, and those that a step has to have.

A share of the peak counts useful work only: tokens that are real, at their own lengths.
"""

import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch

TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
SIZES = ((2048, 2048, 2048), (4096, 1024, 1024), (1024, 4096, 1024), (4096, 4096, 1024))
SIZES_GPU = ((8192, 8192, 8192), (16384, 4096, 4096), (8192, 16384, 4096))


class Peak(NamedTuple):
    """Measured, in floating-point operations a second, by precision."""

    fp32: float
    bf16: float

    def of(self, precision: str) -> float:
        """That of a precision."""
        return float(getattr(self, precision))


def measure_peak(device: torch.device, seconds: float) -> Peak:
    """The fastest of several products of random matrices; `seconds` for each precision."""
    found = {name: _fastest(dtype, device, seconds) for name, dtype in TYPES.items()}
    return Peak(**found)


def _fastest(dtype: torch.dtype, device: torch.device, seconds: float) -> float:
    sizes = SIZES_GPU if device.type == "cuda" else SIZES
    best = 0.0
    for rows, inner, columns in sizes:
        left = torch.randn(rows, inner, device=device).to(dtype)
        right = torch.randn(columns, inner, device=device).to(dtype)
        for elapsed in _times(left, right, seconds / len(sizes)):
            best = max(best, 2.0 * rows * inner * columns / elapsed)
    return best


def _times(left: torch.Tensor, right: torch.Tensor, seconds: float) -> Iterator[float]:
    torch.nn.functional.linear(left, right)  # warm up
    until = time.perf_counter() + seconds
    while True:
        _wait(left.device)
        start = time.perf_counter()
        torch.nn.functional.linear(left, right)
        _wait(left.device)
        yield time.perf_counter() - start
        if time.perf_counter() > until:
            return


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def useful_work(config: Any, lengths: Sequence[int]) -> float:
    """Floating-point operations of training on windows of these lengths, forward and backward.

    Three times the forward pass, whose products are two for each of the L (4 h^2 + 2 h i) weights
    of a layer stack and token, and 4 h L for each pair of tokens of a window. Embeddings and heads
    are not counted.
    """
    layers, width = config.num_hidden_layers, config.hidden_size
    weights = layers * (4 * width**2 + 2 * width * config.intermediate_size)
    pairs = sum(length**2 for length in lengths)
    operations: float = 3.0 * (2.0 * weights * sum(lengths) + 4.0 * width * layers * pairs)
    return operations
