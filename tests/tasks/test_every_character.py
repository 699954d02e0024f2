"""Every word of every script gets one prediction, its own: no tokenizer can move a label.

The scorer here knows nothing of `where`: it finds the word of each token from what the tokenizer
makes of each word alone, so a label that slipped to a neighbour is seen.
"""

import random
from functools import cache

import numpy as np
import pytest
from transformers import BertTokenizer, GPT2Tokenizer

from tests.checkpoints import TEXT, make_tokenizer
from toolkit.encoders.checkpoint import locate
from toolkit.encoders.pretrained_module import load_tokenizer
from toolkit.encoders.word_tokenizer import learn_tokenizer
from toolkit.errors import ToolkitError
from toolkit.examples import Tagged
from toolkit.tasks.question_windows import question_windows
from toolkit.tasks.token_classification import TokenClassification
from toolkit.windows import frame_of, pair_windows, text_windows

SCALARS = [number for number in range(0x110000) if not 0xD800 <= number < 0xE000]
WORDS = 64  # of an example
LABELS = tuple(f"word-{number}" for number in range(WORDS))
TASK = TokenClassification(labels=LABELS)
WORD_TOKENIZERS = {
    f"words-{case}": {"texts": [line.split() for line in TEXT], "case": case}
    for case in ("mark", "lower", "keep")
} | {"words-of-strings": {"texts": TEXT, "case": "mark", "zero_digits": True}}


@cache
def tokenizer_of(kind, folder):
    """A tokenizer as a run has it: those of checkpoints saved and loaded."""
    if kind in WORD_TOKENIZERS:
        return learn_tokenizer(**WORD_TOKENIZERS[kind])
    family = {"wordpiece": "bert", "wordpiece-uncased": "electra", "byte-level": "roberta",
              "byte-level-alone": "modernbert", "unigram": "xlm-roberta",
              "unigram-nfkc": "xlm-roberta", "unigram-lower": "albert"}[kind]  # fmt: skip
    tokenizer = make_tokenizer(family)
    if kind == "unigram-nfkc":  # what the compiled rules of XLM-R do
        from tokenizers import Regex, normalizers

        tokenizer.backend_tokenizer.normalizer = normalizers.Sequence(
            [normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]
        )
    (folder / kind).mkdir()
    (folder / kind / "config.json").write_text("{}")
    tokenizer.save_pretrained(folder / kind)
    return load_tokenizer(locate(str(folder / kind)))


def alone(tokenizer, words):
    """The tokens of each word by itself; the unknown token where there are none."""
    encodings = tokenizer.backend_tokenizer.encode_batch(
        [[word] for word in words], is_pretokenized=True, add_special_tokens=False
    )
    return [encoding.ids or [tokenizer.unk_token_id] for encoding in encodings]


def scores_of(tokenizer, windows, pieces):
    """Scores that name the word of each token, found in the stream of the words' own tokens."""
    stream = [token for piece in pieces for token in piece]
    word_of = [word for word, piece in enumerate(pieces) for _ in piece]
    first = np.cumsum([0, *map(len, pieces)])
    frame = frame_of(tokenizer)
    tables = []
    for window in windows:
        ids = window.inputs["input_ids"]
        inside = ids[len(frame.before) : len(ids) - len(frame.after)]
        word, place = window.where[0]
        begin = first[word] - (place - len(frame.before))  # the window's place in the stream
        assert stream[begin : begin + len(inside)] == inside
        table = np.zeros((len(ids) + 2, len(pieces)), dtype=np.float32)  # with padding
        words = np.array(word_of[begin : begin + len(inside)])
        is_first = first[words] == np.arange(begin, begin + len(inside))
        table[len(frame.before) : len(ids) - len(frame.after)][is_first, words[is_first]] = 1
        tables.append(table)
    return tables


def misaligned(tokenizer, words, pieces, max_length, overlap):
    """How many words are answered by another word's first token, or by none."""
    assert len(pieces) == len(words) <= WORDS
    task = TASK.model_copy(update={"labels": LABELS[: len(words)]})
    example = Tagged(tuple(words), task.labels)
    windows = task.windows(example, tokenizer, max_length, overlap)
    assert max(window.length for window in windows) <= max_length
    predicted = task.decode(example, windows, scores_of(tokenizer, windows, pieces)).tags
    assert len(predicted) == len(words)
    return sum(tag != gold for tag, gold in zip(predicted, task.labels, strict=True))


def assert_aligned(tokenizer, characters, max_length=512, overlap=64):
    """Each character, a word by itself, gets its own prediction."""
    for begin in range(0, len(characters), WORDS):
        words = [chr(number) for number in characters[begin : begin + WORDS]]
        pieces = alone(tokenizer, words)
        assert misaligned(tokenizer, words, pieces, max_length, overlap) == 0, hex(ord(words[0]))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("tokenizers")


