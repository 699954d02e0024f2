"""The shapes of words."""

import pytest

from toolkit.baselines.tagging import shape_of


@pytest.mark.parametrize(
    ("word", "short", "long"),
    [
        ("Turin", "Xx", "Xxxxx"),
        ("covid-19", "x-d", "xxxxx-dd"),
        ("NATO", "X", "XXXX"),
        ("@user_1", "@x_d", "@xxxx_d"),
        ("日本語", "c", "ccc"),
        ("Ǆ", "X", "X"),
        ("...", ".", "..."),
        ("🙂🙂", "🙂", "🙂🙂"),
        ("\n\n", "\n", "\n\n"),
        ("", "", ""),
    ],
)
def test_the_shape_of_a_word(word, short, long):
    assert shape_of(word) == short
    assert shape_of(word, is_short=False) == long
