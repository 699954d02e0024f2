"""The torch side of encoders of words: their vectors, which of them are read, one vector a text."""

import logging
import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from toolkit.dropout import keep, site_of
from toolkit.encoders.module import EncoderModule
from toolkit.encoders.packing import Rows, places_of, spread
from toolkit.encoders.word_tokenizer import CAPITAL, signs_of
from toolkit.encoders.word_vectors import word_vectors
from toolkit.encoders.words import Words
from toolkit.heads.base import Encoded

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

logger = logging.getLogger(__name__)


class WordModule(EncoderModule):
    """Words to vectors, vectors to states. Padding is left out of everything."""

    def __init__(self, shape: Words, tokenizer: "PreTrainedTokenizerFast") -> None:
        super().__init__()
        self.word_dropout = shape.word_dropout
        self.is_padded = False
        self.longest = shape.longest()
        self.unknown: int = tokenizer.unk_token_id
        signs = signs_of(shape.case)
        self.first_word = len(signs)  # the entries before it are no words
        self.capital = signs.index(CAPITAL) if CAPITAL in signs else None
        self.embedding = nn.Embedding(len(tokenizer), shape.embedding)
        bound = math.sqrt(3 / shape.embedding)  # G. Lample et al. 2016: variance 1 / width
        nn.init.uniform_(self.embedding.weight, -bound, bound)
        self.embedding.weight.requires_grad_(not shape.freeze_vectors)

    @abstractmethod
    def arranged(self, steps: Tensor) -> Rows:
        """In which order what is read lies while it is; `steps` (batch, length) says what it is."""

    @abstractmethod
    def read(self, vectors: Tensor, order: Any, rows: Tensor | None) -> Tensor:
        """Word vectors (tokens, embedding) -> states (tokens, width), both in that order.

        `rows` (tokens,) is what dropout counts from.
        """

    def forward(self, batch: Mapping[str, Tensor], lengths: Sequence[int] | None = None) -> Encoded:
        """Read `input_ids` and `attention_mask`, both (batch, length)."""
        ids, mask = batch["input_ids"], batch["attention_mask"].bool()
        sign, after_sign = self._signs(ids, mask)  # (batch, length) each
        steps = mask & ~sign
        order = self.arranged(steps)
        rows = self.counter.rows.get(tuple(ids.shape))  # what dropout counts from
        rows = None if rows is None else order.pack(rows)  # (tokens,)
        words = self._some_unknown(order.pack(ids), rows)  # (tokens,)
        vectors = self._vectors(words, order.pack(after_sign))  # (tokens, embedding)
        states = self.read(vectors, order, rows)  # (tokens, width)
        places = places_of(order)  # (batch, length)
        places = torch.where(sign, places.roll(-1, 1), places)  # a sign has its word's state
        tokens = spread(states, places)  # (batch, length, width)
        return Encoded(tokens, mask, self.pooling(tokens, steps))

    def word_embedding(self) -> nn.Embedding:
        """The word vectors: with a file of vectors the table has words that training lacks."""
        return self.embedding

    def always_read(self) -> Sequence[int]:
        """The word that a training word may be hidden as, and the sign, which is looked up once."""
        return [self.unknown] if self.capital is None else [self.unknown, self.capital]

    def _vectors(self, words: Tensor, raised: Tensor) -> Tensor:
        """The vectors of words (tokens,), plus that of the sign where it stood before the word."""
        if self.capital is None:
            vectors: Tensor = self.embedding(words)
            return vectors
        # one lookup of both, since each one's gradient is as large as the whole table
        both = self.embedding(torch.cat((words, words.new_full((1,), self.capital))))
        return torch.addcmul(both[:-1], raised[:, None].to(both.dtype), both[-1])

    def _signs(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Where a sign for a capital stands, and where the word that it belongs to.

        The two are read in one step, so that the state at the sign, where a task looks for the
        word's first piece, knows the word. A sign without a word behind it is read by itself.
        """
        none = torch.zeros_like(mask)
        if self.capital is None:
            return none, none
        is_sign = mask & (ids == self.capital)
        is_word = mask & ~is_sign
        sign, after_sign = none, none.clone()
        sign[:, :-1] = is_sign[:, :-1] & is_word[:, 1:]
        after_sign[:, 1:] = sign[:, :-1]
        return sign, after_sign

    def take_vectors(self, path: str, tokenizer: "PreTrainedTokenizerFast") -> None:
        """Fill in the vectors that a file has; the other words keep their random ones."""
        table, found = word_vectors(path, tokenizer, self.embedding.embedding_dim)
        logger.info("%s: vectors for %d of %d words", path, found.sum(), len(tokenizer))
        with torch.no_grad():
            self.embedding.weight[torch.from_numpy(found)] = torch.from_numpy(table[found])

    def _some_unknown(self, words: Tensor, rows: Tensor | None) -> Tensor:
        """With a share of the words read as unknown, in training."""
        share = self.word_dropout
        if not self.training or not share:
            return words
        if rows is None:
            chosen = torch.rand(words.shape, device=words.device) < share
        else:
            chosen = keep(rows, site_of("words"), 1, share, torch.int32)[:, 0] == 0
        return words.masked_fill(chosen & (words >= self.first_word), self.unknown)
