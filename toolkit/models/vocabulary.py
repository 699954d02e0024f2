"""Training only the rows of the vocabulary that the training data has.

A row that no training window looks up has no gradient, and under AdamW no update but its weight
decay. So those rows are left out of the parameter, its gradient, its norm and its moments, and
their decay is made up for whenever the whole table is needed: to evaluate, to save. The result is
that of training them all; with XLM-R's 250,000 rows it is most of the work of a small model.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from toolkit.models.model import Model

_FEWEST = 1_000_000  # numbers left out that make it worth while


class Vocabulary:
    """An embedding of which only the rows in use are a parameter, except inside `whole`."""

    def __init__(self, embedding: nn.Embedding, used: "np.ndarray[Any, Any]") -> None:
        device = embedding.weight.device
        self.embedding = embedding
        self.used = torch.from_numpy(used).to(device)  # (rows in use,), sorted
        self.table = cast("nn.Parameter", embedding.weight)  # (rows, width), without gradient
        self.rows = nn.Parameter(embedding.weight.detach()[self.used].clone())
        self.place = torch.zeros(len(self.table), dtype=torch.int64, device=device)
        self.place[self.used] = torch.arange(len(used), device=device)
        self.padding = embedding.padding_idx
        self.share_left = 1.0  # of rows not in use, since the table was last brought up to date
        self.is_whole = True
        embedding.register_forward_pre_hook(self._to_places)
        self._narrow()

    @contextmanager
    def whole(self, *, decayed: bool = True) -> Iterator[None]:
        """The embedding with its whole table, up to date; what is changed there stays changed.

        Not `decayed`, the rows that are not in use still lack `share_left`: their decay is rounded
        where it is made up for, so a stop where nothing else would do that must not do it either.
        """
        self._widen(decayed)
        try:
            yield
        finally:
            self._narrow()

    def finish(self) -> None:
        """Put the whole table back for good."""
        self._widen(decayed=True)
        self.table.requires_grad_(True)

    def stepped(self, group: dict[str, Any]) -> None:
        """Keep account of the decay of a step that AdamW has made; `group` is that of the rows."""
        self.share_left *= 1.0 - group["lr"] * group["weight_decay"]

    @torch.no_grad()
    def _widen(self, decayed: bool) -> None:
        if self.is_whole:
            return
        if decayed and self.share_left != 1.0:
            self.table.mul_(self.share_left)
            self.share_left = 1.0
        self.table[self.used] = self.rows
        self._show(self.table, self.padding)

    @torch.no_grad()
    def _narrow(self) -> None:
        self.rows.copy_(self.table[self.used])  # in place: the optimiser knows this tensor
        padding = self.padding
        self._show(self.rows, None if padding is None else int(self.place[padding]))

    def _show(self, weight: nn.Parameter, padding: int | None) -> None:
        self.is_whole = weight is self.table
        self.embedding.weight = weight
        self.embedding.num_embeddings = len(weight)
        self.embedding.padding_idx = padding

    def _to_places(self, _: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return inputs if self.is_whole else (self.place[inputs[0]], *inputs[1:])


def compact(model: Model, used: "np.ndarray[Any, Any]") -> Vocabulary | None:
    """Leave out what no training batch looks up (`used`: unique ids); None where it does not pay.

    Nor is anything done to a table that is not trained, or that something else is tied to.
    """
    embedding = model.encoder.word_embedding()
    if embedding is None or not embedding.weight.requires_grad:
        return None
    holders = [p for _, p in model.named_parameters(remove_duplicate=False)]
    if sum(p is embedding.weight for p in holders) != 1:
        return None
    rows, width = embedding.weight.shape
    used = np.union1d(used, np.asarray(model.encoder.always_read(), dtype=used.dtype))
    if embedding.padding_idx is not None:  # has no gradient, whether batches look it up or not
        used = np.union1d(used, [embedding.padding_idx])
    if (rows - len(used)) * width < _FEWEST:
        return None
    embedding.weight.requires_grad_(False)
    return Vocabulary(embedding, used)
