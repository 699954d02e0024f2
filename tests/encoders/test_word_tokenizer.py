import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from toolkit.encoders import word_tokenizer
from toolkit.encoders.word_tokenizer import (
    CAPITAL,
    SPECIAL,
    learn_backend,
    learn_tokenizer,
    whole_piece,
)
from toolkit.encoders.word_vectors import word_vectors, words_of
from toolkit.errors import DataError

SENTENCES = [
    ("The", "U.N.", "met", "in", "Berlin", "in", "1994", "."),
    ("the", "people", "of", "Berlin", "met", "in", "the", "street", "."),
]
STRINGS = ["Don't call (Berlin) now!", "call now, call later"]
ODD = (
    "ß", "İstanbul", "E\u0301cole", "\u0301", "👩‍👩‍👧", "x" * 3000, "\u200b", "\ufeff", "ǅ", "ﬁ",
    "ΑΣ", "中文", "Ⓐ", "New York", "A\nB", "⇧", "⇧⇧Berlin", "[SEP]", "\x00", "\U0010ffff",
)  # fmt: skip


def words_in(tokenizer):
    """The vocabulary in the order of its ids."""
    return tokenizer.convert_ids_to_tokens(range(len(tokenizer)))


def pieces(tokenizer, words):
    """The pieces of each given word."""
    encoded = tokenizer(list(words), is_split_into_words=True, add_special_tokens=False)
    found = [[] for _ in words]
    for token, word in zip(encoded.tokens(), encoded.word_ids(), strict=True):
        found[word].append(token)
    return found


def reloaded(tokenizer, folder):
    tokenizer.save_pretrained(folder)
    return AutoTokenizer.from_pretrained(folder)


def test_the_vocabulary_is_signs_then_words_by_count_then_by_spelling():
    tokenizer = learn_tokenizer([("b", "a", "c", "c", "B")], case="mark")
    assert words_in(tokenizer) == [*SPECIAL.values(), CAPITAL, "b", "c", "a"]
    assert tokenizer.pad_token_id == 0
    assert tokenizer.unk_token_id == 1


def test_the_order_of_the_texts_does_not_matter():
    first, second = learn_tokenizer(SENTENCES), learn_tokenizer(reversed(SENTENCES))
    assert first.backend_tokenizer.to_str() == second.backend_tokenizer.to_str()


def test_max_words_keeps_the_most_frequent_and_min_count_leaves_out_the_rare():
    assert words_in(learn_tokenizer(SENTENCES, max_words=2))[6:] == ["in", "the"]
    kept = words_in(learn_tokenizer(SENTENCES, min_count=2))[6:]
    assert kept == ["in", "the", ".", "berlin", "met"]


def test_more_words_follow_behind_those_of_the_texts():
    tokenizer = learn_tokenizer([("a", "b")], more_words=["z", "b", "Y", "two words", "c"])
    assert words_in(tokenizer)[6:] == ["a", "b", "z", "y", "c"]
    tokenizer = learn_tokenizer([("a", "b")], more_words=["z", "b", "Y"], max_words=3)
    assert words_in(tokenizer)[6:] == ["a", "b", "z"]


def test_given_words_are_not_split_at_punctuation():
    tokenizer = learn_tokenizer(SENTENCES, case="lower")
    assert pieces(tokenizer, ["u.n.", "1994", "."]) == [["u.n."], ["1994"], ["."]]


def test_strings_are_split_at_punctuation():
    tokenizer = learn_tokenizer(STRINGS, case="lower")
    tokens = tokenizer.tokenize("Don't call (Berlin) now!")
    assert tokens == ["don", "'", "t", "call", "(", "berlin", ")", "now", "!"]


def test_characters_of_scripts_without_spaces_are_words_of_a_string():
    tokenizer = learn_tokenizer(["我在柏林abc"])
    assert tokenizer.tokenize("我在柏林abc") == ["我", "在", "柏", "林", "abc"]


def test_a_string_among_the_texts_makes_words_split_but_keeps_their_ids():
    tokenizer = learn_tokenizer([*SENTENCES, "U.N. met"])
    assert pieces(tokenizer, ["U.N.", "met"]) == [[CAPITAL, "u", ".", CAPITAL, "n", "."], ["met"]]


