"""Attention over a flat batch, registered with `transformers` as one function for every family.

A family's encoder runs as it is on one long row of tokens; only here do windows exist. Queries,
keys and values are put into padded blocks of windows of similar length, and the result goes back.
Forward and backward are written out, so that scores and probabilities are kept once and in the
type of the products, and dropout is counted.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from toolkit.dropout import Counter, drawn, keep, masked, raised, rows_of_heads, site_of
from toolkit.encoders.layout import Block, Layout

NAME = "toolkit_flat"
_softmax_backward = torch.ops.aten._softmax_backward_data


class Reading(NamedTuple):
    """What attention knows of the batch beside its tensors."""

    layout: Layout
    counter: Counter


class _Sums(NamedTuple):
    """What the products of a layer need to know."""

    layout: Layout
    heads: int
    scale: float  # of the scores
    reach: int | None  # tokens to each side that a token sees; None: all
    rate: float  # of dropout on the probabilities
    rows: Tensor | None  # (windows, heads, length), in the order of the padded batch, for dropout
    site: int


def register() -> None:
    """Make `NAME` known to `transformers`."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, attend)


def name_sites(encoder: nn.Module) -> None:
    """Give every module of an encoder the number by which attention in it counts dropout."""
    for name, part in encoder.named_modules():
        part.attention_site = site_of(f"{name}.attention")


