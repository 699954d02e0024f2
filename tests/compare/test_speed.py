"""What was measured is taken where it was measured on this machine."""

import json

import pytest
import torch

from toolkit.compare.speed import SPEED, processor, speed_of


@pytest.mark.parametrize(
    ("kept", "num_gpus", "is_taken"),
    [
        ({"processor": processor(), "has_gpu": False}, 0, True),
        ({"processor": processor()}, 0, True),
        ({"processor": processor(), "has_gpu": False}, 1, False),
        ({"processor": processor(), "has_gpu": True}, 0, False),
        ({"processor": processor(), "has_gpu": True}, 2, True),
        ({"processor": "another", "has_gpu": False}, 0, False),
    ],
)
def test_a_measurement_is_of_one_processor_with_a_gpu_or_without(
    tmp_path, monkeypatch, kept, num_gpus, is_taken
):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: num_gpus)
    assert speed_of(tmp_path) is None
    (tmp_path / SPEED).write_text(json.dumps(kept))
    assert speed_of(tmp_path) == (kept if is_taken else None)
