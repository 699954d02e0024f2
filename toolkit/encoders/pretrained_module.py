"""The torch side of a pretrained encoder: loading, splitting off the head."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel
from transformers.modeling_outputs import BaseModelOutputWithPooling

from toolkit.encoders.checkpoint import Place
from toolkit.encoders.flat import FlatReader, first_position, position_table, probed_reader
from toolkit.encoders.layers import layers_of
from toolkit.encoders.light_tokenizer import byte_levels
from toolkit.encoders.loading import loading, tokenizer_in
from toolkit.encoders.module import EncoderModule
from toolkit.encoders.vetting import check_folder
from toolkit.errors import RecipeError, ToolkitError
from toolkit.heads.base import Encoded
from toolkit.heads.pooling import Pooling
from toolkit.heads.standard import StandardHead


class PretrainedModule(EncoderModule):
    """A family's encoder, its last states and a summary out of them."""

    def __init__(self, base: Any, summary: str, *, padding_free: bool = True) -> None:
        super().__init__()
        self.base = base
        self.width: int = base.config.hidden_size
        self.longest: int | None = longest_of(base)
        self.pooling = Pooling(summary, self.width)
        self.reader: FlatReader | None  # None: the family's own way, with padding
        self.reader, self.note = probed_reader(base, padding_free)
        self.is_padded = self.reader is None or not self.reader.is_flat

    def forward(self, batch: Mapping[str, Tensor], lengths: Sequence[int] | None = None) -> Encoded:
        """`input_ids` and `attention_mask`, both (batch, length), and the family's other inputs."""
        mask = batch["attention_mask"].bool()  # (batch, length)
        if self.reader is None:
            output = self.base(**batch)
            states, pooled = output.last_hidden_state, getattr(output, "pooler_output", None)
        else:
            sizes = mask.sum(1).tolist() if lengths is None else lengths
            states, pooled = self.reader.read(self.base, batch, sizes, self.counter)
        if states.dtype == torch.bfloat16 and not torch.is_autocast_enabled(states.device.type):
            # the encoder's weights are in a smaller type, and the head's are not
            states, pooled = states.float(), None if pooled is None else pooled.float()
        summary = self.pooling(states, mask)  # (batch, width)
        return Encoded(states, mask, summary, pooled)

    def word_embedding(self) -> nn.Embedding | None:
        """The family's word embedding."""
        found = self.base.get_input_embeddings()
        return found if isinstance(found, nn.Embedding) else None

    def lowerable(self) -> nn.Module | None:
        """The family's encoder, where it is read by our own attention."""
        found: nn.Module = self.base
        return None if self.reader is None else found

    def parts(self) -> Sequence[nn.Module]:
        """The family's layers, where they are modules that are called."""
        layers = layers_of(self.base).values()
        return [layer for layer in layers if not isinstance(layer, (nn.ModuleList, nn.ModuleDict))]


def module_of(base: Any, encoder: Any) -> PretrainedModule:
    """A family's encoder, read as the encoder of a recipe says."""
    summary = encoder.summary or encoder.usual_summary
    return PretrainedModule(base, summary, padding_free=encoder.padding_free)


class FamilyScorer(nn.Module):
    """A family's own head: its native forward over a stub that hands on the encoder's states."""

    def __init__(self, native: Any, outputs: Sequence[str], new: Sequence[str] = ()) -> None:
        super().__init__()
        self.native = native
        self.outputs = tuple(outputs)
        self.new = tuple(new)  # weights that the checkpoint lacks: they are random
        setattr(native, native.base_model_prefix, _Stub())

    def forward(self, encoded: Encoded) -> Tensor:
        """The scores, as `transformers` computes them; several outputs stacked at the end."""
        getattr(self.native, self.native.base_model_prefix).pooled = encoded.pooled
        output = self.native(inputs_embeds=encoded.tokens, attention_mask=encoded.mask.long())
        scores: list[Tensor] = [output[name] for name in self.outputs]
        return scores[0] if len(scores) == 1 else torch.stack(scores, dim=-1)

    def save_native(self, base: nn.Module, folder: Path) -> None:
        """Save the native model, its encoder back in place, for plain `transformers`."""
        prefix = self.native.base_model_prefix
        stub = getattr(self.native, prefix)
        setattr(self.native, prefix, base)
        try:
            with _quiet():
                self.native.save_pretrained(folder)
        finally:
            setattr(self.native, prefix, stub)


class _Stub(nn.Module):
    pooled: Tensor | None = None  # of the batch that the head is about to read

    def forward(self, *_: Any, inputs_embeds: Tensor, **__: Any) -> BaseModelOutputWithPooling:
        pooled, self.pooled = self.pooled, None
        return BaseModelOutputWithPooling(last_hidden_state=inputs_embeds, pooler_output=pooled)


def longest_of(base: nn.Module) -> int | None:
    """The most tokens that the encoder has positions for: of RoBERTa's 514 rows, 512."""
    table = position_table(base)
    if table is not None:
        return table.num_embeddings - first_position(table)
    longest: int | None = getattr(base.config, "max_position_embeddings", None)
    return longest


