"""Any checkpoint of the Hub or of a folder that plain `transformers` loads as an encoder.

Knows families by nothing but what their own classes say: no table of names. Weights come from
safetensors only, and no code comes with a checkpoint.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from toolkit.encoders.base import Encoder
from toolkit.encoders.checkpoint import locate

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedTokenizerFast

    from toolkit.encoders.base import EncoderModule
    from toolkit.heads.standard import StandardHead


class Pretrained(Encoder):
    """A pretrained transformer: BERT, RoBERTa, XLM-R, DistilBERT and their relatives."""

    small_data_training = MappingProxyType({"epochs": 8, "batch_size": 16, "learning_rate": 3e-4})

    checkpoint: str  # a name on the Hub, or a folder
    revision: str | None = None  # of the Hub: a branch, a tag or a commit; null: the newest
    head: Literal["standard", "own"] = (
        "standard"  # standard: the family's, so that transformers loads the model alone
    )
    summary: Literal["first", "mean", "max"] = "first"  # the vector of a text, for heads of ours

    def missing(self) -> list[str]:
        """The checkpoint, where it is neither here nor can be fetched."""
        return list(locate(self.checkpoint, self.revision).missing)

    def tokenizer(self, texts: Iterable[str | Sequence[str]] = ()) -> "PreTrainedTokenizerFast":
        """The checkpoint's own tokenizer; the texts are not looked at."""
        from toolkit.encoders import pretrained_module as module

        return module.load_tokenizer(locate(self.checkpoint, self.revision))

    def module(self, tokenizer: "PreTrainedTokenizerFast") -> "EncoderModule":
        """The checkpoint's encoder without a head."""
        from toolkit.encoders import pretrained_module as module

        place = locate(self.checkpoint, self.revision)
        return module.PretrainedModule(module.load_bare(place), self.summary)

    def with_standard_head(
        self, tokenizer: "PreTrainedTokenizerFast", head: "StandardHead", folder: Path | None = None
    ) -> "tuple[EncoderModule, nn.Module] | None":
        """The encoder and its family's own head: from the checkpoint, or as saved in `folder`."""
        if self.head != "standard":
            return None
        from toolkit.encoders import pretrained_module as module

        place = locate(self.checkpoint, self.revision) if folder is None else locate(str(folder))
        native = module.load_with_head(place, head, whole=folder is not None)
        encoder, scorer = module.split(native, head.outputs)
        return module.PretrainedModule(encoder, self.summary), scorer

    def restore(self, tokenizer: "PreTrainedTokenizerFast", folder: Path) -> "EncoderModule":
        """The encoder in the shape of the `config.json` in `folder`."""
        from toolkit.encoders import pretrained_module as module

        return module.PretrainedModule(module.bare_from_config(folder), self.summary)

    def save_shape(self, module: "EncoderModule", folder: Path) -> None:
        """Write `config.json`."""
        base: Any = module.base
        base.config.save_pretrained(folder)
