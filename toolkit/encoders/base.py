"""What every encoder answers to, so that an LSTM and a BERT share everything else."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, cast

from pydantic import Field

from toolkit.recipe.learner import Learner
from toolkit.recipe.learner import Origin as Origin

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedTokenizerFast

    from toolkit.encoders.light_tokenizer import LightReading
    from toolkit.encoders.module import EncoderModule as EncoderModule
    from toolkit.heads.standard import StandardHead
    from toolkit.recipe.schema import Recipe

Length = Annotated[int, Field(ge=8)]
Overlap = Annotated[float, Field(ge=0, le=0.9)]
Summary = Literal["first", "last", "mean", "max", "attention"]


class Encoder(Learner, ABC):
    """What reads the text for a head. Its fields are the keys of the recipe's `model` block."""

    trained_by = "toolkit.training.finetune:train_model"
    loaded_by = "toolkit.predict:load_predictor"
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

    def faults_in(self, recipe: "Recipe") -> list[tuple[str, str]]:
        """A summary that nobody reads has no effect, and an attention in it could not learn."""
        if self.summary is None:
            return []
        found = f"found {self.summary!r}, but "
        if not recipe.task.reads_summary:
            why = "the task scores tokens, which have no summary: leave it out"
        elif self.takes_standard_head and recipe.task.standard_head() is not None:
            why = "the family's own head does not read it: set model.head: own, or leave it out"
        else:
            return []
        return [("model.summary", found + why)]

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


def encoder_of(recipe: "Recipe") -> Encoder:
    """The model block of a recipe, for what only the recipe of an encoder leads to."""
    return cast(Encoder, recipe.model)
