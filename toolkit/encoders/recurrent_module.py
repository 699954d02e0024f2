"""The torch side of the recurrent encoders: the recurrence over word vectors."""

from typing import TYPE_CHECKING, cast

from torch import Tensor

from toolkit.dropout import CountedDropout
from toolkit.encoders.packing import Packing, packing_of
from toolkit.encoders.recurrent import Recurrent
from toolkit.encoders.stack import Stack
from toolkit.encoders.word_module import WordModule

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


class RecurrentModule(WordModule):
    """Word vectors to hidden states, step by step."""

    def __init__(self, shape: Recurrent, tokenizer: "PreTrainedTokenizerFast") -> None:
        super().__init__(shape, tokenizer)
        cls = shape.stack()
        stack = cls(
            self.vector_width,
            shape.hidden,
            shape.layers,
            shape.bidirectional,
            shape.dropout,
            shape.engine,
        )
        self.kind = cls.kind.name
        self.add_module(self.kind, stack)  # so that weights say what they are of
        self.dropout = CountedDropout(shape.dropout)  # of word vectors and of what was read
        self.finish(shape, stack.width, backward=shape.hidden if shape.bidirectional else 0)

    def arranged(self, steps: Tensor) -> Packing:
        """In the order in which a recurrence reads."""
        return packing_of(steps)

    def read(self, vectors: Tensor, order: Packing, rows: Tensor | None) -> Tensor:
        """Word vectors (tokens, vector_width) -> hidden states (tokens, width)."""
        stack = cast("Stack", self.get_submodule(self.kind))
        states: Tensor = self.dropout(stack.read(self.dropout(vectors, rows), order, rows), rows)
        return states
