"""The recurrent encoders of a recipe: LSTM, GRU and the simple recurrent network.

They differ in nothing but their cell. What needs torch is in other files, which are loaded when
they are used; a cell of your own is a `Stack` that a class derived from `Recurrent` names.
"""

from abc import ABC, abstractmethod
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Literal

from toolkit.encoders.base import Summary
from toolkit.encoders.words import Positive, Share, Words

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from toolkit.encoders.stack import Stack
    from toolkit.encoders.word_module import WordModule

Engine = Literal["own", "torch"]


class Recurrent(Words, ABC):
    """A recurrent network over words, written from scratch."""

    small_data_training = MappingProxyType({"epochs": 30, "batch_size": 16, "learning_rate": 5e-3})
    usual_summary: ClassVar[Summary] = "max"

    hidden: Positive = 128  # width of one direction
    layers: Positive = 1  # on top of each other
    bidirectional: bool = True  # read from both ends
    dropout: Share = 0.3  # of embeddings, of outputs and between layers
    engine: Engine = "own"  # own: written here; torch: torch.nn's (on GPUs cuDNN's), same weights

    @abstractmethod
    def stack(self) -> "type[Stack]":
        """The layers, which know their cell."""

    def new_module(self, tokenizer: "PreTrainedTokenizerFast") -> "WordModule":
        """A module with random weights."""
        from toolkit.encoders.recurrent_module import RecurrentModule

        return RecurrentModule(self, tokenizer)


class Lstm(Recurrent):
    """An LSTM over words, written from scratch: the embeddings are learned, or read from a file."""

    def stack(self) -> "type[Stack]":
        """With the cell of an LSTM."""
        from toolkit.encoders.lstm import LstmStack

        return LstmStack


class Gru(Recurrent):
    """A GRU over words, written from scratch: the embeddings are learned, or read from a file."""

    def stack(self) -> "type[Stack]":
        """With the cell of a GRU."""
        from toolkit.encoders.gru import GruStack

        return GruStack


class Rnn(Recurrent):
    """A simple recurrent network (Elman's, with tanh) over words, written from scratch."""

    def stack(self) -> "type[Stack]":
        """With the cell of a simple recurrent network."""
        from toolkit.encoders.rnn import RnnStack

        return RnnStack
