"""What every encoder answers to, so that an LSTM and a BERT share everything else."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, NamedTuple, Self

from pydantic import Field

from toolkit.errors import UnreachableError
from toolkit.recipe.block import Block

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedTokenizerFast

    from toolkit.encoders.light_tokenizer import LightReading
    from toolkit.encoders.module import EncoderModule as EncoderModule
    from toolkit.heads.standard import StandardHead

Length = Annotated[int, Field(ge=8)]
Overlap = Annotated[float, Field(ge=0, le=0.9)]
Summary = Literal["first", "last", "mean", "max", "attention"]


class Origin(NamedTuple):
    """What pretrained weights were read from."""

    checkpoint: str  # as the recipe names it
    revision: str | None
    folder: Path | None  # None: the Hub


class Encoder(Block, ABC):
    """What reads the text. Its fields are the keys of the recipe's `model` block."""

    # the `train` settings that suit some hundred examples
    small_data_training: ClassVar[Mapping[str, int | float]]
    usual_summary: ClassVar[Summary] = "first"  # where the recipe names none

    # whether the tokenizer is learned at such cost that a run keeps it, to read it when it goes on
    keeps_tokenizer: ClassVar[bool] = False

    max_length: Length | None = None  # tokens of a window; null: what the encoder can, up to 512
    overlap: Overlap = 0.25  # of neighbouring windows, as a share of one
    summary: Summary | None = (
        None  # how tokens become what a head of ours scores; null: max if recurrent, else first
    )

    @property
    def takes_standard_head(self) -> bool:
        """Whether a family's own head scores where there is one, and reads no summary of ours."""
        return False

    @abstractmethod
    def tokenizer(self, texts: Iterable[str | Sequence[str]]) -> "PreTrainedTokenizerFast":
        """The tokenizer: the checkpoint's own, or one learned from the texts of the training split.

        A text is a string, or a sequence of words that must not be split at punctuation again.
        """

    def vocabulary_key(self) -> str | None:
        """What decides, beside the texts, what `tokenizer` learns; None where that is no text.

        A tokenizer that learns nothing, or from other files too, has none.
        """
        return None

    def light(self, texts: Iterable[str | Sequence[str]]) -> "LightReading | None":
        """The tokenizer and the longest window without torch; None where that takes more."""
        return None

    @abstractmethod
    def module(self, tokenizer: "PreTrainedTokenizerFast") -> "EncoderModule":
        """A new module, with pretrained weights where there are any."""

    def with_standard_head(
        self, tokenizer: "PreTrainedTokenizerFast", head: "StandardHead", folder: Path | None = None
    ) -> "tuple[EncoderModule, nn.Module] | None":
        """The encoder and its family's own head, as one native model; None where it has none.

        Weights come from the checkpoint, or from the native model that was saved in `folder`.
        """
        return None

    def missing(self) -> list[str]:
        """What the encoder needs that is not here and cannot be fetched, a phrase each."""
        return []

    def stand_in(self) -> "tuple[Self, str]":
        """The encoder without what is missing, and a sentence that says what took its place."""
        raise UnreachableError(self.missing())

    def pinned(self) -> Self:
        """The encoder with what a name that may change stands for now, such as a branch."""
        return self

    def origin(self) -> Origin | None:
        """Where pretrained weights come from, for the manifest; None where there are none."""
        return None

    @abstractmethod
    def restore(self, tokenizer: "PreTrainedTokenizerFast", folder: Path) -> "EncoderModule":
        """The module in the shape that `save_shape` left in `folder`, its weights still to load."""

    @abstractmethod
    def save_shape(self, module: "EncoderModule", folder: Path) -> None:
        """Write what `restore` needs and the recipe does not say."""

    def save_standard(self, module: "EncoderModule", scorer: "nn.Module", folder: Path) -> None:
        """Write what `with_standard_head` reads from a folder."""
        raise NotImplementedError(f"{type(self).__name__} has no standard head to save")

    def brought_along(self, module: "EncoderModule") -> frozenset[str]:
        """The weights of a module that `restore` brings by itself: no folder needs to hold them."""
        return frozenset()