def test_a_word_with_a_space_in_it_stays_one_word():
    tokenizer = learn_tokenizer([("New", "York", "New York")])
    found = pieces(tokenizer, ["New York", "york"])
    assert found == [[CAPITAL, "new", CAPITAL, "york"], ["york"]]


def test_the_sign_for_a_capital_is_a_piece_of_its_word_and_unknown_words_keep_it():
    tokenizer = learn_tokenizer(SENTENCES)
    found = pieces(tokenizer, ["Berlin", "berlin", "Zagreb", "zagreb", "U.N."])
    assert found == [
        [CAPITAL, "berlin"],
        ["berlin"],
        [CAPITAL, "[UNK]"],
        ["[UNK]"],
        [CAPITAL, "u.n."],
    ]


def test_only_the_letter_that_begins_a_word_is_marked():
    tokenizer = learn_tokenizer([("iphone", "nato", "o'neill")])
    found = pieces(tokenizer, ["iPhone", "NATO", "o'Neill", "'Nato"])
    assert found == [["iphone"], [CAPITAL, "nato"], ["o'neill"], ["[UNK]"]]


def test_capitals_of_a_string_are_marked_behind_punctuation_too():
    tokenizer = learn_tokenizer(STRINGS)
    tokens = tokenizer.tokenize("(Berlin) call,Call iCall")
    assert tokens == ["(", CAPITAL, "berlin", ")", "call", ",", CAPITAL, "call", "[UNK]"]


def test_capital_letters_of_the_texts_are_known_beside_those_of_english():
    tokenizer = learn_tokenizer([("Österreich", "Эта", "école")])
    found = pieces(tokenizer, ["Österreich", "эта", "O\u0308sterreich", "Zagreb", "École"])
    assert found[:3] == [[CAPITAL, "österreich"], ["эта"], [CAPITAL, "österreich"]]
    assert found[3:] == [[CAPITAL, "[UNK]"], ["école"]]  # É was in no text


def test_case_can_be_dropped_or_kept():
    for case, expected in (("lower", ["berlin"]), ("keep", ["Berlin"])):
        tokenizer = learn_tokenizer(SENTENCES, case=case)
        assert pieces(tokenizer, ["Berlin"]) == [expected]
        assert CAPITAL not in tokenizer.get_vocab()


def test_digits_can_be_read_as_zeros():
    tokenizer = learn_tokenizer(SENTENCES, zero_digits=True)
    assert pieces(tokenizer, ["1994", "2038", "19"]) == [["0000"], ["0000"], ["[UNK]"]]


@pytest.mark.parametrize("case", ["mark", "lower", "keep"])
@pytest.mark.parametrize("texts", [SENTENCES, STRINGS, [ODD], list(ODD), []])
def test_odd_input_neither_fails_nor_leaves_the_text(texts, case):
    tokenizer = learn_tokenizer(texts, case=case, zero_digits=True)
    encoded = tokenizer(list(ODD), is_split_into_words=True, return_offsets_mapping=True)
    for word, (start, end) in zip(encoded.word_ids(), encoded["offset_mapping"], strict=True):
        assert word is None or 0 <= start <= end <= len(ODD[word])
    assert set(encoded.word_ids()) == {None, *range(len(ODD))}
    text = " ".join(ODD)
    for start, end in tokenizer(text, return_offsets_mapping=True)["offset_mapping"]:
        assert 0 <= start <= end <= len(text)


@settings(max_examples=150, deadline=None)
@given(learned=st.lists(st.text(min_size=1), max_size=4), words=st.lists(st.text(), max_size=6))
def test_any_text_can_be_learned_and_read(learned, words):
    for texts in ([learned], learned):
        tokenizer = learn_tokenizer(texts)
        encoded = tokenizer([*words, "a"], is_split_into_words=True, return_offsets_mapping=True)
        for word, (start, end) in zip(encoded.word_ids(), encoded["offset_mapping"], strict=True):
            assert word is None or 0 <= start <= end <= len([*words, "a"][word])
        text = " ".join(words)
        for start, end in tokenizer(text, return_offsets_mapping=True)["offset_mapping"]:
            assert 0 <= start <= end <= len(text)


