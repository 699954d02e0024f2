from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.checkpoints import FAMILIES, TEXT, make_tokenizer
from toolkit.encoders.word_tokenizer import learn_tokenizer
from toolkit.tasks.question_windows import question_windows, tokens_of
from toolkit.windows import pair_frame_of

KINDS = ("bert", "distilbert", "roberta", "xlm-roberta", "lstm")  # of tokenizers
CONTEXT = " ".join(TEXT)


@cache
def tokenizer_of(kind):
    return learn_tokenizer(TEXT) if kind == "lstm" else make_tokenizer(kind)


# visible characters to begin and end a word with, and others that may stand inside of it
EDGE = "abzAZ019éÜßİŁñжЖאبक日本語한ｱ🙂🇫€½ﬁ²“(-.$%#'"
INSIDE = EDGE + "\u0301\u200b\u200d\ufe0f\u00ad\u0323"
WORDS = st.builds(
    lambda first, middle, last: first + middle + last,
    st.sampled_from(EDGE),
    st.text(INSIDE, max_size=5),
    st.sampled_from([*EDGE, "é", "ä̈"]),
)
SPACES = st.sampled_from([" ", "  ", "\n", "\t", "\u00a0", " \r\n "])


@st.composite
def contexts(draw):
    """A context, and where its words are."""
    context, places = draw(st.sampled_from(["", " ", "\n"])), []
    for word in draw(st.lists(WORDS, min_size=1, max_size=25)):
        places.append((len(context), len(context) + len(word)))
        context += word + draw(SPACES)
    return context, places


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=100, deadline=None)
@given(drawn=contexts(), data=st.data())
def test_tokens_are_exactly_the_characters_of_words(kind, drawn, data):
    context, places = drawn
    first = data.draw(st.integers(0, len(places) - 1))
    last = data.draw(st.integers(first, len(places) - 1))
    start, end = places[first][0], places[last][1]
    tokens = tokens_of(tokenizer_of(kind), context)
    begin, finish = tokens.holding(start, end)
    found = context[tokens.starts[begin] : tokens.ends[finish]]
    assert found == context[start:end]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("max_length", "overlap"), [(24, 6), (40, 30), (64, 0), (600, 100)])
def test_windows_are_those_of_the_tokenizer_itself(family, max_length, overlap):
    tokenizer = tokenizer_of(family)
    question = "Who?"
    asked = len(tokenizer(question, add_special_tokens=False)["input_ids"])
    room = max_length - pair_frame_of(tokenizer).size - asked
    expected = tokenizer(
        question,
        CONTEXT,
        truncation="only_second",
        max_length=max_length,
        stride=overlap * room // max_length,
        return_overflowing_tokens=True,
    )
    windows = question_windows(tokenizer, question, CONTEXT, max_length, overlap)
    for name in tokenizer.model_input_names:
        if name != "attention_mask":
            assert [list(window.inputs[name]) for window in windows] == expected[name]
    assert not any(window.where.is_question_cut for window in windows)


@pytest.mark.parametrize("kind", [*FAMILIES, "lstm"])
@pytest.mark.parametrize("question", ["", "Who?", "Who lives in London? " * 300])
@pytest.mark.parametrize("max_length", [8, 24, 512])
def test_windows_fit_and_hold_the_whole_context(kind, question, max_length):
    tokenizer = tokenizer_of(kind)
    windows = question_windows(tokenizer, question, CONTEXT, max_length, max_length // 4)
    asked = len(tokenizer(question, add_special_tokens=False, verbose=False)["input_ids"])
    ids = windows[0].where.tokens.ids
    held = set()
    for window in windows:
        assert window.length <= max_length
        _, start, end, place, is_cut = window.where
        assert list(window.inputs["input_ids"][place : place + end - start]) == ids[start:end]
        assert is_cut == (asked > (max_length - pair_frame_of(tokenizer).size) // 2)
        held.update(range(start, end))
    assert held == set(range(len(ids)))


def test_an_empty_context_is_a_window_of_the_question():
    (window,) = question_windows(tokenizer_of("bert"), "Who?", " \u200b ", 24, 6)
    tokens, start, end, _, _ = window.where
    assert (tokens.ids, start, end) == ([], 0, 0)
    assert tokens.holding(0, 3) is None


def test_a_mark_that_the_tokenizer_drops_stays_with_its_letter():
    context = "un cafe\u0301 noir"
    for kind in KINDS:
        tokens = tokens_of(tokenizer_of(kind), context)
        first, last = tokens.holding(3, 8)
        assert context[tokens.starts[first] : tokens.ends[last]] == "cafe\u0301"


def test_white_space_is_no_part_of_an_answer():
    context = "in  London\u00a0 now"
    for kind in KINDS:
        tokens = tokens_of(tokenizer_of(kind), context)
        first, last = tokens.holding(2, 12)  # of an annotator who marked the spaces too
        assert context[tokens.starts[first] : tokens.ends[last]] == "London"


def test_the_questions_about_a_context_share_its_tokens():
    one, other = (
        question_windows(tokenizer_of("bert"), question, CONTEXT, 32, 8) for question in "ab"
    )
    assert one[0].where.tokens is other[-1].where.tokens
