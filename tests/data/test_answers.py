"""Answers are found where another way of counting puts them, and nowhere else."""

import unicodedata
from collections import Counter

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from toolkit.data.answers import REACH, locate
from toolkit.examples import Answer

PIECES = ["a", "b", " ", "\n", "ä", "o\u0308", "é", "e\u0301", "ü", "한", "한", "😀", "👍🏽", "中"]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=20).map("".join)
WORD = "Xyz"


def located(context, text, start):
    counts = Counter()
    return locate(context, text, start, counts), +counts


@given(before=TEXTS, after=TEXTS)
@settings(max_examples=200, deadline=None)
def test_an_answer_that_is_where_it_says_is_taken_as_it_is(before, after):
    context = before + WORD + after
    assert located(context, WORD, len(before)) == (Answer(WORD, len(before)), Counter())


def units(text, encoding, size):
    return len(text.encode(encoding)) // size


@pytest.mark.parametrize(
    ("kind", "count"),
    [
        ("utf16", lambda text: units(text, "utf-16-le", 2)),
        ("bytes", lambda text: units(text, "utf-8", 1)),
        ("returns", lambda text: len(text.replace("\n", "\r\n"))),
    ],
)
@given(before=TEXTS, after=TEXTS)
@settings(max_examples=200, deadline=None)
def test_an_answer_is_found_however_characters_were_counted(kind, count, before, after):
    context = before + WORD + after
    answer, counts = located(context, WORD, count(before))
    assert answer == Answer(WORD, len(before))
    assert bool(counts) == (count(before) != len(before))


@given(before=TEXTS, after=TEXTS)
@settings(max_examples=200, deadline=None)
def test_an_answer_is_found_where_returns_were_not_counted(before, after):
    before, after = (text.replace("\n", "\r\n") for text in (before, after))
    start = len(before.replace("\r\n", "\n"))
    answer, _ = located(before + WORD + after, WORD, start)
    assert answer == Answer(WORD, len(before))


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("counted_in", ["NFC", "NFD", "context"])
@given(before=TEXTS, after=TEXTS)
@settings(max_examples=200, deadline=None)
def test_an_answer_in_another_normal_form_is_the_part_of_the_context(
    form, counted_in, before, after
):
    word = "Zo\u0308\u00e9Z"  # half of it in each form
    context = before + word + after
    start = before if counted_in == "context" else unicodedata.normalize(counted_in, before)
    answer, _ = located(context, unicodedata.normalize(form, word), len(start))
    assert answer == Answer(word, len(before))


@given(before=TEXTS, after=TEXTS, off=st.integers(-REACH, REACH))
@settings(max_examples=200, deadline=None)
def test_an_answer_that_is_some_characters_off_is_found(before, after, off):
    assume(len(before) + off >= 0)
    answer, _ = located(before + WORD + after, WORD, len(before) + off)
    assert answer == Answer(WORD, len(before))


@given(context=TEXTS, text=TEXTS, start=st.integers(-5, 50))
@settings(max_examples=300, deadline=None)
def test_what_is_found_is_what_the_context_says(context, text, start):
    assume(text.strip())
    try:
        answer, counts = located(context, text, start)
    except ValueError:
        assert start < 0 or not context.startswith(text, start)
        return
    assert context[answer.start :].startswith(answer.text)
    assert unicodedata.normalize("NFC", answer.text) == unicodedata.normalize("NFC", text)
    assert counts.total() <= 1


@pytest.mark.parametrize(
    ("context", "text", "start"),
    [
        ("ab cd ab ef gh", "ab", 3),  # as near before as behind
        ("x" * 20 + "ab", "ab", 2),  # too far
        ("ab", "AB", 0),
        ("ab", "ab", 200),
        ("ab", "ab", -20),
        ("", "ab", 0),
    ],
)
def test_what_can_be_meant_in_two_ways_or_none_is_refused(context, text, start):
    with pytest.raises(ValueError, match=f"'{text}' is not at {start}"):
        located(context, text, start)
