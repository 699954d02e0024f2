from types import SimpleNamespace

import pytest
import torch
from torch import nn

from toolkit.errors import ToolkitError
from toolkit.models import precision
from toolkit.models.int8 import Int8Linear
from toolkit.models.precision import for_prediction

CPU, GPU = torch.device("cpu"), torch.device("cuda")


def model_over(base):
    """As much of a model as is asked: an encoder, and its part that may be in smaller types."""
    return SimpleNamespace(encoder=SimpleNamespace(lowerable=lambda: base))


def test_int8_is_refused_where_the_device_or_the_encoder_cannot():
    base = nn.Sequential(nn.Linear(4, 4))
    with pytest.raises(ToolkitError, match="int8: is for a CPU, and this is a cuda"):
        for_prediction(model_over(base), "int8", "fp32", GPU)
    for without in (None, nn.Sequential(nn.Embedding(3, 4))):
        with pytest.raises(ToolkitError, match="no layers that 8 bits are for"):
            for_prediction(model_over(without), "int8", "fp32", CPU)
    assert type(base[0]) is nn.Linear
    assert for_prediction(model_over(base), "int8", "bf16", CPU) == "int8"
    assert isinstance(base[0], Int8Linear)


def test_bfloat16_is_never_replaced_where_it_was_asked_for(monkeypatch):
    monkeypatch.setattr(precision, "has_bf16", lambda device: False)
    with pytest.raises(ToolkitError, match="no arithmetic in bfloat16"):
        for_prediction(model_over(None), "bf16", "fp32", CPU)
    assert for_prediction(model_over(None), None, "bf16", CPU) == "fp32"


def test_what_a_model_was_trained_in_is_what_it_predicts_in(monkeypatch):
    monkeypatch.setattr(precision, "has_bf16", lambda device: True)
    found = {each: for_prediction(model_over(None), None, each, CPU) for each in ("fp32", "bf16")}
    assert found == {"fp32": "fp32", "bf16": "bf16"}
    assert for_prediction(model_over(None), "fp32", "bf16", CPU) == "fp32"
