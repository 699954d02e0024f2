from copy import deepcopy
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tests.checkpoints import make_tokenizer
from toolkit.windows import (
    frame_of,
    know_words,
    owners_of,
    pair_windows,
    pieces_of,
    ranges_of,
    text_windows,
)

LENGTHS = st.lists(st.integers(1, 30), min_size=1, max_size=60)


@given(LENGTHS, st.integers(4, 40), st.integers(0, 30))
def test_every_unit_has_one_owner_that_holds_it(lengths, room, overlap):
    ranges = ranges_of(lengths, room, overlap)
    owners = owners_of(ranges, len(lengths))
    assert len(owners) == len(lengths)
    for unit, owner in enumerate(owners):
        start, end = ranges[owner]
        assert start <= unit < end


@given(LENGTHS, st.integers(4, 40), st.integers(0, 30))
def test_ranges_fit_cover_all_and_move_on(lengths, room, overlap):
    ranges = ranges_of(lengths, room, overlap)
    assert ranges[0][0] == 0
    assert ranges[-1][1] == len(lengths)
    for start, end in ranges:
        assert start < end
        assert sum(min(length, room) for length in lengths[start:end]) <= room
    for (start, end), (next_start, next_end) in pairwise(ranges):
        assert start < next_start <= end < next_end


@given(LENGTHS, st.integers(4, 40), st.integers(0, 30))
def test_neighbours_share_no_more_than_the_overlap(lengths, room, overlap):
    ranges = ranges_of(lengths, room, overlap)
    for (_, end), (next_start, _) in pairwise(ranges):
        assert sum(min(length, room) for length in lengths[next_start:end]) <= overlap


def test_the_owner_is_the_window_with_most_context():
    ranges = ranges_of([1] * 10, room=6, overlap=2)
    assert ranges == [(0, 6), (4, 10)]
    assert owners_of(ranges, 10) == [0, 0, 0, 0, 0, 1, 1, 1, 1, 1]


def test_no_words_make_no_window():
    assert ranges_of([], 10, 2) == []
    assert owners_of([], 0) == []


def test_a_word_that_the_tokenizer_deletes_is_one_unknown_token(family):
    tokenizer = make_tokenizer(family)
    words = ["EU", "\u200b", "\ufe0f", "\x96", "", "call"]
    pieces = pieces_of(tokenizer, words)
    assert len(pieces) == len(words)
    assert all(pieces)


def test_a_word_has_the_same_pieces_wherever_it_stands(family):
    tokenizer = make_tokenizer(family)
    fresh = deepcopy(tokenizer)
    words = ["EU", "call", "\u200b", "Brussels.", " ", "\tEU", "東京", "call"]
    know_words(tokenizer, [words[::-1], "a text"])
    expected: list[list[int]] = [[] for _ in words]
    found = fresh(words, is_split_into_words=True, add_special_tokens=False)
    for token, word in zip(found["input_ids"], found.word_ids(), strict=True):
        expected[word].append(token)
    expected = [piece or [fresh.unk_token_id] for piece in expected]
    assert pieces_of(tokenizer, words) == expected == pieces_of(fresh, words)


def test_more_words_than_are_kept_have_their_pieces_all_the_same(monkeypatch):
    tokenizer = make_tokenizer("bert")
    words = ["EU", "rejects", "German", "call", "lamb", "boycott"]
    expected = pieces_of(tokenizer, words)
    monkeypatch.setattr("toolkit.windows.MOST_KNOWN", 3)
    other = deepcopy(tokenizer)
    assert [pieces_of(other, words[start:][:2]) for start in range(5)] == [
        expected[start:][:2] for start in range(5)
    ]
    assert pieces_of(other, words) == expected


def test_the_frame_is_what_the_tokenizer_adds(family):
    tokenizer = make_tokenizer(family)
    frame = frame_of(tokenizer)
    pieces = pieces_of(tokenizer, ["EU", "call"])
    whole = tokenizer(["EU", "call"], is_split_into_words=True)["input_ids"]
    assert frame.before + pieces[0] + pieces[1] + frame.after == whole


TEXTS = st.text(alphabet="ab zÜ東.", min_size=1, max_size=200)


@given(TEXTS, TEXTS, st.integers(12, 60), st.integers(0, 20))
def test_every_token_of_a_pair_is_in_a_window_and_windows_fit(first, second, max_length, overlap):
    for family in ("bert", "roberta", "xlm-roberta"):
        tokenizer = TOKENIZERS.setdefault(family, make_tokenizer(family))
        windows = pair_windows(tokenizer, first, second, max_length, overlap)
        seen = [token for window in windows for token in window.inputs["input_ids"]]
        for text in (first, second):
            assert set(tokenizer(text, add_special_tokens=False)["input_ids"]) <= set(seen)
        assert max(window.length for window in windows) <= max_length
        for window in windows:
            assert len({len(values) for values in window.inputs.values()}) == 1


TOKENIZERS = {}


def test_a_pair_that_fits_is_what_the_tokenizer_makes_of_it(family):
    tokenizer = make_tokenizer(family)
    (window,) = pair_windows(tokenizer, "EU call", "German lamb in Paris", 64, 16)
    whole = tokenizer("EU call", "German lamb in Paris")
    assert window.inputs["input_ids"] == whole["input_ids"]
    if "token_type_ids" in tokenizer.model_input_names:
        assert window.inputs["token_type_ids"] == whole["token_type_ids"]


def test_a_text_that_fits_is_what_the_tokenizer_makes_of_it(family):
    tokenizer = make_tokenizer(family)
    (window,) = text_windows(tokenizer, "EU rejects German call", 64, 16)
    assert window.inputs["input_ids"] == tokenizer("EU rejects German call")["input_ids"]


def test_an_empty_text_has_a_window():
    (window,) = text_windows(make_tokenizer("bert"), "", 64, 16)
    assert window.length == 2
