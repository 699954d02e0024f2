"""A transformer of a known family from nothing: random weights, a vocabulary of its own texts.

What it becomes is a checkpoint like any other: `model.checkpoint: runs/NAME` begins from it.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from toolkit.encoders.base import Encoder
from toolkit.encoders.subwords import Subwords

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedTokenizerFast

    from toolkit.encoders.base import EncoderModule
    from toolkit.heads.standard import StandardHead

Positive = Annotated[int, Field(ge=1)]
Architecture = Literal[
    "bert", "roberta", "xlm-roberta", "camembert", "distilbert", "albert", "electra", "modernbert"
]


class New(Encoder):
    """A transformer without pretraining, its tokenizer learned from the training texts."""

    small_data_training = MappingProxyType({"epochs": 30, "batch_size": 16, "learning_rate": 1e-3})
    keeps_tokenizer: ClassVar[bool] = True

    architecture: Architecture = "bert"  # whose classes of transformers it is made of
    layers: Positive = 2
    width: Positive = 128  # of a token's vector
    heads: Positive = 2  # of attention; they share the width
    intermediate: Positive | None = None  # width inside a layer; null: four times the width
    positions: Annotated[int, Field(ge=8)] = 512  # the most tokens that it will ever read at once
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1  # of states and attention
    vocabulary: Subwords = Subwords()  # the tokenizer, learned from the training texts
    head: Literal["standard", "own"] = "standard"  # standard: the family's own
    padding_free: bool = True  # leave padding out, where a trial at the start finds the same result

    @property
    def takes_standard_head(self) -> bool:
        """As `head` says."""
        return self.head == "standard"

    def faults(self) -> list[tuple[str, str]]:
        """Faults between fields."""
        faults = []
        if self.width % self.heads:
            message = f"found {self.heads}, which do not share a width of {self.width} equally"
            faults.append(("heads", message))
        if self.max_length is not None and self.max_length > self.positions:
            message = f"found {self.max_length}, expected at most positions ({self.positions})"
            faults.append(("max_length", message))
        return faults

    def tokenizer(self, texts: Iterable[str | Sequence[str]]) -> "PreTrainedTokenizerFast":
        """A subword tokenizer learned from the texts."""
        from toolkit.encoders.new_module import has_segments
        from toolkit.encoders.subword_tokenizer import learn_subwords

        return learn_subwords(self.vocabulary, texts, has_segments=has_segments(self))

    def module(self, tokenizer: "PreTrainedTokenizerFast") -> "EncoderModule":
        """The encoder without a head, its weights random."""
        from toolkit.encoders import new_module
        from toolkit.encoders.pretrained_module import bare_of, module_of

        return module_of(bare_of(new_module.config_of(self, tokenizer)), self)

    def with_standard_head(
        self, tokenizer: "PreTrainedTokenizerFast", head: "StandardHead", folder: Path | None = None
    ) -> "tuple[EncoderModule, nn.Module] | None":
        """The encoder and its family's own head: random, or as saved in `folder`."""
        if not self.takes_standard_head:
            return None
        from toolkit.encoders import new_module
        from toolkit.encoders.checkpoint import fetched, locate
        from toolkit.encoders.pretrained_module import load_with_head, module_of, split

        if folder is None:
            native = new_module.native_of(new_module.config_of(self, tokenizer), head)
        else:
            native, _ = load_with_head(fetched(locate(str(folder))), head, whole=True)
        encoder, scorer = split(native, head.outputs)
        return module_of(encoder, self), scorer

    def save_standard(self, module: "EncoderModule", scorer: "nn.Module", folder: Path) -> None:
        """Write the native model."""
        scorer.save_native(module.base, folder)  # type: ignore[operator]

    def restore(self, tokenizer: "PreTrainedTokenizerFast", folder: Path) -> "EncoderModule":
        """The encoder in the shape of `config.json`."""
        from toolkit.encoders.pretrained_module import bare_from_config, module_of

        return module_of(bare_from_config(folder), self)

    def save_shape(self, module: "EncoderModule", folder: Path) -> None:
        """Write `config.json`."""
        module.base.config.save_pretrained(folder)  # type: ignore[union-attr, operator]
