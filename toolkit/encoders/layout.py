"""How the tokens of a batch lie when padding is left out, and how attention finds them again.

Everything in an encoder but attention looks at one token at a time, so it reads the tokens of all
windows as one long row. Attention puts them back into small padded blocks: the flat order is by
length, so that windows of about equal length lie together and a block has little padding.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

# What a further block costs, in scores of attention: a dozen small operations
_BLOCK = 40_000
_STEPS = 16  # numbers of rows between a power of two and the next
_LEAST_STEP = 8


class Block(NamedTuple):
    """Windows whose attention is computed together."""

    rows: slice  # of the flat tokens
    windows: slice  # of the flat order
    length: int  # of the longest
    places: Tensor | None  # (tokens,), of a token: its place in the padded block; None: no padding
    real: Tensor | None  # (windows, length), true on tokens; None: no padding


class Layout(NamedTuple):
    """A flat batch."""

    shape: tuple[int, int]  # (windows, length) of the padded batch
    source: Tensor  # (tokens,), of a flat token: its place in the flattened padded batch
    order: Tensor  # (windows,), the row of the padded batch of each window in the flat order
    places: Tensor  # (tokens,), of a token: how many stand before it in its window
    blocks: tuple[Block, ...]

    def pack(self, padded: Tensor) -> Tensor:
        """(windows, length, …) -> (tokens, …)."""
        return padded.flatten(0, 1).index_select(0, self.source)

    def unpack(self, flat: Tensor) -> Tensor:
        """(tokens, width) -> (windows, length, width), zero on padding."""
        windows, length = self.shape
        padded = flat.new_zeros(windows * length, flat.shape[1])
        return padded.index_copy(0, self.source, flat).view(windows, length, -1)


def rounded(tokens: int) -> int:
    """So many rows, or up to a sixteenth more.

    For every number of rows that it has not met, oneDNN makes new machine code, of each product
    forward and backward: 3 to 7 ms each, more than the products of a short step take. So batches
    are filled up to few numbers of rows.
    """
    step = max(_LEAST_STEP, (1 << tokens.bit_length() - 1) // _STEPS)
    return -(-tokens // step) * step


def filled(flat: Tensor, rows: int) -> Tensor:
    """(tokens, …) -> (rows, …), what is added zero."""
    return torch.cat([flat, flat.new_zeros(rows - len(flat), *flat.shape[1:])])


def flat_layout(lengths: Sequence[int], length: int, heads: int, device: torch.device) -> Layout:
    """Without padding: windows of these lengths, each padded to `length` on the right."""
    sizes = np.asarray(lengths, dtype=np.int64)
    order = np.argsort(-sizes, kind="stable")
    ordered = sizes[order]
    is_token = np.arange(length) < ordered[:, None]  # (windows, length)
    window, place = np.nonzero(is_token)
    ends = np.concatenate(([0], np.cumsum(ordered)))
    blocks = tuple(
        _block(ordered, ends, start, end, device) for start, end in _cuts(ordered, heads)
    )
    return Layout(
        (len(sizes), length),
        torch.from_numpy(order[window] * length + place).to(device, non_blocking=True),
        torch.from_numpy(order).to(device, non_blocking=True),
        torch.from_numpy(place).to(device, non_blocking=True),
        blocks,
    )


def padded_layout(lengths: Sequence[int], length: int, device: torch.device) -> Layout:
    """With all padding: one block in the order of the batch."""
    windows = len(lengths)
    real = np.arange(length) < np.asarray(lengths)[:, None]
    block = Block(
        slice(0, windows * length),
        slice(0, windows),
        length,
        None,
        None if real.all() else torch.from_numpy(real).to(device),
    )
    everything = torch.arange(windows * length, device=device)
    order = torch.arange(windows, device=device)
    return Layout((windows, length), everything, order, everything % length, (block,))


def _block(
    sizes: "np.ndarray[tuple[int], np.dtype[np.int64]]",
    ends: "np.ndarray[tuple[int], np.dtype[np.int64]]",
    start: int,
    end: int,
    device: torch.device,
) -> Block:
    rows, length = slice(int(ends[start]), int(ends[end])), int(sizes[start])
    if sizes[end - 1] == length:
        return Block(rows, slice(start, end), length, None, None)
    real = np.arange(length) < sizes[start:end, None]
    places = torch.from_numpy(np.flatnonzero(real)).to(device, non_blocking=True)
    return Block(
        rows,
        slice(start, end),
        length,
        places,
        torch.from_numpy(real).to(device, non_blocking=True),
    )


def _cuts(sizes: "np.ndarray[tuple[int], np.dtype[np.int64]]", heads: int) -> list[tuple[int, int]]:
    """Where to cut windows, longest first, into blocks of the least work: (start, end) each.

    The least sum over blocks of windows * longest² and a cost a block, by dynamic programming.
    """
    total = len(sizes)
    cost = np.full(total + 1, np.inf)
    cost[0] = 0
    before = np.zeros(total + 1, dtype=np.int64)
    counts = np.arange(1, total + 1)
    overhead = _BLOCK * 12 / heads
    for start, size in enumerate(sizes):
        through = cost[start] + overhead + counts[: total - start] * float(size) ** 2
        better = through < cost[start + 1 :]
        cost[start + 1 :][better] = through[better]
        before[start + 1 :][better] = start
    cuts, end = [], total
    while end:
        cuts.append((int(before[end]), end))
        end = int(before[end])
    return cuts[::-1]
