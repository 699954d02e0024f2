"""Batches as a pure function of (data, recipe, seed, epoch, step).

Nothing here knows of processes or of where a run was interrupted. A step's examples are the next
`batch_size` of the epoch's order; its micro-batches are that list cut into equal parts.
"""

import hashlib
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from toolkit.windows import IGNORED, Window

if TYPE_CHECKING:
    import torch


def counted_seed(*counters: int | str) -> int:
    """A seed for torch from counters: equal counters, equal seed; 63 bits."""
    digest = hashlib.blake2b(repr(counters).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


class Plan(NamedTuple):
    """Which examples make up which step."""

    num_examples: int
    batch_size: int
    epochs: int
    seed: int

    @property
    def steps_per_epoch(self) -> int:
        """The last step of an epoch may be smaller than the others."""
        return -(-self.num_examples // self.batch_size)

    @property
    def num_steps(self) -> int:
        """Optimiser steps of the whole run."""
        return self.steps_per_epoch * self.epochs

    def order(self, epoch: int) -> "np.ndarray[Any, Any]":
        """The order of the examples in an epoch (counted from 0)."""
        generator = np.random.Generator(np.random.Philox(counted_seed(self.seed, "order", epoch)))
        return generator.permutation(self.num_examples)

    def examples(self, step: int) -> list[int]:
        """The examples of a step (counted from 0)."""
        epoch, place = divmod(step, self.steps_per_epoch)
        start = place * self.batch_size
        order = _remembered_order(self, epoch)
        return [int(example) for example in order[start : start + self.batch_size]]


_last_order: dict[tuple[Plan, int], "np.ndarray[Any, Any]"] = {}


def _remembered_order(plan: Plan, epoch: int) -> "np.ndarray[Any, Any]":
    if (plan, epoch) not in _last_order:
        _last_order.clear()
        _last_order[plan, epoch] = plan.order(epoch)
    return _last_order[plan, epoch]


def parts_of(examples: Sequence[int], num_parts: int) -> list[list[int]]:
    """Cut a step's examples into micro-batches, as equal as can be; some may be empty."""
    bounds = [len(examples) * part // num_parts for part in range(num_parts + 1)]
    return [list(examples[start:end]) for start, end in pairwise(bounds)]


class Batch(NamedTuple):
    """Windows as tensors, padded on the right."""

    inputs: "dict[str, torch.Tensor]"  # input_ids, attention_mask, …: (windows, length)
    targets: "dict[str, torch.Tensor] | None"
    num_tokens: int  # without padding


def collate(windows: Sequence[Window], padding: Mapping[str, int], device: Any = "cpu") -> Batch:
    """Pad windows to the longest of them. `padding` holds the value for each input, 0 otherwise."""
    import torch

    length = max(window.length for window in windows)
    names = windows[0].inputs.keys()
    arrays = {
        name: _padded([window.inputs[name] for window in windows], length, padding.get(name, 0))
        for name in names
    }
    arrays["attention_mask"] = _padded([[1] * window.length for window in windows], length, 0)
    inputs = {name: torch.from_numpy(array).to(device) for name, array in arrays.items()}
    targets = None
    if windows[0].targets is not None:
        targets = {name: _stacked(windows, name, length).to(device) for name in windows[0].targets}
    return Batch(inputs, targets, sum(window.length for window in windows))


def padding_of(tokenizer: Any) -> dict[str, int]:
    """The padding value of each input of a tokenizer's encoder."""
    return {
        "input_ids": tokenizer.pad_token_id or 0,
        "token_type_ids": getattr(tokenizer, "pad_token_type_id", 0),
    }


def _stacked(windows: Sequence[Window], name: str, length: int) -> "torch.Tensor":
    import torch

    values = [(window.targets or {})[name] for window in windows]
    if isinstance(values[0], list):
        return torch.from_numpy(_padded(values, length, IGNORED))  # type: ignore[arg-type]
    return torch.tensor(values)


def _padded(rows: Sequence[Sequence[int]], length: int, value: int) -> "np.ndarray[Any, Any]":
    array = np.full((len(rows), length), value, dtype=np.int64)
    for row, values in zip(array, rows, strict=True):
        row[: len(values)] = values
    return array
