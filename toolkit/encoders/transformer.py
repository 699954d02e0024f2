"""The Transformer of a recipe that is written out here and begins from nothing, over words.

`model: {type: new}` is one of the published families without pretraining; this one is for
reading, and for knowing what attention does where recurrence did the work before.
"""

from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from toolkit.encoders.words import Positive, Share, Words

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from toolkit.encoders.word_module import WordModule

Positions = Literal["sinusoidal", "learned", "none"]
Norm = Literal["pre", "post"]
LONGEST = 512  # tokens with a learned position, where the recipe names no longest window


class Transformer(Words):
    """A Transformer over words, written from scratch and trained without pretraining."""

    small_data_training = MappingProxyType({"epochs": 30, "batch_size": 16, "learning_rate": 1e-3})

    width: Positive = 128  # of a token's vector inside
    layers: Positive = 2  # on top of each other
    heads: Positive = 4  # of attention; they share the width
    intermediate: Positive | None = None  # width inside a layer; null: four times the width
    positions: Positions = "sinusoidal"  # learned: begin as these; none: order is not known
    norm: Norm = "pre"  # normalise before each half of a layer, or behind it (post, as published)
    dropout: Share = 0.1  # of embeddings, of attention and of both halves of a layer

    def faults(self) -> list[tuple[str, str]]:
        """Also heads that do not share the width, and positions that need an even one."""
        faults = super().faults()
        if self.width % self.heads:
            message = f"found {self.heads}, which do not share a width of {self.width} equally"
            faults.append(("heads", message))
        if self.width % 2 and self.positions != "none":
            message = f"found {self.width}, expected an even number: a sine and a cosine each"
            faults.append(("width", message))
        return faults

    def longest(self) -> int | None:
        """The rows of the table of learned positions; sinusoids have no end."""
        return (self.max_length or LONGEST) if self.positions == "learned" else None

    def new_module(self, tokenizer: "PreTrainedTokenizerFast") -> "WordModule":
        """A module with random weights."""
        from toolkit.encoders.transformer_module import TransformerModule

        return TransformerModule(self, tokenizer)
