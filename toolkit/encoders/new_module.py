"""The torch side of a new transformer: the configuration of its family, and random weights."""

from typing import TYPE_CHECKING, Any

import transformers
from transformers import AutoConfig

from toolkit.encoders.new import New
from toolkit.encoders.pretrained_module import shape_of
from toolkit.heads.standard import StandardHead

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

# What the families call the same thing, where they do not answer to BERT's name for it.
_NAMES = {
    "intermediate_size": ("intermediate_size", "hidden_dim"),
    "hidden_dropout_prob": ("hidden_dropout_prob", "dropout"),
    "attention_probs_dropout_prob": ("attention_probs_dropout_prob", "attention_dropout"),
}
# Their positions begin behind the number of the padding token.
_BEHIND_PADDING = ("roberta", "xlm-roberta", "camembert")


def has_segments(shape: New) -> bool:
    """Whether the family tells the two texts of a pair apart."""
    return getattr(AutoConfig.for_model(shape.architecture), "type_vocab_size", 0) > 1


def config_of(shape: New, tokenizer: "PreTrainedTokenizerFast") -> Any:
    """The family's configuration in the shape that the recipe says."""
    family = AutoConfig.for_model(shape.architecture)
    pad = tokenizer.pad_token_id
    wanted = {
        "vocab_size": len(tokenizer),
        "hidden_size": shape.width,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "intermediate_size": shape.intermediate or 4 * shape.width,
        "max_position_embeddings": shape.positions
        + (pad + 1 if shape.architecture in _BEHIND_PADDING else 0),
        "hidden_dropout_prob": shape.dropout,
        "attention_probs_dropout_prob": shape.dropout,
        "pad_token_id": pad,
        "bos_token_id": tokenizer.cls_token_id,
        "eos_token_id": tokenizer.sep_token_id,
        "cls_token_id": tokenizer.cls_token_id,
        "sep_token_id": tokenizer.sep_token_id,
        "embedding_size": shape.width,  # ELECTRA and ALBERT can embed in less
    }
    asked = {}
    for name, value in wanted.items():
        known = [each for each in _NAMES.get(name, (name,)) if hasattr(family, each)]
        asked.update(dict.fromkeys(known[:1], value))
    if shape.architecture == "modernbert":
        asked |= {"mlp_dropout": shape.dropout, "embedding_dropout": shape.dropout}
    return AutoConfig.for_model(shape.architecture, **asked)


def native_of(config: Any, head: StandardHead) -> Any:
    """A family's model with its own head, all of it random."""
    for name, value in shape_of(head).items():
        setattr(config, name, value)
    return getattr(transformers, head.auto_class).from_config(config)
