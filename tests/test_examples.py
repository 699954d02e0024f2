import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit import Tagged, ToolkitError
from toolkit.examples import Question, Text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("EU rejects German call.", "EU rejects German call ."),
        ("The U.N. said so.", "The U.N. said so ."),
        ("O'Neill of AT&T paid 12,000.50 at 10:30!", "O'Neill of AT&T paid 12,000.50 at 10:30 !"),
        ("Leeds's keeper, it's said, won't go", "Leeds 's keeper , it 's said , won't go"),
        ("(the 3rd) well-known e-mail a@b.org", "( the 3rd ) well-known e-mail a@b.org"),
        ("Zürich\u200b東京 😀!", "Zürich \u200b 東京 😀 !"),
    ],
)
def test_text_becomes_words_as_treebanks_have_them(text, words):
    assert Tagged.of(text).words == tuple(words.split(" "))


@given(st.text())
def test_no_visible_character_is_lost(text):
    assert "".join(Tagged.of(text).words) == "".join(text.split())


def test_words_stay_as_they_are_given():
    assert Tagged.of(["it's", "one word"]).words == ("it's", "one word")
    given = Tagged(("a",), ("O",))
    assert Tagged.of(given) is given
    assert given.without_gold() == Tagged(("a",))


def test_a_question_without_a_context_is_refused():
    with pytest.raises(ToolkitError, match="expected a question and its context"):
        Question.of("who?")
    assert Question.of(("who?", "Ada")) == Question("who?", "Ada")


@pytest.mark.parametrize("given", [("one",), ("a", "b", "c"), (), ("a", None), 7])
def test_what_is_no_pair_of_texts_is_refused(given):
    for kind in (Text, Question):
        with pytest.raises(ToolkitError, match="expected a"):
            kind.of(given)
    assert Text.of(["a", "b"]) == Text("a", "b")
