import pytest
import torch
from safetensors.torch import save_file

from toolkit.encoders.vetting import shapes_of


@pytest.mark.parametrize("length", [640, 896, 1152, 1408])
def test_the_length_of_a_header_is_not_taken_for_the_mark_of_a_pickle(tmp_path, length):
    """These begin with 0x80 and a number from 2 to 5, as pickled files do."""
    file = tmp_path / "model.safetensors"
    for padding in range(length):
        save_file({"weight": torch.zeros(2, 3)}, file, metadata={"x": "y" * padding})
        start = file.read_bytes()[:8]
        if int.from_bytes(start, "little") == length:
            break
    assert start.startswith(bytes([0x80, length >> 8]))
    assert shapes_of(file) == {"weight": [2, 3]}
