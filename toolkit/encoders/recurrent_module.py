"""The torch side of the LSTM encoder: word vectors, the recurrence, one vector a text."""

import logging
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from toolkit.dropout import CountedDropout, keep, site_of
from toolkit.encoders.lstm import LstmStack
from toolkit.encoders.module import EncoderModule
from toolkit.encoders.packing import packing_of
from toolkit.encoders.recurrent import Lstm
from toolkit.encoders.word_tokenizer import CAPITAL, signs_of
from toolkit.encoders.word_vectors import word_vectors
from toolkit.heads.base import Encoded
from toolkit.heads.pooling import Pooling

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

logger = logging.getLogger(__name__)


class RecurrentModule(EncoderModule):
    """Words to vectors, vectors to hidden states. Padding is left out of everything."""

    def __init__(self, shape: Lstm, tokenizer: "PreTrainedTokenizerFast") -> None:
        super().__init__()
        self.shape = shape
        self.is_padded = False
        self.unknown: int = tokenizer.unk_token_id
        signs = signs_of(shape.case)
        self.first_word = len(signs)  # the entries before it are no words
        self.capital = signs.index(CAPITAL) if CAPITAL in signs else None
        self.embedding = nn.Embedding(len(tokenizer), shape.embedding)
        bound = math.sqrt(3 / shape.embedding)  # G. Lample et al. 2016: variance 1 / width
        nn.init.uniform_(self.embedding.weight, -bound, bound)
        self.embedding.weight.requires_grad_(not shape.freeze_vectors)
        self.lstm = LstmStack(
            shape.embedding,
            shape.hidden,
            shape.layers,
            shape.bidirectional,
            shape.dropout,
            shape.engine,
        )
        self.dropout = CountedDropout(shape.dropout)  # of word vectors and of what was read
        self.width = self.lstm.width
        self.longest = None
        backward = shape.hidden if shape.bidirectional else 0
        self.pooling = Pooling(shape.summary or shape.usual_summary, self.width, backward)

    def forward(self, batch: Mapping[str, Tensor], lengths: Sequence[int] | None = None) -> Encoded:
        """Read `input_ids` and `attention_mask`, both (batch, length)."""
        ids, mask = batch["input_ids"], batch["attention_mask"].bool()
        sign, after_sign = self._signs(ids, mask)  # (batch, length) each
        steps = mask & ~sign
        packing = packing_of(steps)
        rows = self.counter.rows.get(tuple(ids.shape))  # what dropout counts from
        rows = None if rows is None else packing.pack(rows)  # (tokens,)
        words = self._some_unknown(packing.pack(ids), rows)  # (tokens,)
        vectors = self._vectors(words, packing.pack(after_sign))  # (tokens, embedding)
        read = self.lstm.read(self.dropout(vectors, rows), packing, rows)
        states = self.dropout(read, rows)  # (tokens, width)
        places = packing.rows()  # (batch, length)
        places = torch.where(sign, places.roll(-1, 1), places)  # a sign has its word's state
        tokens = packing.spread(states, places)  # (batch, length, width)
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
        table, found = word_vectors(path, tokenizer, self.shape.embedding)
        logger.info("%s: vectors for %d of %d words", path, found.sum(), len(tokenizer))
        with torch.no_grad():
            self.embedding.weight[torch.from_numpy(found)] = torch.from_numpy(table[found])

    def _some_unknown(self, words: Tensor, rows: Tensor | None) -> Tensor:
        """With a share of the words read as unknown, in training."""
        share = self.shape.word_dropout
        if not self.training or not share:
            return words
        if rows is None:
            chosen = torch.rand(words.shape, device=words.device) < share
        else:
            chosen = keep(rows, site_of("words"), 1, share, torch.int32)[:, 0] == 0
        return words.masked_fill(chosen & (words >= self.first_word), self.unknown)
