"""A word vocabulary learned from texts, as a tokenizer that behaves like BERT's.

The result is a plain `tokenizer.json` (a WordLevel model), so that word ids, offsets, special
tokens, padding and `from_pretrained` work as with every other tokenizer, and without this file.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

Text = str | Sequence[str]  # a string, or words that must not be split at punctuation
Case = Literal["mark", "lower", "keep"]

SPECIAL = {  # in the order of their ids
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}
# Stands before a word that began with a capital letter: both spellings share one entry, and an
# unknown word keeps its capital. The `xxmaj` of fastai (J. Howard and S. Gugger, "Fastai: A
# Layered API for Deep Learning", Information 11(2), 2020).
CAPITAL = "⇧"
CAPITAL_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"  # and those of the texts
# Stands before a letter inside a word that is spelled, and the letter that is read in the place of
# those that no known word has. It counts as a letter, since strings are split at signs.
INSIDE = "‿"
OTHER_LETTER = "ʘ"
NO_LIMIT = 2**62
# In these scripts no space stands between words: in a string, each character is one.
SPACELESS = r"[\p{Han}\p{Hiragana}\p{Katakana}]"
WORD_OR_SIGN = r"\w+|[^\w\s]"


def learn_tokenizer(texts: Iterable[Text], **settings: Any) -> "PreTrainedTokenizerFast":
    """The tokenizer of `learn_backend`, which says what the settings are, for an encoder."""
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(
        tokenizer_object=learn_backend(texts, **settings),
        model_input_names=["input_ids", "attention_mask"],
        **SPECIAL,
    )


def learn_backend(
    texts: Iterable[Text],
    *,
    max_words: int | None = None,
    min_count: int = 1,
    case: Case = "mark",
    zero_digits: bool = False,
    more_words: Iterable[str] = (),
    spell: bool = False,
) -> Tokenizer:
    """A tokenizer, not yet wrapped, that knows the words of the texts.

    The most frequent come first, equals by their spelling.

    Words of fewer than `min_count` occurrences are left out, unless they are among `more_words`,
    which follow the others in their own order (the words of a file of vectors, say). `max_words`
    bounds both together.

    Where a text is a string, all input is split at punctuation; where all texts are words, at
    white space only, so that `U.N.` stays whole. The pieces of a given word always have its word
    id; in a string, the sign for a capital counts as a word. Texts that can be walked over twice
    are not kept.

    With `spell`, a word that is not known is a token a letter instead of one that is unknown. The
    letters are those of the known words, and those that occur `min_count` times.
    """
    texts = list(texts) if isinstance(texts, Iterator) else texts
    letters: set[str] = set()
    has_strings = False
    for text in texts:
        has_strings = has_strings or isinstance(text, str)
        letters.update(*([text] if isinstance(text, str) else text))
    backend = Tokenizer(models.WordLevel())
    backend.normalizer = _normalizer(letters, has_strings, case, zero_digits)
    backend.pre_tokenizer = _splitter(has_strings, case)
    limit = NO_LIMIT if max_words is None else max_words
    count = _counted_in_strings if has_strings else _counted
    words = count(backend, texts, min_count)[:limit]
    words = _extended(backend, words, more_words, limit)
    if not spell:
        return _finished(backend, _whole(words, case))
    frequent = _frequent_letters(backend, texts, min_count)
    return _finished(backend, _spelling(backend, words, frequent, case, has_strings))


def whole_piece(backend: Any, word: str) -> str | None:
    """The entry of the vocabulary that a word becomes; None where it is split into several."""
    normal = backend.normalizer.normalize_str(word)
    pieces = [piece for piece, _ in backend.pre_tokenizer.pre_tokenize_str(normal)]
    pieces = [piece for piece in pieces if piece != CAPITAL]
    return pieces[0] if len(pieces) == 1 else None


def signs_of(case: Case) -> list[str]:
    """The first entries of a vocabulary, those that are no words."""
    return [*SPECIAL.values(), CAPITAL] if case == "mark" else [*SPECIAL.values()]


def is_sign(entry: str) -> bool:
    """Whether an entry of the vocabulary stands for something else than a word."""
    return entry == CAPITAL or entry in SPECIAL.values()


def _normalizer(letters: Iterable[str], has_strings: bool, case: Case, zero_digits: bool) -> Any:
    """The spelling under which a word is looked up. Offsets still point into the given text."""
    steps: list[Any] = [normalizers.NFC()]
    if case == "mark":
        # One rule a letter: a rule cannot hand on what it matched, and one that matches an empty
        # place makes tokenizers 0.23 panic.
        begins = r"(?<!\w)" if has_strings else r"(?<!\S)"
        capitals = {*CAPITAL_LETTERS, *(letter for letter in letters if letter != letter.lower())}
        steps += [
            normalizers.Replace(Regex(begins + letter), CAPITAL + letter.lower())
            for letter in sorted(capitals)
        ]
    if case != "keep":
        steps.append(normalizers.Lowercase())
    if zero_digits:  # G. Lample et al., "Neural Architectures for Named Entity Recognition", 2016
        steps.append(normalizers.Replace(Regex(r"\d"), "0"))
    return normalizers.Sequence(steps)


def _splitter(has_strings: bool, case: Case) -> Any:
    """What cuts a string, or a given word, into entries of the vocabulary."""
    steps: list[Any]
    if has_strings:
        steps = [
            pre_tokenizers.Split(Regex(SPACELESS), "isolated"),
            pre_tokenizers.Split(Regex(WORD_OR_SIGN), "removed", invert=True),  # keeps matches
        ]
    else:
        steps = [pre_tokenizers.WhitespaceSplit()]
        if case == "mark":
            steps.append(pre_tokenizers.Split(CAPITAL, "isolated"))
    return pre_tokenizers.Sequence(steps)


def _counted(backend: Tokenizer, texts: Iterable[Sequence[str]], min_count: int) -> list[str]:
    """The words of the texts in the order of the vocabulary: each word is looked at once."""
    given = Counter(word for text in texts for word in text)
    counts: Counter[str] = Counter()
    for word, number in given.items():
        normal = backend.normalizer.normalize_str(word)
        for piece, _ in backend.pre_tokenizer.pre_tokenize_str(normal):
            counts[piece] += number
    known = (word for word, number in counts.items() if number >= min_count and not is_sign(word))
    return sorted(known, key=lambda word: (-counts[word], word))


def _counted_in_strings(backend: Tokenizer, texts: Iterable[Text], min_count: int) -> list[str]:
    """As `_counted`; how a string is cut depends on all of it."""
    trainer = trainers.WordLevelTrainer(
        vocab_size=NO_LIMIT, min_frequency=min_count, show_progress=False, special_tokens=[]
    )
    lists = ([text] if isinstance(text, str) else list(text) for text in texts)
    backend.train_from_iterator(lists, trainer)
    vocabulary = backend.get_vocab(with_added_tokens=False)
    return [word for word in sorted(vocabulary, key=vocabulary.__getitem__) if not is_sign(word)]


def _extended(
    backend: Tokenizer, words: Iterable[str], more_words: Iterable[str], limit: int
) -> list[str]:
    """The words, and as many others as there is room for."""
    known = dict.fromkeys(words)  # a set that keeps its order
    for word in more_words:
        if len(known) >= limit:
            break
        piece = whole_piece(backend, word)
        if piece is not None and not is_sign(piece):
            known.setdefault(piece)
    return list(known)


def _whole(words: Iterable[str], case: Case) -> Any:
    """Words as they are, others unknown."""
    numbers = {entry: number for number, entry in enumerate([*signs_of(case), *words])}
    return models.WordLevel(numbers, unk_token=SPECIAL["unk_token"])


def _frequent_letters(backend: Tokenizer, texts: Iterable[Text], min_count: int) -> list[str]:
    given = Counter(chain.from_iterable(chain.from_iterable(texts)))  # of a string and of words
    counts: Counter[str] = Counter()
    for letter, number in given.items():
        counts.update(dict.fromkeys(backend.normalizer.normalize_str(letter), number))
    return [letter for letter, number in counts.items() if number >= min_count]


def _spelling(
    backend: Tokenizer, words: Iterable[str], frequent: Iterable[str], case: Case, has_strings: bool
) -> Any:
    """Words as they are, others a token a letter; the backend's normalizer learns the letters.

    The sign for a letter inside a word is no letter, so that no word looks like such an entry.
    """
    known = [word for word in words if INSIDE not in word]
    signs = {INSIDE, CAPITAL} if case == "mark" else {INSIDE}
    others = {letter for letter in frequent if not letter.isspace()}
    letters = sorted({OTHER_LETTER, *others, *chain.from_iterable(known)} - signs)
    entries = [*signs_of(case), *known, *(INSIDE + letter for letter in letters)]
    numbers = {entry: number for number, entry in enumerate(dict.fromkeys([*entries, *letters]))}
    given = [*letters, CAPITAL] if case == "mark" else letters  # what stays as it is
    class_of = "".join(rf"\x{{{ord(letter):x}}}" for letter in given)
    # signs are a word each in strings, so an unknown one needs no letter; among words, it does
    pattern = rf"(?![{class_of}])\w" if has_strings else rf"[^\s{class_of}]"
    other = normalizers.Replace(Regex(pattern), OTHER_LETTER)
    backend.normalizer = normalizers.Sequence([backend.normalizer, other])
    return models.BPE(
        vocab=numbers,
        merges=[],  # so that what is not whole falls to letters
        ignore_merges=True,  # look for the whole word first
        unk_token=SPECIAL["unk_token"],
        continuing_subword_prefix=INSIDE,
    )


def _finished(backend: Tokenizer, model: Any) -> Tokenizer:
    backend.model = model
    cls, sep = SPECIAL["cls_token"], SPECIAL["sep_token"]
    backend.post_processor = processors.TemplateProcessing(
        single=f"{cls} $A {sep}",
        pair=f"{cls} $A {sep} $B {sep}",
        special_tokens=[(each, backend.token_to_id(each)) for each in (cls, sep)],
    )
    return backend