def test_offsets_point_into_the_text_as_it_was():
    text = "Now E\u0301cole, BERLIN!"
    tokenizer = learn_tokenizer([text])
    encoded = tokenizer(text, return_offsets_mapping=True, add_special_tokens=False)
    found = [text[start:end] for start, end in encoded["offset_mapping"]]
    assert [each for each in found if len(each) > 2] == ["Now", "E\u0301cole", "BERLIN"]


def test_nothing_is_an_empty_text():
    for texts in (SENTENCES, STRINGS):
        tokenizer = learn_tokenizer(texts)
        assert tokenizer("")["input_ids"] == [2, 3]
        assert tokenizer("  ")["input_ids"] == [2, 3]
        assert tokenizer(["", "met"], is_split_into_words=True).word_ids()[1:-1] in ([1], [1, 1])


def test_texts_and_pairs_are_framed_and_padded_as_for_bert():
    tokenizer = learn_tokenizer([("a", "b", "c", "d")])
    encoded = tokenizer(["a b", "c"], ["d", "a b c"], padding=True)
    assert tokenizer.batch_decode(encoded["input_ids"]) == [
        "[CLS] a b [SEP] d [SEP] [PAD]",
        "[CLS] c [SEP] a b c [SEP]",
    ]
    assert encoded["attention_mask"] == [[1, 1, 1, 1, 1, 1, 0], [1] * 7]
    assert encoded.sequence_ids(1) == [None, 0, None, 1, 1, 1, None]
    assert set(encoded) == {"input_ids", "attention_mask"}


@pytest.mark.parametrize("texts", [SENTENCES, STRINGS])
def test_it_survives_saving_as_a_plain_tokenizer(texts, tmp_path):
    tokenizer = learn_tokenizer(texts, zero_digits=True)
    again = reloaded(tokenizer, tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {"tokenizer.json", "tokenizer_config.json"}
    assert words_in(again) == words_in(tokenizer)
    words = ["Berlin", "U.N.", *ODD]
    before, after = (each(words, is_split_into_words=True) for each in (tokenizer, again))
    assert dict(before) == dict(after)
    assert before.word_ids() == after.word_ids()
    assert again("Berlin, met!", "1994").input_ids == tokenizer("Berlin, met!", "1994").input_ids
    model = json.loads((tmp_path / "tokenizer.json").read_text(encoding="utf-8"))["model"]
    assert model["type"] == "WordLevel"


def test_words_that_look_like_special_tokens_do_not_move_them():
    tokenizer = learn_tokenizer([("[PAD]", "[SEP]", "[SEP]", "a")], case="keep")
    assert words_in(tokenizer) == [*SPECIAL.values(), "a"]


def test_a_whole_piece_is_what_a_word_becomes():
    words = learn_tokenizer(SENTENCES, zero_digits=True).backend_tokenizer
    strings = learn_tokenizer(STRINGS).backend_tokenizer
    assert whole_piece(words, "U.N.") == "u.n."
    assert whole_piece(words, "Year 5") is None
    assert whole_piece(words, "A5") == "a0"
    assert whole_piece(strings, "U.N.") is None
    assert whole_piece(strings, "") is None


@pytest.fixture
def vector_file(tmp_path):
    def write(text, name="vectors.txt"):
        file = tmp_path / name
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        return str(file)

    return write


def test_vectors_are_those_of_the_words_and_zero_elsewhere(vector_file):
    tokenizer = learn_tokenizer([("a", "b", "c")])
    table, found = word_vectors(vector_file("b 1 2\nx 5 6\na -3 4e-1\n"), tokenizer, 2)
    ids = tokenizer.get_vocab()
    assert table.shape == (len(tokenizer), 2)
    assert table.dtype == np.float32
    np.testing.assert_allclose(table[[ids["a"], ids["b"], ids["c"]]], [[-3, 0.4], [1, 2], [0, 0]])
    assert found.sum() == 2


def test_a_word_takes_its_own_spelling_before_another(vector_file):
    file = vector_file("Berlin 1\nBERLIN 2\nberlin 3\nPARIS 4\nParis 5\n1994 6\n2000 7\n")
    tokenizer = learn_tokenizer([("Berlin", "Paris", "1066")], zero_digits=True)
    table, _ = word_vectors(file, tokenizer, 1)
    ids = tokenizer.get_vocab()
    assert table[[ids["berlin"], ids["paris"], ids["0000"]], 0].tolist() == [3, 4, 6]


def test_a_kept_capital_takes_the_lower_cased_vector_where_it_has_none(vector_file):
    tokenizer = learn_tokenizer([("Berlin", "Paris", "paris")], case="keep")
    table, _ = word_vectors(vector_file("berlin 1\nparis 2\nParis 3\n"), tokenizer, 1)
    ids = tokenizer.get_vocab()
    assert table[[ids["Berlin"], ids["paris"], ids["Paris"]], 0].tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    "text",
    [
        "3 2\na 1 2\nb 3 4\n",  # the header of word2vec
        "\ufeffa 1 2\nb 3 4",
        "a\t1\t2\r\nb\t3\t4\r\n",
        "a 1 2 \nb 3 4 \n",  # fastText ends its lines so
        ". . . 9 9\na 1 2\nat a@b.c 9 9\nb 3 4\n",
        "x\u2028y\u0085z\rw 9 9\na 1 2\nb 3 4\n",
        b"\xff\xfe 9 9\na 1 2\nb 3 4\n",
        "a 1 2\nb 3 4\na 9 9\n",  # the first of two wins
    ],
)
def test_files_of_vectors_may_look_like_this(text, vector_file):
    tokenizer = learn_tokenizer([("a", "b")])
    table, found = word_vectors(vector_file(text), tokenizer, 2)
    ids = tokenizer.get_vocab()
    np.testing.assert_allclose(table[[ids["a"], ids["b"]]], [[1, 2], [3, 4]])
    assert found.sum() == 2


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a 1 2\nb 3\n", 2, "found 1 numbers, expected a word and 2"),
        ("a 1 2 3\n", 1, "found 3 numbers, expected a word and 2"),
        ("a 1 2\nb 3 4 5\n", 2, "found 3 numbers"),
        ("7 3\na 1 2 3\n", 1, "found 3 numbers, expected a word and 2"),
        ("a 1 2\n\nb 3 4\n", 2, "found 0 numbers"),
        ("a 1 2\n 3 4\n", 2, "found 2 numbers, expected a word and 2"),
        ("a 1 2\nb 3 x\n", 2, "found 'x', expected a number"),
        ("a 1 nan\n", 1, "found 'nan', expected a number"),
    ],
)
def test_a_wrong_line_is_named_with_what_was_found_and_expected(text, line, message, vector_file):
    file = vector_file(text)
    with pytest.raises(DataError) as caught:
        word_vectors(file, learn_tokenizer([("a", "b")]), 2)
    assert str(caught.value).startswith(f"{file}:{line}: {message}")


