"""Batches as a pure function of (data, recipe, seed, epoch, step).

Nothing here knows of processes or of where a run was interrupted. A step's examples are the next
`batch_size` of the epoch's order; its micro-batches are that list cut into equal parts.
"""

import hashlib
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np


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
