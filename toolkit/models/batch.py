"""Windows as tensors: what a model reads at once."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from toolkit.windows import IGNORED, Window

if TYPE_CHECKING:
    import torch

    from toolkit.windows import Tokens


class Batch(NamedTuple):
    """Windows as tensors, padded on the right."""

    inputs: "dict[str, torch.Tensor]"  # input_ids, attention_mask, …: (windows, length)
    targets: "dict[str, torch.Tensor] | None"
    lengths: tuple[int, ...]  # tokens of each window, without padding
    keys: "torch.Tensor | None" = None  # (windows,), by which dropout counts; None: draw

    @property
    def num_tokens(self) -> int:
        """Without padding."""
        return sum(self.lengths)


def collate(
    windows: Sequence[Window],
    padding: Mapping[str, int],
    device: Any = "cpu",
    keys: Sequence[int] | None = None,
) -> Batch:
    """Pad windows to the longest of them. `padding` holds the value for each input, 0 otherwise.

    `keys` are numbers below 2^63, one a window, from which dropout is counted in training.
    """
    import torch

    length = max(window.length for window in windows)
    names = windows[0].inputs.keys()
    arrays = {
        name: _padded([window.inputs[name] for window in windows], length, padding.get(name, 0))
        for name in names
    }
    lengths = tuple(window.length for window in windows)
    is_real = np.arange(length) < np.array(lengths)[:, None]  # (windows, length)
    arrays["attention_mask"] = is_real.astype(np.int64)
    inputs = {name: torch.from_numpy(array).to(device) for name, array in arrays.items()}
    targets = None
    if windows[0].targets is not None:
        targets = {name: _stacked(windows, name, length).to(device) for name in windows[0].targets}
    return Batch(inputs, targets, lengths, None if keys is None else torch.tensor(keys).to(device))


def padding_of(tokenizer: Any) -> dict[str, int]:
    """The padding value of each input of a tokenizer's encoder."""
    return {
        "input_ids": tokenizer.pad_token_id or 0,
        "token_type_ids": getattr(tokenizer, "pad_token_type_id", 0),
    }


def _stacked(windows: Sequence[Window], name: str, length: int) -> "torch.Tensor":
    import torch

    values = [(window.targets or {})[name] for window in windows]
    if isinstance(values[0], np.ndarray) and values[0].ndim == 2:
        rows = np.zeros((len(values), length, values[0].shape[1]), dtype=np.float32)
        for row, value in zip(rows, values, strict=True):
            row[: len(value)] = value  # type: ignore[arg-type]
        return torch.from_numpy(rows)
    if isinstance(values[0], (list, np.ndarray)):
        return torch.from_numpy(_padded(values, length, IGNORED))  # type: ignore[arg-type]
    return torch.tensor(values)


def _padded(rows: "Sequence[Tokens]", length: int, value: int) -> "np.ndarray[Any, Any]":
    array = np.full((len(rows), length), value, dtype=np.int64)
    for row, values in zip(array, rows, strict=True):
        row[: len(values)] = values
    return array