def test_a_file_that_is_not_there_is_said_in_one_line(tmp_path):
    with pytest.raises(DataError, match="No such file or directory, expected a file of word"):
        list(words_of(str(tmp_path / "none.txt"), 2))


def test_the_words_of_a_file_come_in_its_order(vector_file):
    assert list(words_of(vector_file("2 1\nb 1\na b 2\n"), 1)) == ["b", "a b"]


@pytest.mark.real_data
def test_the_words_of_real_vectors_are_found(data_folder):
    file = str(data_folder / "glove" / "glove.twitter.25d.top12k.txt")
    tokenizer = learn_tokenizer([("The", "street", "qqqq")], more_words=words_of(file, 25))
    table, found = word_vectors(file, tokenizer, 25)
    ids = tokenizer.get_vocab()
    assert len(tokenizer) > 11_000
    assert found.sum() == len(tokenizer) - 7  # all but the signs and qqqq
    assert table[ids["the"]][:2].tolist() == pytest.approx([-0.010167, 0.020194])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from(["a", "A", "b c", "É", "é", "10", "ß", "⇧", "", "U.N."]))),
    st.sampled_from(["mark", "lower", "keep"]),
    st.integers(1, 3),
)
def test_given_words_are_counted_as_the_librarys_trainer_counts_them(texts, case, min_count):
    keys = {"case": case, "min_count": min_count, "zero_digits": True}
    ours = learn_backend(texts, **keys).get_vocab()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(word_tokenizer, "_counted", word_tokenizer._counted_in_strings)
        assert learn_backend(texts, **keys).get_vocab() == ours
