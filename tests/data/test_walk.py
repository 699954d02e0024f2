"""Examples that come one after the other are those that are read at once."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from toolkit.data import text as text_module
from toolkit.data.base import Walk
from toolkit.data.conll import Conll
from toolkit.data.split import Rule, Split
from toolkit.data.text import open_text, text_of
from toolkit.errors import DataError

CONTENTS = st.lists(
    st.sampled_from(
        [b"a", b"\n", b"\r", b"\r\n", b"\t", b" ", b"\0", b"\xff", "é".encode(), "\u2028".encode()]
    ),
    min_size=1,
).map(b"".join)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(CONTENTS, st.booleans(), st.integers(1, 5), st.booleans())
def test_a_file_in_blocks_has_the_lines_faults_and_notes_of_the_whole(
    tmp_path, monkeypatch, content, has_mark, block, keep_returns
):
    content = b"\xef\xbb\xbf" * has_mark + content
    path = tmp_path / "file"
    path.write_bytes(content)
    monkeypatch.setattr(text_module, "_BLOCK", block)
    whole = text_of(str(path), content, keep_returns=keep_returns)
    opened = open_text(str(path), keep_returns=keep_returns)
    for _ in range(2):  # each walk begins anew
        assert [*opened.lines] == whole.lines
    assert opened._replace(lines=whole.lines) == whole


LINES = st.sampled_from(
    ["EU B-ORG", "-X- B-PER", "of O", "a I-ORG", "a\tO", "one", "three x O", "# text = a", "#\tO",
     "# sent_id = 2", "# sent_id = doc1-s1", "", "", " ", "-DOCSTART- O", "-DOCSTART- -X- O O"]
)  # fmt: skip


def outcome(read):
    """What reading gives: examples and notes, or faults."""
    try:
        examples, notes = read()
    except DataError as error:
        return error.faults
    return examples, [*notes]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(st.lists(LINES, min_size=1), st.integers(1, 40))
def test_columns_in_blocks_are_read_as_the_whole(tmp_path, monkeypatch, lines, block):
    path = tmp_path / "file.conll"
    path.write_text("\n".join(lines), encoding="utf-8")
    data = Conll(train=str(path))
    whole = outcome(lambda: data.read(str(path)))
    monkeypatch.setattr(text_module, "_BLOCK", block)
    assert outcome(lambda: data.read(str(path))) == whole


def conll(path, sentences):
    path.write_text("\n\n".join(sentences) + "\n", encoding="utf-8")
    return Conll(train=str(path))


def test_an_id_that_another_sentence_was_counted_by_is_a_fault_with_both_places(tmp_path):
    counted, given_later = "a O", "# sent_id = 1\na O"
    data = conll(tmp_path / "file.conll", [counted, given_later])
    with pytest.raises(DataError, match=r":3: sent_id '1' again, as in line 1"):
        data.read(data.train)
    data = conll(tmp_path / "file.conll", ["# sent_id = 2\na O", counted])
    with pytest.raises(DataError, match=r":4: sent_id '2' again, as in line 1"):
        data.read(data.train)
    documents = ["-DOCSTART- O", "a O", "b O", "-DOCSTART- O", "# sent_id = doc1-s2\nc O"]
    data = conll(tmp_path / "file.conll", documents)
    with pytest.raises(DataError, match=r":9: sent_id 'doc1-s2' again, as in line 5"):
        data.read(data.train)


def test_ids_of_sentences_that_have_their_own_are_free_for_others(tmp_path):
    sentences = ["# sent_id = x\na O", "# sent_id = 1\nb O", "# sent_id = 9\nc O"]
    data = conll(tmp_path / "file.conll", sentences)
    assert [example.id for example in data.read(data.train).examples] == ["x", "1", "9"]


def test_a_walk_is_what_the_split_is(tmp_path):
    conll(tmp_path / "file.conll", [f"word{number} O" for number in range(20)])
    data = Conll(train=str(tmp_path / "file.conll"), split=Split(dev=Rule(every=5)))
    for name in ("train", "dev"):
        assert data.walk(name).reading() == data.splits(names=[name])[name]
    assert isinstance(data.walk("train"), Walk)


def test_a_split_that_nothing_is_left_for_is_a_fault(tmp_path):
    data = conll(tmp_path / "file.conll", ["a O"]).model_copy(
        update={"split": Split(dev=Rule(every=2)), "dev": str(tmp_path / "file.conll")}
    )
    with pytest.raises(DataError, match=r"data.dev: no examples in .*file.conll, expected some"):
        list(data.walk("dev"))
