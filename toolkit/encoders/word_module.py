"""The torch side of encoders of words: their vectors, which of them are read, one vector a text."""

import logging
import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from toolkit.dropout import keep, site_of
from toolkit.encoders.character_module import CharacterModule
from toolkit.encoders.module import EncoderModule
from toolkit.encoders.packing import Rows, places_of, spread
from toolkit.encoders.spelling import Spelling, ends_of, places_behind, starts_of
from toolkit.encoders.word_tokenizer import CAPITAL, signs_of
from toolkit.encoders.word_vectors import word_vectors
from toolkit.encoders.words import Words
from toolkit.heads.base import Encoded
from toolkit.heads.pooling import Pooling

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
        self.vector_width = shape.embedding  # of what is read of a word
        self.spelling: Spelling | None = None
        self.characters: CharacterModule | None = None
        if shape.characters is not None:
            self.spelling = Spelling(tokenizer.get_vocab(), self.first_word)
            self.characters = CharacterModule(shape.characters, self.spelling.num_letters)
            self.vector_width += self.characters.width

    def finish(self, shape: Words, width: int, backward: int = 0) -> None:
        """What follows the width of the states; `backward` of it was read from right to left."""
        self.width = width
        self.pooling = Pooling(shape.summary or shape.usual_summary, width, backward)
        if self.spelling is not None:
            # added to the state of a word at its tokens behind the first, and at the last one: to
            # a task that looks for the end of an answer they are not the same
            self.behind_first = nn.Parameter(torch.zeros(2, width))

    @abstractmethod
    def arranged(self, steps: Tensor) -> Rows:
        """In which order what is read lies while it is; `steps` (batch, length) says what it is."""

    @abstractmethod
    def read(self, vectors: Tensor, order: Any, rows: Tensor | None) -> Tensor:
        """Word vectors (tokens, vector_width) -> states (tokens, width), both in that order.

        `rows` (tokens,) is what dropout counts from.
        """

    def forward(self, batch: Mapping[str, Tensor], lengths: Sequence[int] | None = None) -> Encoded:
        """Read `input_ids` and `attention_mask`, both (batch, length)."""
        ids, mask = batch["input_ids"], batch["attention_mask"].bool()
        sign, after_sign = self._signs(ids, mask)  # (batch, length) each
        steps = mask & ~sign
        continues = None if self.spelling is None else self.spelling.continues(ids, mask)
        if continues is not None:
            steps &= ~continues
        order = self.arranged(steps)
        rows = self.counter.rows.get(tuple(ids.shape))  # what dropout counts from
        rows = None if rows is None else order.pack(rows)  # (tokens,)
        vectors = self._read_words(ids, continues, after_sign, order, rows)
        states = self.read(vectors, order, rows)  # (tokens, width)
        places = places_of(order)  # (batch, length)
        if continues is not None:
            places = places.gather(1, starts_of(continues))
        places = torch.where(sign, places.roll(-1, 1), places)  # a sign has its word's state
        tokens = spread(states, places)  # (batch, length, width)
        if continues is not None:
            tokens = self._told_apart(tokens, continues)
        return Encoded(tokens, mask, self.pooling(tokens, steps))

    def word_embedding(self) -> nn.Embedding:
        """The word vectors: with a file of vectors the table has words that training lacks."""
        return self.embedding

    def always_read(self) -> Sequence[int]:
        """The word that a training word may be hidden as, and the sign, which is looked up once."""
        return [self.unknown] if self.capital is None else [self.unknown, self.capital]

    def _read_words(
        self,
        ids: Tensor,
        continues: Tensor | None,
        after_sign: Tensor,
        order: Rows,
        rows: Tensor | None,
    ) -> Tensor:
        """What is read of words, (tokens, vector_width): vectors, and features of their letters."""
        words, raised = order.pack(ids), order.pack(after_sign)  # (tokens,) each
        if self.spelling is None or self.characters is None or continues is None:
            return self._vectors(self._some_unknown(words, rows), raised)
        letters, is_spelled = self.spelling(ids, continues, order)
        words = self._some_unknown(words.masked_fill(is_spelled, self.unknown), rows)
        vectors = self._vectors(words, raised)
        features: Tensor = self.characters(letters)
        return torch.cat((vectors, features.to(vectors.dtype)), dim=1)

    def _told_apart(self, tokens: Tensor, continues: Tensor) -> Tensor:
        """States (batch, length, width) in which those of the tokens of a spelled word differ."""
        is_last = continues & (ends_of(continues) == places_behind(continues))
        places = continues.flatten().nonzero()[:, 0]  # (tokens that continue a word,)
        added = self.behind_first[is_last.flatten()[places].long()].to(tokens.dtype)
        return torch.index_add(tokens.flatten(0, 1), 0, places, added).view_as(tokens)

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
