"""A subword vocabulary learned from texts: WordPiece, byte-level BPE or Unigram.

The result is a plain `tokenizer.json` with the special tokens and the frame of the families that
use that kind: BERT's `[CLS] … [SEP]`, RoBERTa's and XLM-R's `<s> … </s>`.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from tokenizers import (
    AddedToken,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import PreTrainedTokenizerFast

from toolkit.encoders.subwords import Subwords
from toolkit.errors import DataError

Text = str | Sequence[str]  # a string, or words
BRACKETS = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}
ANGLES = {
    "pad_token": "<pad>",
    "unk_token": "<unk>",
    "cls_token": "<s>",
    "sep_token": "</s>",
    "mask_token": "<mask>",
}
_MOST_WORDS = 1_000  # of a text that the trainer gets at once: it holds each in memory whole


class _Kind(NamedTuple):
    """How a kind of vocabulary reads and learns."""

    model: Any
    normalizer: Any
    splitter: Any
    decoder: Any
    trainer: Any  # None: it has a function of its own
    special: dict[str, str]


def learn_subwords(
    shape: Subwords, texts: Iterable[Text], *, has_segments: bool
) -> PreTrainedTokenizerFast:
    """A tokenizer that knows the most useful pieces of the texts.

    For the same texts WordPiece and BPE are the same, to the bit; Unigram is nearly, which is why a
    run keeps its tokenizer. `has_segments`: the encoder tells the two texts of a pair apart
    by `token_type_ids`. DataError where no word is there to learn from.
    """
    kind = _KINDS[shape.type](shape)
    backend = Tokenizer(kind.model)
    backend.normalizer, backend.pre_tokenizer = kind.normalizer, kind.splitter
    backend.decoder = kind.decoder
    lines = list(_strings(texts))
    if not any(line.strip() for line in lines):
        raise DataError("model.vocabulary: there is no word in the texts to learn from")
    names = kind.special
    if shape.type == "wordpiece":
        backend.model = _wordpiece_model(shape, backend, lines)
    else:
        backend.train_from_iterator(lines, kind.trainer)
    if shape.type == "unigram":
        backend.model = _in_order(backend)
    backend.add_special_tokens([*names.values()])
    backend.add_special_tokens([_mask(shape, names)])
    backend.post_processor = _frame(shape, backend, names)
    inputs = ["input_ids", "token_type_ids", "attention_mask"]
    if not has_segments:
        inputs.remove("token_type_ids")
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        model_input_names=inputs,
        **{**names, "mask_token": _mask(shape, names)},
    )


def _strings(texts: Iterable[Text]) -> Iterator[str]:
    for text in texts:
        words = text.split(" ") if isinstance(text, str) else text
        for start in range(0, len(words), _MOST_WORDS):
            yield " ".join(words[start : start + _MOST_WORDS])


def _wordpiece(shape: Subwords) -> _Kind:
    return _Kind(
        models.WordPiece(unk_token=BRACKETS["unk_token"]),
        # as BERT's: control characters out, Chinese characters apart
        normalizers.BertNormalizer(lowercase=shape.lowercase, strip_accents=shape.lowercase),
        pre_tokenizers.BertPreTokenizer(),
        decoders.WordPiece(),
        None,
        BRACKETS,
    )


def _wordpiece_model(shape: Subwords, backend: Tokenizer, lines: Sequence[str]) -> Any:
    """WordPiece, its pieces in the same order every time.

    The trainer numbers the letters inside words as it meets them, in an order that changes from
    process to process, and lets equal pairs be decided by their numbers. Named beforehand, as if
    they were special, the letters have the same numbers always.
    """
    split, normalize = backend.pre_tokenizer.pre_tokenize_str, backend.normalizer.normalize_str
    words = {word for line in lines for word, _ in split(normalize(line))}
    inner = sorted({letter for word in words for letter in word[1:]})
    trainer = trainers.WordPieceTrainer(
        vocab_size=shape.size,
        min_frequency=shape.min_count,
        special_tokens=[*BRACKETS.values(), *(f"##{letter}" for letter in inner)],
        show_progress=False,
    )
    learner = Tokenizer(models.WordPiece(unk_token=BRACKETS["unk_token"]))
    learner.normalizer, learner.pre_tokenizer = backend.normalizer, backend.pre_tokenizer
    learner.train_from_iterator(lines, trainer)
    vocabulary = learner.get_vocab()
    return models.WordPiece(vocabulary, unk_token=BRACKETS["unk_token"])


def _bpe(shape: Subwords) -> _Kind:
    return _Kind(
        models.BPE(),
        normalizers.Lowercase() if shape.lowercase else None,
        pre_tokenizers.ByteLevel(add_prefix_space=True),  # words that are given alone have a space
        decoders.ByteLevel(),
        trainers.BpeTrainer(
            vocab_size=shape.size,
            min_frequency=shape.min_count,
            special_tokens=list(ANGLES.values()),
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),  # no byte is unknown
            show_progress=False,
        ),
        ANGLES,
    )


def _unigram(shape: Subwords) -> _Kind:
    steps: list[Any] = [normalizers.NFKC()]
    if shape.lowercase:
        steps.append(normalizers.Lowercase())
    return _Kind(
        models.Unigram(),
        normalizers.Sequence(steps),
        pre_tokenizers.Metaspace(),
        decoders.Metaspace(),
        trainers.UnigramTrainer(
            vocab_size=shape.size,
            unk_token=ANGLES["unk_token"],
            special_tokens=list(ANGLES.values()),
            show_progress=False,
        ),
        ANGLES,
    )


def _in_order(backend: Tokenizer) -> Any:
    """Unigram, its pieces in the order of the alphabet.

    The trainer adds probabilities up in an order that changes from process to process. What comes
    of it (the last digits of all scores, the third one of a few) would otherwise change the
    numbers of all pieces.
    """
    pieces = [tuple(pair) for pair in json.loads(backend.to_str())["model"]["vocab"]]
    special, learned = pieces[: len(ANGLES)], pieces[len(ANGLES) :]
    unknown = [piece for piece, _ in special].index(ANGLES["unk_token"])
    return models.Unigram([*special, *sorted(learned)], unk_id=unknown)


_KINDS = {"wordpiece": _wordpiece, "bpe": _bpe, "unigram": _unigram}


def _mask(shape: Subwords, names: dict[str, str]) -> AddedToken:
    """The mask; where a piece holds the space before it, the mask does too, as RoBERTa's."""
    takes_space = shape.type != "wordpiece"
    return AddedToken(names["mask_token"], lstrip=takes_space, special=True, normalized=False)


def _frame(shape: Subwords, backend: Tokenizer, names: dict[str, str]) -> Any:
    cls, sep = names["cls_token"], names["sep_token"]
    middle = sep if names is BRACKETS else f"{sep} {sep}"  # RoBERTa has two between the texts
    numbers = [(token, backend.token_to_id(token)) for token in (cls, sep)]
    frame = processors.TemplateProcessing(
        single=f"{cls} $A {sep}",
        pair=f"{cls} $A {middle} $B:1 {sep}:1",
        special_tokens=numbers,
    )
    if shape.type != "bpe":
        return frame
    # offsets point at the word and not at the space before it
    return processors.Sequence([processors.ByteLevel(trim_offsets=True), frame])
