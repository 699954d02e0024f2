"""Batches as a pure function of (data, recipe, seed, epoch, step).

Nothing here knows of processes or of where a run was interrupted. A step's examples are the next
`batch_size` of the epoch's order, cut into equal parts, which processes share out. A part that has
more tokens than are computed at once is cut again, into examples of similar length.
"""

import hashlib
from collections.abc import Iterable, Sequence
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


class Size(NamedTuple):
    """How much examples are to compute together."""

    windows: int = 0
    tokens: int = 0  # of all windows, without padding
    longest: int = 0  # tokens of the longest window

    @classmethod
    def together(cls, sizes: "Iterable[Size]") -> "Size":
        """That of all."""
        windows, tokens, longest = [*zip(*sizes, strict=True)] or ((), (), ())
        return cls(sum(windows), sum(tokens), max(longest, default=0))

    def computed(self, is_padded: bool) -> int:
        """The tokens that are computed: those of padding too where the model reads it."""
        return self.windows * self.longest if is_padded else self.tokens


def cut_at(most: int | None, sizes: Sequence[Size], is_padded: bool) -> list[list[int]]:
    """The places of examples in micro-batches of at most so many tokens, one example at least.

    As they stand where one micro-batch takes them all; else examples of similar length together,
    the longest first, so that what is left over for the last micro-batch is short.
    """
    everything = list(range(len(sizes)))
    whole = Size.together(sizes)
    if most is None or whole.computed(is_padded) <= most:
        return [everything]
    cuts: list[list[int]] = []
    together = Size()
    for place in sorted(
        everything, key=lambda place: -sizes[place].longest
    ):  # equals as they stand
        more = Size.together([together, sizes[place]])
        if cuts and more.computed(is_padded) <= most:
            cuts[-1].append(place)
            together = more
        else:
            cuts.append([place])
            together = sizes[place]
    return cuts
