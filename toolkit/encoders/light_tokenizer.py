"""A tokenizer without `transformers`: what windows and tasks ask of one, from `tokenizers` alone.

For looking at data in a second. Windows made with it are those that training makes, token by
token; whoever asks it for more gets a `NotLightError`.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tokenizers import Tokenizer, pre_tokenizers, processors

from toolkit.encoders.checkpoint import Place, file_of
from toolkit.encoders.tokenizer_file import check_tokenizer, panics
from toolkit.encoders.vetting import check_folder
from toolkit.errors import ToolkitError

TOGETHER = 256  # words that one thread of the library encodes at a time
# Positions of these families start behind the padding index, which is 1 in all of them.
FROM_PADDING = frozenset(
    {
        "camembert", "data2vec-text", "esm", "ibert", "longformer", "luke", "mpnet", "roberta",
        "roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl", "xmod",
    }
)  # fmt: skip


class NotLightError(ToolkitError, AttributeError):
    """Something that only a tokenizer of `transformers` can do."""


class LightReading(NamedTuple):
    """How an encoder reads text, known without torch."""

    tokenizer: "LightTokenizer"
    longest: int | None  # the most tokens that the encoder has positions for; None: no limit
    is_learned: bool  # from the training split, which leaves rare words out on purpose


class LightEncoding:
    """One encoded text, as `transformers` shows it."""

    def __init__(self, ids: Sequence[int], words: Sequence[int | None], encoding: Any = None):
        self._ids, self._words, self._encoding = ids, words, encoding

    def __getitem__(self, name: str) -> Any:
        if name == "input_ids":
            return self._ids
        if name == "offset_mapping" and self._encoding is not None:
            return self._encoding.offsets
        raise NotLightError(f"{name!r} of an encoded text needs transformers")

    def word_ids(self) -> Sequence[int | None]:
        """The number of the word that each token is of; None for special tokens."""
        return self._words

    def sequence_ids(self) -> Sequence[int | None]:
        """0 for tokens of the first text, 1 for those of the second; None for special tokens."""
        if self._encoding is None:
            return [0] * len(self._ids)
        ids: Sequence[int | None] = self._encoding.sequence_ids
        return ids


class LightTokenizer:
    """Called as a tokenizer of `transformers` is.

    Given words are encoded one by one, whatever stands beside them, so each is encoded once.
    """

    model_input_names = ("input_ids", "attention_mask")

    def __init__(self, backend: Tokenizer, unknown: str | None) -> None:
        backend.no_truncation()
        backend.no_padding()
        self.backend = backend
        self.unk_token_id = None if unknown is None else backend.token_to_id(unknown)
        self._pieces: dict[str, list[int]] = {}  # of given words
        self._texts: dict[str, Any] = {}  # those that were prepared last

    def __getattr__(self, name: str) -> Any:
        raise NotLightError(f"{name!r} of a tokenizer needs transformers")

    def prepare(self, texts: Iterable[str | Sequence[str]]) -> None:
        """Encode texts together, which is quicker; strings replace those prepared before."""
        strings = {text: None for text in texts if isinstance(text, str)}
        encoded = self.backend.encode_batch(list(strings), add_special_tokens=False)
        self._texts = dict(zip(strings, encoded, strict=True))
        self._learn(word for text in texts if not isinstance(text, str) for word in text)

    def ids_of(self, text: str | Sequence[str]) -> Sequence[int]:
        """The tokens of a text without special ones; a deleted word is one unknown token."""
        if isinstance(text, str):
            ids: Sequence[int] = self(text, add_special_tokens=False)["input_ids"]
            return ids
        return [token for piece in self.pieces_of(text) for token in piece]

    def pieces_of(self, words: Sequence[str]) -> list[list[int]]:
        """The tokens of each given word, as `windows.pieces_of` has them."""
        unknown = [-1 if self.unk_token_id is None else self.unk_token_id]
        return [piece or unknown for piece in self._known(words)]

    def __call__(
        self,
        text: str | Sequence[str],
        pair: str | None = None,
        *,
        is_split_into_words: bool = False,
        add_special_tokens: bool = True,
        return_offsets_mapping: bool = False,
        verbose: bool = True,
        **others: Any,
    ) -> LightEncoding:
        """Encode a text, a pair of texts, or given words."""
        for name in others:
            raise NotLightError(f"the argument {name!r} of a tokenizer needs transformers")
        if is_split_into_words and not add_special_tokens:
            return self._of_words(text)
        encoding = self._texts.get(text) if isinstance(text, str) else None
        if encoding is None or pair is not None or add_special_tokens:
            encoding = self.backend.encode(
                text if isinstance(text, str) else list(text),
                pair,
                is_pretokenized=is_split_into_words,
                add_special_tokens=add_special_tokens,
            )
        return LightEncoding(encoding.ids, encoding.word_ids, encoding)

    def _of_words(self, words: Sequence[str]) -> LightEncoding:
        ids: list[int] = []
        numbers: list[int] = []
        for number, pieces in enumerate(self._known(words)):
            ids += pieces
            numbers += [number] * len(pieces)
        return LightEncoding(ids, numbers)

    def _known(self, words: Sequence[str]) -> list[list[int]]:
        """The tokens of each word."""
        try:
            return [self._pieces[word] for word in words]
        except KeyError:
            self._learn(words)
        return [self._pieces[word] for word in words]

    def _learn(self, words: Iterable[str]) -> None:
        new = list(dict.fromkeys(words).keys() - self._pieces.keys())
        if not new:
            return
        groups = [new[start : start + TOGETHER] for start in range(0, len(new), TOGETHER)]
        encoded = self.backend.encode_batch(groups, is_pretokenized=True, add_special_tokens=False)
        for group, encoding in zip(groups, encoded, strict=True):
            pieces: list[list[int]] = [[] for _ in group]
            for token, number in zip(encoding.ids, encoding.word_ids, strict=True):
                assert number is not None, "a special token among words"
                pieces[number].append(token)
            self._pieces.update(zip(group, pieces, strict=True))


def light_reading(place: Place) -> LightReading:
    """How a checkpoint reads; NotLightError where it has no `tokenizer.json`."""
    if Path(place.name).is_dir():
        check_folder(Path(place.name), is_checkpoint=False)
    path = file_of(place, "tokenizer.json")
    if path is None:
        raise NotLightError(f"{place.name} has no tokenizer.json")
    with panics(path):
        backend = Tokenizer.from_file(str(path))
    check_tokenizer(backend, path)
    for part in byte_levels(backend.pre_tokenizer):
        part.add_prefix_space = True  # see `pretrained_module.load_tokenizer`
        if isinstance(backend.post_processor, processors.RobertaProcessing):
            backend.post_processor.add_prefix_space = True  # where offsets begin
    state = json.loads(path.read_text(encoding="utf-8"))
    config = _json_of(place, "config.json")
    tokenizer = LightTokenizer(backend, _unknown(place, state["model"], backend))
    return LightReading(tokenizer, _longest(config), is_learned=False)


def byte_levels(pre_tokenizer: Any) -> list[Any]:
    """The byte-level parts of a pre-tokenizer."""
    is_sequence = isinstance(pre_tokenizer, pre_tokenizers.Sequence)
    parts: list[Any] = list(pre_tokenizer) if is_sequence else [pre_tokenizer]
    return [part for part in parts if isinstance(part, pre_tokenizers.ByteLevel)]


def _longest(config: Mapping[str, Any]) -> int | None:
    """The most tokens with a position, as `pretrained_module.longest_of` reads off the module."""
    longest: int | None = config.get("max_position_embeddings")
    if longest is not None and config.get("model_type") in FROM_PADDING:
        padding = config.get("pad_token_id")
        return longest - (1 if padding is None else int(padding)) - 1
    return longest


def _unknown(place: Place, model: Mapping[str, Any], backend: Tokenizer) -> str | None:
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        token = _json_of(place, name).get("unk_token")
        token = token.get("content") if isinstance(token, dict) else token
        if isinstance(token, str):
            return token
    if isinstance(model.get("unk_id"), int):
        return str(backend.id_to_token(model["unk_id"]))
    usual = (model.get("unk_token"), "<unk>", "[UNK]")  # the classes' own names for it
    return next((str(each) for each in usual if each and backend.token_to_id(each)), None)


def _json_of(place: Place, name: str) -> dict[str, Any]:
    path = file_of(place, name)
    content: dict[str, Any] = {} if path is None else json.loads(path.read_text(encoding="utf-8"))
    return content