def attend(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None = None,
    *,
    dropout: float = 0.0,
    scaling: float | None = None,
    reading: Reading | None = None,
    sliding_window: int | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """(batch, heads, length, width of a head) each -> (batch, length, heads, width of a head).

    The first dimension and the length are those of the layout: (1, tokens) where it is flat,
    (windows, longest) where it is padded.
    """
    assert reading is not None, "this attention was called without a layout"
    batch, heads, length, width = query.shape
    rows, site = None, 0
    if dropout:
        site = reading.counter.visit(module.attention_site)
        tokens = reading.counter.rows.get(reading.layout.shape)
        rows = None if tokens is None else rows_of_heads(tokens, heads)
    sums = _Sums(
        reading.layout,
        heads,
        width**-0.5 if scaling is None else scaling,
        None if sliding_window is None else sliding_window - 1,  # `transformers` counts the token
        dropout,
        rows,
        site,
    )
    if key.shape[1] != heads:  # several heads of queries share one of keys and values
        key, value = (each.repeat_interleave(heads // each.shape[1], 1) for each in (key, value))
    flat = (each.transpose(1, 2).reshape(batch * length, -1) for each in (query, key, value))
    is_read_only = torch.is_inference_mode_enabled() and not dropout
    look: Callable[..., Tensor] = _looked if is_read_only else _attention
    output: Tensor = look(*flat, sums)  # (tokens, heads * width)
    return output.view(batch, length, heads, width), None


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, sums: _Sums) -> Tensor:
        """(tokens, heads * width) each -> the same."""
        output = _empty(query, sums)
        ctx.sums, saved = sums, []
        with torch.autocast(query.device.type, enabled=False):
            for block in sums.layout.blocks:
                q, k, v = (_into(block, each, sums.heads) for each in (query, key, value))
                probabilities = torch.softmax(_scores(block, q, k, sums), dim=-1)
                kept = _kept(block, probabilities, sums)
                seen = probabilities if kept is None else masked(probabilities, kept)
                read = torch.bmm(seen, v)  # (windows * heads, length, width)
                _out_of(block, read if kept is None else read.mul_(raised(sums.rate)), sums, output)
                saved += [q, k, v, probabilities, kept]
        ctx.save_for_backward(*saved)
        return output

    @staticmethod
    def backward(ctx: Any, d_output: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients of query, key and value."""
        sums: _Sums = ctx.sums
        d_output = d_output.contiguous()
        d_query, d_key, d_value = (_empty(d_output, sums) for _ in range(3))
        for block, (q, k, v, probabilities, kept) in zip(
            sums.layout.blocks, _in_fives(ctx.saved_tensors), strict=True
        ):
            d_read = _into(block, d_output, sums.heads)
            seen = probabilities
            if kept is not None:
                d_read = d_read * raised(sums.rate)
                seen = masked(probabilities, kept)
            _out_of(block, torch.bmm(seen.mT, d_read), sums, d_value)
            d_seen = torch.bmm(d_read, v.mT)  # (windows * heads, length, length)
            if kept is not None:
                d_seen = masked(d_seen, kept)
            d_scores = _softmax_backward(d_seen, probabilities, -1, probabilities.dtype)
            _out_of(block, torch.bmm(d_scores, k).mul_(sums.scale), sums, d_query)
            _out_of(block, torch.bmm(d_scores.mT, q).mul_(sums.scale), sums, d_key)
        return d_query, d_key, d_value, None


_attention: Callable[..., Tensor] = _Attention.apply


def _looked(query: Tensor, key: Tensor, value: Tensor, sums: _Sums) -> Tensor:
    """What `_attention` gives, by torch's fused attention, which has no scores and no gradient.

    Between 1 and 6 times as fast for windows of 16 to 384 tokens. Where local attention hides
    more than padding, a row of padding might see nothing at all, so those blocks stay as they are.
    """
    output = _empty(query, sums)
    with torch.autocast(query.device.type, enabled=False):
        for block in sums.layout.blocks:
            q, k, v = (_apart(block, each, sums.heads) for each in (query, key, value))
            if sums.reach is not None and sums.reach < block.length:
                q, k, v = (each.flatten(0, 1) for each in (q, k, v))
                read = torch.bmm(torch.softmax(_scores(block, q, k, sums), dim=-1), v)
            else:
                seen = None if block.real is None else block.real[:, None, None]
                read = functional.scaled_dot_product_attention(q, k, v, seen, scale=sums.scale)
            _out_of(block, read, sums, output)
    return output


def _empty(like: Tensor, sums: _Sums) -> Tensor:
    """For the blocks to write to; rows behind their last, which fill a batch up, see nothing."""
    output = torch.empty_like(like)
    output[sums.layout.blocks[-1].rows.stop :] = 0
    return output


def _into(block: Block, flat: Tensor, heads: int) -> Tensor:
    """(tokens, heads * width) -> (windows * heads, length, width) of a block, 0 on padding."""
    return _apart(block, flat, heads).reshape(-1, block.length, flat.shape[1] // heads)


def _apart(block: Block, flat: Tensor, heads: int) -> Tensor:
    """(tokens, heads * width) -> (windows, heads, length, width) of a block, 0 on padding."""
    taken = flat[block.rows]
    windows = block.windows.stop - block.windows.start
    if block.places is not None:
        padded = taken.new_zeros(windows * block.length, taken.shape[1])
        taken = padded.index_copy_(0, block.places, taken)
    return taken.view(windows, block.length, heads, -1).transpose(1, 2)


def _out_of(block: Block, padded: Tensor, sums: _Sums, flat: Tensor) -> None:
    """Put what `_into` would have taken back into its rows of `flat`; in place."""
    windows = block.windows.stop - block.windows.start
    joined = padded.view(windows, sums.heads, block.length, -1).transpose(1, 2)
    if block.places is None:
        flat[block.rows].view(joined.shape).copy_(joined)
    else:
        rows = joined.reshape(windows * block.length, -1)
        torch.index_select(rows, 0, block.places, out=flat[block.rows])


def _scores(block: Block, query: Tensor, key: Tensor, sums: _Sums) -> Tensor:
    """(windows * heads, length, length), the lowest number where there is nothing to see."""
    hidden = _hidden(block, sums, query.device)
    if hidden is None:
        return torch.bmm(query, key.mT).mul_(sums.scale)
    windows = block.windows.stop - block.windows.start
    bias = torch.zeros_like(hidden, dtype=query.dtype).masked_fill_(
        hidden, torch.finfo(query.dtype).min / 2
    )  # (windows or 1, 1 or length, length)
    bias = bias[:, None].expand(windows, sums.heads, -1, -1).flatten(0, 1)
    return torch.baddbmm(bias, query, key.mT, alpha=sums.scale)


def _hidden(block: Block, sums: _Sums, device: torch.device) -> Tensor | None:
    """(windows or 1, 1 or length, length), true where a key is padding or out of reach."""
    padding = None if block.real is None else ~block.real[:, None]
    if sums.reach is None or sums.reach >= block.length:
        return padding
    places = torch.arange(block.length, device=device)
    far = ((places[:, None] - places).abs() > sums.reach)[None]
    return far if padding is None else far | padding


def _kept(block: Block, probabilities: Tensor, sums: _Sums) -> Tensor | None:
    """The mask of dropout, like the probabilities; None where there is none."""
    if not sums.rate:
        return None
    if sums.rows is None:  # nothing to count from: draw
        return drawn(probabilities, sums.rate)
    rows = sums.rows.index_select(0, sums.layout.order[block.windows])[:, :, : block.length]
    return keep(rows.flatten(0, 1), sums.site, block.length, sums.rate, probabilities.dtype)


def _in_fives(saved: tuple[Tensor, ...]) -> Iterator[tuple[Tensor, ...]]:
    return (saved[start : start + 5] for start in range(0, len(saved), 5))