def test_there_are_as_many_characters_as_unicode_has():
    assert len(SCALARS) == 1_112_064


def test_a_label_that_slips_to_the_next_word_is_seen(folder, monkeypatch):
    tokenizer, words = tokenizer_of("wordpiece", folder), ["EU", "\u200b", "call"]
    pieces = alone(tokenizer, words)
    assert misaligned(tokenizer, words, pieces, 32, 8) == 0
    find = TokenClassification.windows

    def slipped(*arguments):
        (window,) = find(*arguments)
        (first, second), third = window.where[:2], window.where[2]
        return [window._replace(where=(first, (second[0], third[1]), (third[0], second[1])))]

    monkeypatch.setattr(TokenClassification, "windows", slipped)
    assert misaligned(tokenizer, words, pieces, 32, 8) == 2


@pytest.mark.parametrize("kind", ["wordpiece", "words-mark"])
@pytest.mark.parametrize("word", ["\ud800", "a\udfffb", "\udce9t\udce9"])
def test_half_of_a_surrogate_pair_is_no_character_and_is_refused(kind, word, folder):
    tokenizer = tokenizer_of(kind, folder)
    for call in (
        lambda: TASK.windows(Tagged(("call", word)), tokenizer, 32, 8),
        lambda: text_windows(tokenizer, f"call {word}", 32, 8),
        lambda: pair_windows(tokenizer, "call", word, 32, 8),
        lambda: question_windows(tokenizer, word, "call", 32, 8),
        lambda: question_windows(tokenizer, "call", word, 32, 8),
    ):
        with pytest.raises(ToolkitError) as caught:
            call()
        assert str(caught.value).isprintable()
        assert "half of a surrogate pair" in str(caught.value)


MAIN = ("wordpiece", "byte-level", "unigram-nfkc", "words-mark")
KINDS = (
    *MAIN, "wordpiece-uncased", "byte-level-alone", "unigram", "unigram-lower", "words-lower",
    "words-keep", "words-of-strings",
)  # fmt: skip
STEP = 19  # a prime: over the kinds, other characters each time, of every block


@pytest.mark.parametrize("kind", KINDS)
def test_characters_of_every_block_are_words_with_one_prediction_each(kind, folder):
    assert_aligned(tokenizer_of(kind, folder), SCALARS[KINDS.index(kind) :: STEP])


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_every_character_of_unicode_is_a_word_with_one_prediction(kind, folder):
    assert_aligned(tokenizer_of(kind, folder), SCALARS)


# what tokenizers drop, join, split, or take for their own signs
TRICKY = (
    "", " ", "\u200b", "\ufeff", "\u00ad", "\ufe0f", "\x00", "\x7f", "\x96", "\u0301", "e\u0301",
    "\u1100\u1161", "\ufdfa", "👨‍👩‍👧", "New York", "a\tb", "\u3000", "▁", "Ġ", "##s", "[SEP]",
    "[UNK]", "</s>", "<pad>", "⇧", "⇧A", "İ", "ß", "x" * 300, "中文", "🇩🇪",
)  # fmt: skip
RANGES = (128, 0x3000, len(SCALARS))  # some scripts, many, all


def any_words(draw):
    """Words of random characters, tricky ones among them."""
    sizes = (draw.choice((0, 1, 1, 2, 3, 5, 9)) for _ in range(draw.randint(1, 12)))
    return [
        draw.choice(TRICKY)
        if draw.random() < 0.3
        else "".join(chr(SCALARS[draw.randrange(draw.choice(RANGES))]) for _ in range(n))
        for n in sizes
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_random_lists_of_words_are_aligned_in_windows_of_any_size(kind, folder):
    tokenizer, draw = tokenizer_of(kind, folder), random.Random(kind)
    for _ in range(2000 if kind in MAIN else 200):
        words = any_words(draw)
        max_length = draw.choice((5, 8, 16, 40))
        room = max_length - frame_of(tokenizer).size
        pieces = [piece[:room] for piece in alone(tokenizer, words)]
        assert misaligned(tokenizer, words, pieces, max_length, draw.randrange(8)) == 0, words


@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.parametrize("vocabulary", ["bert-base-cased", "bert-base-uncased", "gpt2"])
def test_every_character_is_a_word_for_published_vocabularies(vocabulary, data_folder, folder):
    place = data_folder / "vocabs" / vocabulary
    if vocabulary == "gpt2":
        files = {"vocab": str(place / "vocab.json"), "merges": str(place / "merges.txt")}
        tokenizer = GPT2Tokenizer(**files, add_prefix_space=True)
    else:
        is_lower = vocabulary.endswith("uncased")
        tokenizer = BertTokenizer(vocab=str(place / "vocab.txt"), do_lower_case=is_lower)
    assert_aligned(tokenizer, SCALARS)