def load_tokenizer(place: Place) -> Any:
    """The tokenizer of a checkpoint, ready for words.

    A byte-level vocabulary writes the space before a word into the word's first piece. Words that
    are given one by one have lost that space, so it is put back (`add_prefix_space`).
    """
    tokenizer = tokenizer_in(Path(place.name))
    if not getattr(tokenizer, "is_fast", False):
        raise ToolkitError(
            f"{place.name}: has no tokenizer.json, which the alignment of words needs"
        )
    if any(
        not part.add_prefix_space for part in byte_levels(tokenizer.backend_tokenizer.pre_tokenizer)
    ):
        tokenizer = tokenizer_in(Path(place.name), add_prefix_space=True)
        for part in byte_levels(tokenizer.backend_tokenizer.pre_tokenizer):
            part.add_prefix_space = True  # classes without a rule of their own ignore the argument
    if tokenizer.unk_token_id is None:
        raise ToolkitError(f"{place.name}: its tokenizer has no unknown token")
    return tokenizer


def load_with_head(place: Place, head: StandardHead, whole: bool) -> tuple[Any, list[str]]:
    """The family's model with its own head, in float32, and the weights that were not there.

    `whole`: none may be missing. RecipeError where the family has no such head.
    """
    auto_class = getattr(transformers, head.auto_class)
    config = _config_of(Path(place.name))
    if type(config) not in auto_class._model_mapping:
        raise RecipeError(
            f"model.head: found 'standard', but {config.model_type} has no {head.auto_class}: "
            "set model.head: own"
        )
    with _quiet(), loading(place.name, check_folder(Path(place.name))):
        model, report = auto_class.from_pretrained(
            place.name,
            dtype=torch.float32,
            use_safetensors=True,
            output_loading_info=True,
            **({} if whole else shape_of(head)),
        )
    _check(place, model, report, whole)
    return model, sorted(report["missing_keys"])


def shape_of(head: StandardHead) -> dict[str, Any]:
    """What a family's configuration has to say for a head."""
    if not head.labels:
        return dict(head.config)
    return {
        "num_labels": len(head.labels),
        "id2label": dict(enumerate(head.labels)),
        "label2id": {label: number for number, label in enumerate(head.labels)},
        **dict(head.config),
    }


def load_bare(place: Place) -> Any:
    """The family's encoder alone, in float32, without the pooler that no head of ours uses."""
    config = _config_of(Path(place.name))
    with _quiet(), loading(place.name, check_folder(Path(place.name))):
        model, report = AutoModel.from_pretrained(
            place.name,
            config=config,
            dtype=torch.float32,
            use_safetensors=True,
            output_loading_info=True,
            **_without_pooler(config),
        )
    _check(place, model, report, whole=False)
    return model


def bare_from_config(folder: Path) -> Any:
    """An encoder with random weights in the shape of the config in `folder`."""
    config = _config_of(folder)
    with loading(str(folder), check_folder(folder, is_checkpoint=False)):
        return bare_of(config)


def _config_of(folder: Path) -> Any:
    """The configuration in a folder. ToolkitError where it may not be loaded, or is no family's."""
    with loading(str(folder), check_folder(folder, is_checkpoint=False)):
        return AutoConfig.from_pretrained(folder)


def bare_of(config: Any) -> Any:
    """An encoder with random weights, without the pooler that no head of ours uses."""
    return AutoModel.from_config(config, **_without_pooler(config))


def split(native: Any, outputs: Sequence[str], new: Sequence[str] = ()) -> tuple[Any, FamilyScorer]:
    """A native model's encoder, and its head over a stub."""
    encoder = getattr(native, native.base_model_prefix)
    return encoder, FamilyScorer(native, outputs, new)


def _without_pooler(config: Any) -> dict[str, bool]:
    # an unused pooler gets no gradient, which DDP refuses
    import inspect

    family = transformers.AutoModel._model_mapping[type(config)]
    return (
        {"add_pooling_layer": False}
        if "add_pooling_layer" in inspect.signature(family.__init__).parameters
        else {}
    )


def _check(place: Place, model: Any, report: Mapping[str, Any], whole: bool) -> None:
    prefix = model.base_model_prefix + "."
    has_head = any(name.startswith(prefix) for name, _ in model.named_parameters())
    missing = sorted(
        name for name in report["missing_keys"] if whole or not has_head or name.startswith(prefix)
    )
    # a pooler is a part of the head that happens to lie in the encoder: pretraining without next
    # sentence prediction leaves none
    missing = [name for name in missing if whole or ".pooler." not in f".{name}"]
    if missing:
        raise ToolkitError(
            f"{place.name}: lacks {len(missing)} weights of the encoder that its config describes "
            f"({missing[0]}, …)"
        )


@contextmanager
def _quiet() -> Iterator[None]:
    # that a new head is new needs no table on the screen; what matters is checked by `_check`
    level = transformers.logging.get_verbosity()
    bars = transformers.logging.is_progress_bar_enabled()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers.logging.set_verbosity(level)
        if bars:
            transformers.logging.enable_progress_bar()
