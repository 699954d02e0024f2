"""The torch side of the Transformer encoder: word vectors, positions and layers, no padding."""

import math
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from toolkit.dropout import CountedDropout
from toolkit.encoders import attention
from toolkit.encoders.layout import Layout, filled, flat_layout, rounded
from toolkit.encoders.transformer import Transformer
from toolkit.encoders.transformer_layer import SelfAttention, TransformerLayer, sinusoids
from toolkit.encoders.word_module import WordModule

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


class TransformerModule(WordModule):
    """Word vectors and positions to states, each token looking at all of its window."""

    def __init__(self, shape: Transformer, tokenizer: "PreTrainedTokenizerFast") -> None:
        super().__init__(shape, tokenizer)
        self.heads, self.positions = shape.heads, shape.positions
        is_fitting = self.vector_width == shape.width
        self.widen = nn.Identity() if is_fitting else nn.Linear(self.vector_width, shape.width)
        self.position = None
        if self.longest is not None:
            self.position = nn.Embedding(self.longest, shape.width)
            self.position.weight.data.copy_(sinusoids(self.longest, shape.width))
        self.dropout_rate = shape.dropout  # of attention
        self.dropout = CountedDropout(shape.dropout)
        intermediate = shape.intermediate or 4 * shape.width
        self.layers = nn.ModuleList(
            TransformerLayer(shape.width, intermediate, shape.dropout, shape.norm)
            for _ in range(shape.layers)
        )
        self.last_norm = nn.LayerNorm(shape.width) if shape.norm == "pre" else nn.Identity()
        self.finish(shape, shape.width)
        attention.name_sites(self)

    def arranged(self, steps: Tensor) -> Layout:
        """Window after window, the longest first; what is not read in between is left out."""
        layout = flat_layout(steps.sum(1).tolist(), steps.shape[1], self.heads, steps.device)
        read = (~steps).int().argsort(dim=1, stable=True)  # (batch, length), steps come first
        first = torch.arange(len(steps), device=steps.device)[:, None] * steps.shape[1]
        return layout._replace(source=(read + first).flatten().index_select(0, layout.source))

    def read(self, vectors: Tensor, order: Layout, rows: Tensor | None) -> Tensor:
        """Word vectors (tokens, vector_width) -> states (tokens, width)."""
        num_tokens = len(vectors)
        num_rows = rounded(num_tokens)
        rows = None if rows is None else filled(rows, num_rows)
        # as published: vectors of variance 1 / width are brought to the size of the positions
        x = self.widen(vectors) * math.sqrt(self.width)
        x = self.dropout(filled(self._placed(x, order), num_rows), rows)
        reading = attention.Reading(order, self.counter)
        for layer in cast("Iterable[TransformerLayer]", self.layers):
            x = layer(x, partial(self._look, layer.attention, reading), rows)
        states: Tensor = self.last_norm(x[:num_tokens])
        return states

    def _placed(self, x: Tensor, order: Layout) -> Tensor:
        """(tokens, width), each with the position of its place in the window."""
        if self.position is not None:
            learned: Tensor = self.position(order.places)
            return x + learned
        if self.positions == "none":
            return x
        table = sinusoids(order.shape[1], self.width).to(x)
        return x + table.index_select(0, order.places)

    def _look(
        self,
        module: SelfAttention,
        reading: attention.Reading,
        query: Tensor,
        key: Tensor,
        value: Tensor,
    ) -> Tensor:
        """Attention of all heads, (tokens, width) each -> the same."""
        apart = (len(query), self.heads, self.width // self.heads)
        q, k, v = (each.reshape(apart).transpose(0, 1)[None] for each in (query, key, value))
        rate = self.dropout_rate if self.training else 0.0
        read, _ = attention.attend(module, q, k, v, dropout=rate, reading=reading)
        return read.reshape(len(query), self.width)
