import contextlib
import os
import subprocess
import sys

import pytest
import torch

from toolkit.models import float32
from toolkit.models.float32 import MOST, is_exact, quick_products

SETTING = torch.backends.mkldnn.matmul

ERROR = """
import torch
from toolkit.models import float32
float32._vendor = lambda: "AuthenticAMD"
left, right = torch.randn(128, 384).double(), torch.randn(384, 512).double()
with float32.quick_products():
    route = torch.backends.mkldnn.matmul.fp32_precision
    found = left.float() @ right.float()
print(route, float((found.double() - left @ right).norm() / (left @ right).norm()))
"""


@pytest.fixture(autouse=True)
def forgetful():
    is_exact.cache_clear()
    yield
    is_exact.cache_clear()


def slow(monkeypatch, is_slow=True):
    monkeypatch.setattr(float32, "_is_slow", lambda: is_slow)


def test_products_are_left_alone_where_they_are_quick(monkeypatch):
    slow(monkeypatch, is_slow=False)
    before = SETTING.fp32_precision
    with quick_products():
        assert SETTING.fp32_precision == before


def test_products_are_left_alone_where_the_trial_finds_a_digit_lost(monkeypatch):
    slow(monkeypatch)
    monkeypatch.setattr(float32, "is_exact", lambda: False)
    before = SETTING.fp32_precision
    with quick_products():
        assert SETTING.fp32_precision == before


def test_the_setting_is_as_before_afterwards_whatever_happens(monkeypatch):
    slow(monkeypatch)
    monkeypatch.setattr(float32, "is_exact", lambda: True)
    before = SETTING.fp32_precision
    with contextlib.suppress(KeyError), quick_products():
        assert SETTING.fp32_precision == "bf16"
        raise KeyError
    assert SETTING.fp32_precision == before


def test_the_trial_finds_that_products_are_rounded(monkeypatch):
    def rounded(left, right, bias=None):
        return (left.bfloat16() @ right.bfloat16().T).float()

    monkeypatch.setattr(torch.nn.functional, "linear", rounded)
    assert not is_exact()


@pytest.mark.parametrize("instructions", ["AVX512_CORE_BF16", "AVX512_CORE", "AVX2", "ALL"])
def test_products_are_float32_whatever_the_processor_has(instructions):
    environment = os.environ | {"ONEDNN_MAX_CPU_ISA": instructions, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", ERROR], env=environment, capture_output=True, text=True, check=True
    )
    route, error = done.stdout.split()
    assert float(error) < MOST
    if instructions == "AVX2" and torch.backends.mkl.is_available():
        assert route == "bf16"  # no instructions for bfloat16: nothing to lose
