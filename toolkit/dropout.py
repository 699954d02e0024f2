"""Dropout whose masks are counted, not drawn: a hash of where a number stands.

The mask of an activation follows from (key of its window, place of the token, dropout module,
channel), and the trainer makes a window's key from (run seed, step, example). So the masks are the
same however a step is cut, padded, sorted or spread over processes, and there is no generator
state. It is also several times faster than torch's serial draws on a CPU.

The hash is a 32-bit integer mixer ("lowbias32", C. Wellons, hash-prospector); each of its words
serves two neighbouring channels, 15 bits each, so a rate is met to 1/65536.
"""

import zlib
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

_BITS = 15  # of a channel's hash
_GOLDEN = 0x61C88647  # 2^32 / golden ratio, negated: spreads small counters over 32 bits
# integers as wide as the numbers that a mask is laid over
_WIDTHS = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
# where a text's own vector stands, apart from all of its tokens
_TEXT = -1
# numbers of the mixer as tensors: a Python number would be made one at each use
_15, _16, _FIRST, _SECOND = torch.tensor(
    [15, 16, 0x7FEB352D, 0x846CA68B - (1 << 32)], dtype=torch.int32
).unbind()


class Counter:
    """Where the batch stands that a model is reading: what its dropout modules count from."""

    def __init__(self) -> None:
        self.rows: dict[tuple[int, ...], Tensor] = {}  # by the shape of what a module reads
        self.visits: dict[int, int] = {}  # of each module, in this batch: ALBERT's layer has many

    def begin(self, keys: Tensor | None, length: int) -> None:
        """Read windows with these keys (windows,), padded to `length`; None: draw, do not count."""
        self.rows, self.visits = {}, {}
        if keys is None:
            return
        places = torch.arange(length, dtype=torch.int32, device=keys.device)
        self.rows[len(keys), length] = rows_of(keys[:, None], places)
        self.rows[len(keys),] = rows_of(keys, torch.full_like(keys, _TEXT, dtype=torch.int32))

    def visit(self, site: int) -> int:
        """The site of a module's next use."""
        number = self.visits.get(site, 0)
        self.visits[site] = number + 1
        return (site + number * _GOLDEN) & 0xFFFFFFFF

    def rows_for(self, values: Tensor) -> Tensor | None:
        """The rows of (windows, length, width), (windows, width) or attention (windows, heads, …).

        None where the shape is none of these, or nothing is counted.
        """
        if not self.rows:
            return None
        if values.dim() == 4:
            windows, heads, length, _ = values.shape
            rows = self.rows.get((windows, length))
            return None if rows is None else rows_of_heads(rows, heads)
        return self.rows.get(tuple(values.shape[:-1]))


class CountedDropout(nn.Dropout):
    """`nn.Dropout` that counts where its counter knows the place of what it reads.

    Elsewhere, as in a loop of somebody else's, it draws from torch's generator as usual.
    """

    def __init__(self, p: float, counter: Counter | None = None, site: int = 0) -> None:
        super().__init__(p)
        self.counter = Counter() if counter is None else counter
        self.site = site

    def forward(self, values: Tensor, rows: Tensor | None = None) -> Tensor:
        """Values (…, width); `rows` (…) where their order is not that of the batch."""
        if not self.training or not self.p:
            return values
        if rows is None:
            rows = self.counter.rows_for(values)
        if rows is None:
            return functional.dropout(values, self.p)
        return drop(values, rows, self.counter.visit(self.site), self.p)


def count_dropout(model: nn.Module, counter: Counter) -> None:
    """Let every dropout module of a model count from `counter`; in place."""
    for name, part in list(model.named_modules()):
        if isinstance(part, nn.Dropout):
            owner, _, attribute = name.rpartition(".")
            counted = CountedDropout(part.p, counter, site_of(name))
            setattr(model.get_submodule(owner), attribute, counted.train(part.training))


def site_of(name: str) -> int:
    """A number for a module, from its name in the model."""
    return zlib.crc32(name.encode())


def rows_of(keys: Tensor, places: Tensor) -> Tensor:
    """The hash of each token from the key of its window (int64) and its place there (int32)."""
    high, low = (keys >> 32).to(torch.int32), keys.to(torch.int32)
    return _mixed((_mixed(high ^ places * -_GOLDEN)) ^ low)


def rows_of_heads(rows: Tensor, heads: int) -> Tensor:
    """(windows, length) -> (windows, heads, length): of the rows of attention in each head."""
    return _mixed(rows[:, None] ^ _columns(heads, rows.device)[:, None])


def drop(values: Tensor, rows: Tensor, site: int, rate: float) -> Tensor:
    """Values (…, width) with a share `rate` of them 0 and the others divided by 1 - rate."""
    dropped: Tensor = _masked(values, keep(rows, site, values.shape[-1], rate, values.dtype), rate)
    return dropped


def keep(rows: Tensor, site: int, width: int, rate: float, dtype: torch.dtype) -> Tensor:
    """What is kept, (…, width) of integers as wide as `dtype`: -1 (all bits) kept, 0 dropped."""
    site = site - (1 << 32) if site >= 1 << 31 else site
    words = _mixed(rows ^ site)[..., None] ^ _columns(-(-width // 2), rows.device)
    hashes = _mixed(words).view(torch.int16)[..., :width].bitwise_and_((1 << _BITS) - 1)
    # kept where hash >= rate * 2^15: there the difference is negative, and its sign fills the bits
    kept = torch.rsub(hashes, round(rate * (1 << _BITS)) - 1).bitwise_right_shift_(_BITS)
    return kept.to(_WIDTHS[dtype.itemsize])


def drawn(like: Tensor, rate: float) -> Tensor:
    """What is kept, as `keep` gives it, from torch's generator."""
    kept = torch.empty_like(like).bernoulli_(1 - rate)
    return -kept.to(_WIDTHS[kept.itemsize])


def raised(rate: float) -> float:
    """What kept values are multiplied by, so that the mean stays; 0 where nothing is kept."""
    return 0.0 if rate >= 1 else 1 / (1 - rate)


def masked(values: Tensor, kept: Tensor) -> Tensor:
    """Values where all bits of `kept` are set, 0 where none is. Not differentiable."""
    return (values.view(kept.dtype) & kept).view(values.dtype)


class _Masked(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, kept: Tensor, rate: float) -> Tensor:
        """Values and their gradient under one mask, scaled."""
        ctx.save_for_backward(kept)
        ctx.scale = raised(rate)
        return masked(values, kept).mul_(ctx.scale)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return masked(gradient, ctx.saved_tensors[0]).mul_(ctx.scale), None, None


_masked: Callable[..., Tensor] = _Masked.apply


def _mixed(words: Tensor) -> Tensor:
    """The hash of each int32; its highest bit is 0.

    torch's shifts fill in the sign where the mixer's fill in zeros. That makes each of its three
    steps forget one bit: a word and its complement are hashed alike.
    """
    words = words ^ (words >> _16)
    words.mul_(_FIRST)
    words.bitwise_xor_(words >> _15)
    words.mul_(_SECOND)
    return words.bitwise_xor_(words >> _16)


@lru_cache(maxsize=64)
def _columns(number: int, device: torch.device) -> Tensor:
    """The hashes of the first channels, or heads."""
    return _mixed((torch.arange(number, dtype=torch.int32, device=device) + 1) * _GOLDEN)
