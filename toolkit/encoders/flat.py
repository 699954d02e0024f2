"""Reading a batch with a family's encoder as one long row of tokens, without padding.

Whether a family can be read so is found out, not known: `probed_reader` compares the result on a
few windows with the family's own, since some families go wrong without an error (DeBERTa, MPNet).
"""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from toolkit.dropout import Counter
from toolkit.encoders import attention
from toolkit.encoders.layout import filled, flat_layout, padded_layout, rounded

_TOLERANCE = 1e-4  # of the largest number: rounding of float32 stays far below
_SEED = 17  # of the windows of the probe


class FlatReader(NamedTuple):
    """How a family's encoder is read with our attention."""

    heads: int
    first_position: int
    takes_positions: bool
    is_flat: bool  # without padding; else padded as the batch is

    def read(
        self, base: Any, batch: Mapping[str, Tensor], lengths: Sequence[int], counter: Counter
    ) -> tuple[Tensor, Tensor | None]:
        """The last states (windows, length, width), 0 on padding where flat, and what is pooled."""
        ids = batch["input_ids"]
        if self.is_flat:
            layout = flat_layout(lengths, ids.shape[1], self.heads, ids.device)
            shape = (1, rounded(len(layout.source)))
        else:
            layout = padded_layout(lengths, ids.shape[1], ids.device)
            shape = layout.shape
        num_tokens, num_rows = len(layout.source), shape[0] * shape[1]
        inputs = {
            name: filled(layout.pack(tensor), num_rows).view(shape)
            for name, tensor in batch.items()
            if name != "attention_mask"
        }
        if self.takes_positions:
            places = filled(layout.places, num_rows) + self.first_position
            inputs["position_ids"] = places.view(shape)
        tokens = counter.rows.get(layout.shape)
        if self.is_flat and tokens is not None:
            counter.rows[shape] = filled(layout.pack(tokens), num_rows)[None]
        output = base(**inputs, reading=attention.Reading(layout, counter))
        states = layout.unpack(output.last_hidden_state.flatten(0, 1)[:num_tokens])
        return states, _pooled(base, states)


def probed_reader(base: Any, is_flat: bool) -> tuple[FlatReader | None, str | None]:
    """A reader that gives what the family's own way gives; else None and a sentence that says so.

    On return the encoder's attention is ours, or its own. Draws no random number.
    """
    own = base.config._attn_implementation
    was_training = base.training
    base.eval()
    batch = _probe(base)
    attention.register()
    attention.name_sites(base)
    reader = _reader(base, is_flat)
    try:
        with torch.no_grad():
            expected = base(**batch)
            base.set_attn_implementation(attention.NAME)
            lengths = batch["attention_mask"].sum(1).tolist()
            read = [reader.read(base, batch, lengths, Counter())]
            with torch.inference_mode():  # where attention is computed in another way
                read.append(reader.read(base, batch, lengths, Counter()))
            mask = batch["attention_mask"].bool()
            same = all(
                _equal(states[mask], expected.last_hidden_state[mask])
                and _equal(pooled, getattr(expected, "pooler_output", None))
                for states, pooled in read
            )
        reason = "its results differ from the padded ones"
    except (AssertionError, TypeError, ValueError, RuntimeError, AttributeError, KeyError) as error:
        same, reason = False, f"{type(error).__name__} in its code"
    finally:
        base.train(was_training)
    if same:
        return reader, None
    base.set_attn_implementation(own)
    return None, f"{base.config.model_type} is read with padding: without it, {reason}"


def _reader(base: Any, is_flat: bool) -> FlatReader:
    heads: int = base.config.num_attention_heads
    takes = "position_ids" in inspect.signature(base.forward).parameters
    return FlatReader(heads, first_position(position_table(base)), takes, is_flat)


def position_table(base: nn.Module) -> nn.Embedding | None:
    """The learned vectors of the positions, where the encoder has such."""
    for name, part in base.named_modules():
        if name.endswith("position_embeddings") and isinstance(part, nn.Embedding):
            return part
    return None


def first_position(table: nn.Embedding | None) -> int:
    """The position of a window's first token: RoBERTa's start behind the padding index."""
    return 0 if table is None or table.padding_idx is None else table.padding_idx + 1


def _pooled(base: Any, states: Tensor) -> Tensor | None:
    """What the family's pooler makes of each window: it would see only the first of a flat row."""
    pooler = getattr(base, "pooler", None)
    if pooler is None:
        return None
    if isinstance(pooler, nn.Linear):  # ALBERT's
        pooled: Tensor = base.pooler_activation(pooler(states[:, 0]))
        return pooled
    pooled = pooler(states)
    return pooled


def _probe(base: Any) -> dict[str, Tensor]:
    """Windows of different lengths, longer than the reach of local attention where it has one."""
    config = base.config
    reach = getattr(config, "sliding_window", None) or 0
    lengths = torch.tensor([5, 21 + reach, 9, 5])
    generator = torch.Generator().manual_seed(_SEED)
    shape = (len(lengths), int(lengths.max()))
    ids = torch.randint(0, config.vocab_size, shape, generator=generator)
    mask = torch.arange(shape[1]) < lengths[:, None]
    padding = config.pad_token_id or 0
    ids[ids == padding] = (padding + 1) % config.vocab_size
    batch = {"input_ids": ids.masked_fill(~mask, padding), "attention_mask": mask.long()}
    if "token_type_ids" in inspect.signature(base.forward).parameters:
        kinds = torch.randint(0, max(1, config.type_vocab_size), shape, generator=generator)
        batch["token_type_ids"] = kinds
    device = next(base.parameters()).device
    return {name: tensor.to(device) for name, tensor in batch.items()}


def _equal(one: Tensor | None, other: Tensor | None) -> bool:
    if one is None or other is None:
        return one is None and other is None
    return bool((one - other).abs().max() <= _TOLERANCE * other.abs().max())
