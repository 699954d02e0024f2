"""The vectors of texts, against scikit-learn's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.baselines.ngrams import Vectors, characters_in, count, words_in
from toolkit.examples import Text

TEXTS = ["My card was lost!", "my card, my CARD", "a lost text", "Größe 12.5 €", ""]


def test_words_are_in_lower_case_and_signs_are_words():
    assert list(words_in("My card, lost", (1, 2))) == [
        "my", "card", ",", "lost", "my card", "card ,", ", lost",
    ]  # fmt: skip


def test_characters_stay_within_their_word():
    assert list(characters_in("Ab c", (2, 3))) == [
        " a",
        "ab",
        "b ",
        " ab",
        "ab ",
        " c",
        "c ",
        " c ",
    ]


def test_those_that_few_texts_have_are_left_out_and_the_most_frequent_are_kept():
    assert count("words", TEXTS, (1, 1), 2, 10).ngrams == ["card", "lost", "my"]
    assert count("words", TEXTS, (1, 1), 1, 3).ngrams == ["card", "lost", "my"]
    assert count("words", TEXTS, (1, 1), 1, 4).ngrams == ["!", "card", "lost", "my"]


@settings(deadline=None, max_examples=60)
@given(
    texts=st.lists(st.text("ab c.Ä", max_size=12), min_size=1, max_size=8),
    kind=st.sampled_from(["words", "characters"]),
    longest=st.integers(1, 3),
)
def test_the_rows_are_those_of_scikit_learn(texts, kind, longest):
    from sklearn.feature_extraction.text import TfidfVectorizer

    lengths = (1, longest)
    counts = count(kind, texts, lengths, 1, 1000)
    if not counts.ngrams:
        return
    found = Vectors({kind: (lengths, counts)}, False).of([Text(text) for text in texts])
    reads = {"words": words_in, "characters": characters_in}[kind]
    official = TfidfVectorizer(
        analyzer=lambda text: list(reads(text, lengths)), sublinear_tf=True, lowercase=False
    )
    expected = official.fit_transform(texts)
    assert list(official.get_feature_names_out()) == list(counts.ngrams)
    assert np.allclose(found.toarray(), expected.toarray(), atol=1e-12)


def test_a_pair_has_both_texts_what_they_share_and_what_they_do_not():
    counts = count("words", TEXTS, (1, 1), 2, 10)
    vectors = Vectors({"words": ((1, 1), counts)}, True)
    [row] = vectors.of([Text("my card", "lost card")]).toarray()
    one, other, both, apart, cosine = np.split(row, [3, 6, 9, 12])
    assert one @ one == pytest.approx(1)
    assert np.allclose(both, one * other)
    assert np.allclose(apart, abs(one - other))
    assert cosine == pytest.approx(one @ other)
