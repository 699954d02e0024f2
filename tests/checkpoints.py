"""Tiny random checkpoints of every supported family, each with the real kind of tokenizer."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

TEXT = """
EU rejects German call to boycott British lamb . Peter Blackburn lives in Brussels .
The European Commission said on Thursday it disagreed with German advice to consumers .
Ada Lovelace worked with Charles Babbage in London , and Marie Curie in Paris .
Acme Corporation opened an office in New York ; United Nations officials visited Geneva .
abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 0123456789 ' " - , . ; : ! ? ( ) / & %
""".strip().splitlines()

FAMILIES = (
    "bert", "roberta", "xlm-roberta", "distilbert", "camembert", "albert", "electra", "modernbert",
)  # fmt: skip
UNIGRAM = ("xlm-roberta", "camembert", "albert")


def make_checkpoint(
    family: str,
    folder: Path,
    *,
    width: int = 32,
    positions: int = 64,
    dropout: float = 0.1,
    text: Sequence[str] = TEXT,
) -> None:
    """Save a random two-layer encoder of a family, and a tokenizer learned from a text."""
    import torch
    from transformers import AutoConfig, AutoModel

    tokenizer = make_tokenizer(family, text)
    tokenizer.save_pretrained(folder)
    starts_behind_padding = family in ("roberta", "xlm-roberta", "camembert")
    shape = {
        "vocab_size": len(tokenizer),
        "hidden_size": width,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 2 * width,
        "max_position_embeddings": positions + (2 if starts_behind_padding else 0),
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.cls_token_id,
        "eos_token_id": tokenizer.sep_token_id,
        "hidden_dropout_prob": dropout,
        "attention_probs_dropout_prob": dropout,
    }
    if family == "distilbert":
        shape |= {"dim": width, "n_layers": 2, "n_heads": 4, "hidden_dim": 2 * width}
    if family in ("albert", "electra"):
        shape["embedding_size"] = width // 2
    if family == "modernbert":
        shape |= {
            "cls_token_id": tokenizer.cls_token_id,
            "sep_token_id": tokenizer.sep_token_id,
            "local_attention": 16,
            "global_attn_every_n_layers": 2,
        }
    torch.manual_seed(0)
    model = AutoModel.from_config(AutoConfig.for_model(family, **shape))
    model.save_pretrained(folder)


def make_tokenizer(family: str, text: Sequence[str] = TEXT) -> Any:
    """A tokenizer of the family's class, of a few pieces, more where there is more text."""
    import tokenizers
    import transformers
    from tokenizers import models, normalizers, pre_tokenizers, trainers

    if family in ("roberta", "modernbert"):
        model = tokenizers.ByteLevelBPETokenizer()
        special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
        if family == "modernbert":
            special = ["[CLS]", "[PAD]", "[SEP]", "[UNK]", "[MASK]"]
        model.train_from_iterator(
            text, vocab_size=420, min_frequency=1, special_tokens=special, show_progress=False
        )
        if family == "roberta":
            import json

            state = json.loads(model.to_str())["model"]
            merges = [tuple(merge) for merge in state["merges"]]
            return transformers.RobertaTokenizer(vocab=state["vocab"], merges=merges)
        backend = model._tokenizer
        backend.post_processor = tokenizers.processors.TemplateProcessing(
            single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 0), ("[SEP]", 2)]
        )
        names = ("cls_token", "pad_token", "sep_token", "unk_token", "mask_token")
        return transformers.PreTrainedTokenizerFast(
            tokenizer_object=backend, **dict(zip(names, special, strict=True))
        )
    if family in UNIGRAM:
        model = tokenizers.Tokenizer(models.Unigram())
        model.pre_tokenizer = pre_tokenizers.Metaspace()
        special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
        if family == "albert":
            model.normalizer = normalizers.Lowercase()
            special = ["<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"]
        trainer = trainers.UnigramTrainer(
            vocab_size=max(150, len(text)),
            special_tokens=special,
            unk_token="<unk>",
            show_progress=False,
        )
        model.train_from_iterator(text, trainer)
        import json

        pieces = [tuple(piece) for piece in json.loads(model.to_str())["model"]["vocab"]]
        name = {"xlm-roberta": "XLMRoberta", "camembert": "Camembert", "albert": "Albert"}[family]
        return getattr(transformers, f"{name}Tokenizer")(vocab=pieces)
    model = tokenizers.BertWordPieceTokenizer(lowercase=family != "bert")
    model.train_from_iterator(text, vocab_size=300, min_frequency=1, show_progress=False)
    name = {"bert": "Bert", "distilbert": "DistilBert", "electra": "Electra"}[family]
    cls = getattr(transformers, f"{name}Tokenizer")
    return cls(vocab=model.get_vocab(), do_lower_case=family != "bert")
