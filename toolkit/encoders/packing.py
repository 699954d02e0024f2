"""Ragged batches without padding, in the order in which a recurrence reads them.

Packed rows stand step by step: the first token of every sequence, then the second token of every
sequence that has one, and so on, longest sequence first. The sequences that are still running
at a step are then always the first rows of the step before, so that a step is a slice. It is the
layout of `torch.nn.utils.rnn.PackedSequence`, with the indices that two directions need.
"""

from typing import NamedTuple, Protocol

import torch
from torch import Tensor
from torch.nn import functional


class Packing(NamedTuple):
    """Where the tokens of a padded batch lie once they are packed."""

    shape: tuple[int, int]  # (batch, length) of the padded batch
    sizes: list[int]  # how many sequences are still running at each step; never grows
    source: Tensor  # (tokens,), of a row: its place in the flattened padded batch
    before: Tensor  # (tokens - sizes[0],), of a row after the first step: the row a step earlier
    mirror: Tensor  # (tokens,), of the k-th token of a sequence: the row of its k-th from the end

    def pack(self, padded: Tensor) -> Tensor:
        """(batch, length, width) -> (tokens, width)."""
        return padded.flatten(0, 1).index_select(0, self.source)

    def unpack(self, packed: Tensor) -> Tensor:
        """(tokens, width) -> (batch, length, width), zero on padding."""
        batch, length = self.shape
        padded = packed.new_zeros(batch * length, packed.shape[1])
        return padded.index_copy_(0, self.source, packed).view(batch, length, -1)

    def a_step_before(self, packed: Tensor) -> Tensor:
        """(…, tokens, width) -> (…, tokens - sizes[0], width): of each row after the first step."""
        if self.sizes[0] == self.sizes[-1]:  # equal lengths: a slice
            return packed.narrow(-2, 0, len(self.before))
        return packed.index_select(-2, self.before)


class Rows(Protocol):
    """Tokens of a padded batch as one row after the other, in some order."""

    @property
    def shape(self) -> tuple[int, int]:
        """(batch, length) of the padded batch."""

    @property
    def source(self) -> Tensor:
        """(tokens,), of a row: its place in the flattened padded batch."""

    def pack(self, padded: Tensor) -> Tensor:
        """(batch, length, …) -> (tokens, …)."""


def places_of(order: Rows) -> Tensor:
    """(batch, length): the row of each position; of padding, the one after the last."""
    batch, length = order.shape
    tokens = len(order.source)
    places = order.source.new_full((batch * length,), tokens)
    places[order.source] = torch.arange(tokens, device=places.device)
    return places.view(batch, length)


def spread(rows: Tensor, places: Tensor) -> Tensor:
    """(tokens, width) -> (batch, length, width): at each position the row that `places` names."""
    with_zeros = functional.pad(rows, (0, 0, 0, 1))  # (tokens + 1, width)
    return with_zeros.index_select(0, places.flatten()).view(*places.shape, -1)


def packing_of(mask: Tensor) -> Packing:
    """How to pack a batch with this mask (batch, length), true on tokens.

    Padding may be anywhere, and a row may be all padding; one token at least there must be. On a
    GPU this waits for the device, once a batch: the host has to know how many rows a step has.
    """
    mask = mask.bool()
    batch, length = mask.shape
    lengths = mask.sum(1)  # (batch,)
    steps = torch.arange(length, device=mask.device)  # (length,)
    running = (lengths[:, None] > steps).sum(0)  # (length,)
    sizes = [size for size in running.tolist() if size]
    assert sizes, "a batch without a token"
    first_row = running.cumsum(0) - running  # (length,), of each step
    place = lengths.argsort(descending=True, stable=True).argsort()  # (batch,), 0: the longest

    text, position = mask.nonzero(as_tuple=True)  # (tokens,) each
    step = mask.cumsum(1)[text, position] - 1  # (tokens,)
    row = first_row[step] + place[text]  # (tokens,)
    mirror_row = first_row[lengths[text] - 1 - step] + place[text]  # (tokens,)
    later = torch.arange(sizes[0], len(row), device=mask.device)  # (tokens - sizes[0],)
    back = running[:-1].repeat_interleave(running[1:], output_size=len(later))
    return Packing(
        shape=(batch, length),
        sizes=sizes,
        source=torch.empty_like(row).scatter_(0, row, text * length + position),
        before=later - back,
        mirror=torch.empty_like(row).scatter_(0, row, mirror_row),
    )
