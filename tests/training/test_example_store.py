"""Examples that are set aside come back as they were, any number of times."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.examples import Answer, Document, Question, Tagged, Text
from toolkit.training import example_store
from toolkit.training.example_store import ExampleStore

WORD = st.text(st.characters(codec="utf-8"))
WORDS = st.lists(WORD).map(tuple)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
ANSWERS = st.none() | st.lists(st.builds(Answer, WORD, st.integers(0, 99))).map(tuple)
EXAMPLES = {
    Tagged: st.builds(Tagged, WORDS, st.none() | WORDS, WORD, st.none() | WORD, WORD),
    Text: st.builds(Text, WORD, st.none() | WORD, st.none() | WORD | WORDS | FLOATS, WORD),
    Question: st.builds(Question, WORD, WORD, ANSWERS, WORD, WORD),
    Document: st.builds(Document, WORD, WORD),
}


@pytest.mark.parametrize("made", EXAMPLES)
@settings(max_examples=40)
@given(st.data())
def test_examples_come_back_as_they_were(made, data):
    examples = data.draw(st.lists(EXAMPLES[made], max_size=7))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(example_store, "_TOGETHER", 3)
        patch.setattr(example_store, "_IN_MEMORY", 100)
        store = ExampleStore(made, None)
        for example in examples:
            store.add(example)
    for _ in range(2):
        found = [*store]
        assert [repr(example) for example in found] == [repr(example) for example in examples]


def test_two_may_walk_at_once(tmp_path):
    store = ExampleStore(Document, tmp_path)
    for number in range(1200):
        store.add(Document(str(number)))
    assert all(one == other for one, other in zip(store, store, strict=True))
    assert [*tmp_path.iterdir()] == []  # nothing has a name
