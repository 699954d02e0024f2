"""Changed copies of texts."""

import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from toolkit.recipe.distill import Distill
from toolkit.tasks.augmentation import LONGEST, changed, changed_parts

WORDS = [f"w{number}" for number in range(20)]
TEXT = " ".join(WORDS)
TEXTS = st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join)


def settings(mask=0.1, ngram=0.25):
    return Distill(teacher="x", augment=1, mask=mask, ngram=ngram)


@given(TEXTS, st.integers(0, 999), st.floats(0, 1), st.floats(0, 1))
def test_the_sign_for_a_hidden_word_is_all_that_teacher_and_student_read_differently(
    text, seed, mask, ngram
):
    ours, theirs = (
        changed(text, settings(mask, ngram), sign, random.Random(seed)) for sign in ("<a>", "<b>")
    )
    assert ours.replace("<a>", "<b>") == theirs


@given(TEXTS, st.integers(0, 999))
def test_without_a_chance_to_change_nothing_changes(text, seed):
    assert changed(text, settings(0.0, 0.0), "?", random.Random(seed)) == text


@given(st.integers(0, 999))
def test_an_n_gram_is_one_to_five_words_in_a_row(seed):
    words = changed(TEXT, settings(0.0, 1.0), "?", random.Random(seed)).split()
    assert 1 <= len(words) <= LONGEST
    assert " ".join(words) in TEXT


def test_every_n_gram_can_come_and_words_are_hidden_as_often_as_is_said():
    generator = random.Random(0)
    found = Counter(changed(TEXT, settings(0.0, 1.0), "?", generator) for _ in range(4000))
    every = [WORDS[start : start + n] for n in range(1, 6) for start in range(20 - n + 1)]
    assert {*found} == {" ".join(words) for words in every}
    hidden = sum(changed(TEXT, settings(0.3, 0.0), "?", generator).count("?") for _ in range(1000))
    assert abs(hidden / 20_000 - 0.3) < 0.02


def test_of_a_pair_the_first_the_second_and_both_texts_change_in_turn():
    parts = [TEXT, TEXT]
    for copy, expected in enumerate([(True, False), (False, True), (True, True)] * 2):
        found = changed_parts(parts, copy, settings(1.0, 0.0), "?", random.Random(1))
        assert tuple("?" in part for part in found) == expected
    for copy in range(3):
        assert "?" in changed_parts([TEXT], copy, settings(1.0, 0.0), "?", random.Random(1))[0]
