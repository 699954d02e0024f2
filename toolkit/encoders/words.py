"""What the encoders with a word vocabulary of their own have in common, and no pretrained weights.

What needs torch or transformers is in other files, which are loaded when they are used.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field

from toolkit.data.text import expand
from toolkit.encoders.base import Encoder
from toolkit.encoders.characters import Characters
from toolkit.errors import UnreachableError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from toolkit.encoders.base import EncoderModule
    from toolkit.encoders.light_tokenizer import LightReading
    from toolkit.encoders.word_module import WordModule

Positive = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, lt=1)]
Case = Literal["mark", "lower", "keep"]


class Words(Encoder, ABC):
    """An encoder of words, written from scratch: their vectors are learned, or read from a file."""

    embedding: Positive = 128  # width of a word's vector
    word_dropout: Share = 0.05  # of training words are read as [UNK], so that it is learned
    vectors: str | None = None  # a text file of word vectors (GloVe), as wide as embedding
    freeze_vectors: bool = False  # no word's vector is trained, known to the file or not
    max_words: Positive | None = 50_000  # of training and of the file of vectors; null: all
    min_count: Positive = 2  # occurrences that make a training word one of the vocabulary
    case: Case = "mark"  # mark: lower-cased, with a sign before words that began with a capital
    zero_digits: bool = False  # read every digit as 0
    characters: Characters | None = None  # features of a word's letters beside its vector

    def faults(self) -> list[tuple[str, str]]:
        """Frozen vectors need a file that they come from."""
        if self.freeze_vectors and self.vectors is None:
            return [("freeze_vectors", "true, but no vectors are given: name a file in vectors")]
        return []

    def missing(self) -> list[str]:
        """The file of vectors, where its path leads through a variable to none."""
        try:
            expand(self.vectors or "")
        except UnreachableError as error:
            return [f"model.vectors: {fault}" for fault in error.faults]
        return []

    def stand_in(self) -> "tuple[Self, str]":
        """Without vectors."""
        said = f"no word vectors instead of {self.vectors}"
        return self.model_copy(update={"vectors": None, "freeze_vectors": False}), said

    def tokenizer(self, texts: Iterable[str | Sequence[str]]) -> "PreTrainedTokenizerFast":
        """A word tokenizer learned from the texts. DataError where `vectors` cannot be used."""
        from toolkit.encoders.word_tokenizer import learn_tokenizer

        return learn_tokenizer(texts, **self._vocabulary())

    def vocabulary_key(self) -> str | None:
        """The keys that say which words are known; None with a file of vectors."""
        keys = {"max_words", "min_count", "case", "zero_digits"}
        keys |= {"characters"} if self.characters else set()
        return None if self.vectors is not None else self.model_dump_json(include=keys)

    def longest(self) -> int | None:
        """The most tokens that it has positions for; None: no limit."""
        return None

    def light(self, texts: Iterable[str | Sequence[str]]) -> "LightReading":
        """The same tokenizer, not wrapped."""
        from toolkit.encoders.light_tokenizer import LightReading, LightTokenizer
        from toolkit.encoders.word_tokenizer import SPECIAL, learn_backend

        backend = learn_backend(texts, **self._vocabulary())
        backend.add_special_tokens([*SPECIAL.values()])  # in texts, too, as the wrapped one does
        tokenizer = LightTokenizer(backend, SPECIAL["unk_token"])
        return LightReading(tokenizer, self.longest(), is_learned=True)

    def _vocabulary(self) -> dict[str, Any]:
        from toolkit.encoders.word_vectors import words_of

        return {
            "max_words": self.max_words,
            "min_count": self.min_count,
            "case": self.case,
            "zero_digits": self.zero_digits,
            "spell": self.characters is not None,
            "more_words": () if self.vectors is None else words_of(self.vectors, self.embedding),
        }

    @abstractmethod
    def new_module(self, tokenizer: "PreTrainedTokenizerFast") -> "WordModule":
        """A module with random weights."""

    def module(self, tokenizer: "PreTrainedTokenizerFast") -> "EncoderModule":
        """A new module: random weights, and the vectors of the file where there is one."""
        module = self.new_module(tokenizer)
        if self.vectors is not None:
            module.take_vectors(self.vectors, tokenizer)
        return module

    def restore(self, tokenizer: "PreTrainedTokenizerFast", folder: Path) -> "EncoderModule":
        """A module in the shape that recipe and tokenizer say; `vectors` is not read."""
        return self.new_module(tokenizer)

    def save_shape(self, module: "EncoderModule", folder: Path) -> None:
        """Nothing: recipe and tokenizer say it all."""
