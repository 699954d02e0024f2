"""Float32 matrix products by oneDNN on CPUs where torch's own take the slow path.

torch multiplies float32 with MKL, which does not use AVX-512 on processors that are not Intel's:
half the speed of oneDNN there. What sends products to oneDNN instead is a setting that allows it
to compute in bfloat16. Without AMX it has no reason to and stays in float32; with AMX it rounds.
So the products are tried first, and left as they are where a digit is lost.
"""

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

MOST = 1e-6  # of the norm of a product: what float32 over a few hundred terms is off by, twice
SHAPE = (96, 384, 256)  # of the products that are tried
_onednn: Any = torch.backends.mkldnn
_mkl: Any = torch.backends.mkl


@contextmanager
def quick_products() -> Iterator[None]:
    """Multiply by oneDNN meanwhile, where that is quicker and still float32."""
    if not (_is_slow() and is_exact()):
        yield
        return
    with _by_onednn():
        yield


@lru_cache(maxsize=1)
def is_exact() -> bool:
    """Whether oneDNN's products, forward and backward, are float32 on this machine."""
    rows, inner, columns = SHAPE
    draw = torch.Generator().manual_seed(1)
    left = torch.randn(rows, inner, generator=draw, dtype=torch.float64)
    right = torch.randn(columns, inner, generator=draw, dtype=torch.float64)
    with _by_onednn(), torch.no_grad():
        products = [
            (torch.nn.functional.linear(left.float(), right.float()), left @ right.T),
            (left.float().T @ left.float(), left.T @ left),
        ]
    return all(
        float((found.double() - exact).norm() / exact.norm()) < MOST for found, exact in products
    )


def _is_slow() -> bool:
    """Whether torch multiplies with MKL on a processor that MKL knows no quick way for."""
    return _mkl.is_available() and _onednn.is_available() and _vendor() == "AuthenticAMD"


@lru_cache(maxsize=1)
def _vendor() -> str:
    """Who made the processor; empty where the system does not say."""
    if platform.system() != "Linux":
        return ""
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "vendor_id":
            return value.strip()
    return ""


@contextmanager
def _by_onednn() -> Iterator[None]:
    before = _onednn.matmul.fp32_precision
    _onednn.matmul.fp32_precision = "bf16"
    try:
        yield
    finally:
        _onednn.matmul.fp32_precision = before
