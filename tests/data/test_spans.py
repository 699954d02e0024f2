"""Spans of characters become tags of words."""

import json
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.data.aligned import Aligner
from toolkit.data.marked import Span
from toolkit.data.spans import Spans
from toolkit.errors import DataError
from toolkit.examples import Tagged

TEXTS = st.text(st.sampled_from("Ab1 .,-'\n\u00a0\u200be\u0301😀"), min_size=1, max_size=25)


def aligner(overlaps="fault", **label_map):
    return Aligner(label_map, overlaps, Counter(), Counter())


def bounds(text, words):
    found, at = [], 0
    for word in words:
        at = text.index(word, at)
        found.append((at, at + len(word)))
        at += len(word)
    return found


@given(text=TEXTS, data=st.data())
@settings(max_examples=200, deadline=None)
def test_a_span_of_whole_words_is_these_words(text, data):
    words = Tagged.of(text).words
    if not words:
        return
    first = data.draw(st.integers(0, len(words) - 1))
    last = data.draw(st.integers(first, len(words) - 1))
    places = bounds(text, words)
    faults = []
    one = aligner()
    span = Span(places[first][0], places[last][1], "X")
    tags = one.tags(text, {"spans[0]": span}, faults)
    expected = ["O"] * len(words)
    expected[first : last + 1] = ["B-X"] + ["I-X"] * (last - first)
    assert (list(tags), faults, +one.counts) == (expected, [], Counter())


@given(text=TEXTS, start=st.integers(-2, 27), end=st.integers(-2, 27))
@settings(max_examples=300, deadline=None)
def test_a_span_is_widened_to_the_words_that_it_touches_or_refused(text, start, end):
    faults = []
    one = aligner()
    tags = one.tags(text, {"spans[0]": Span(start, end, "X")}, faults)
    places = bounds(text, Tagged.of(text).words)
    inside = 0 <= start <= end <= len(text) and text[start:end].strip()
    assert (tags is None) == bool(faults) == (not inside)
    if tags is not None:
        touched = [a < end and start < b for a, b in places]
        assert [tag != "O" for tag in tags] == touched
        assert sum(tag[0] == "B" for tag in tags) == 1


@given(
    text=TEXTS,
    spans=st.lists(st.tuples(st.integers(0, 20), st.integers(1, 8)), max_size=5),
)
@settings(max_examples=200, deadline=None)
def test_of_overlapping_spans_the_longest_stay(text, spans):
    faults = []
    marks = {
        f"spans[{index}]": Span(start, start + length, f"T{index}")
        for index, (start, length) in enumerate(spans)
        if text[start : start + length].strip() and start + length <= len(text)
    }
    one = aligner("longest")
    tags = one.tags(text, marks, faults)
    assert not faults
    kept = {tag[2:] for tag in tags if tag != "O"}
    dropped = one.counts["overlap"] + one.counts["twice"]
    assert len(kept) + dropped == len(marks)
    if marks:
        longest = max(mark.end - mark.start for mark in marks.values())
        assert not dropped or any(
            mark.type in kept for mark in marks.values() if mark.end - mark.start >= longest - 8
        )


def test_neighbouring_spans_stay_apart():
    tags = aligner().tags("Ada Eve", {"a": Span(0, 3, "X"), "b": Span(4, 7, "X")}, [])
    assert tags == ("B-X", "B-X")


def test_the_text_is_kept_and_the_file_told_at_a_glance(write):
    path = write(
        json.dumps({"text": "Ada saw\nRome.", "spans": [[0, 3, "PER"], [8, 12, "LOC"]], "id": "a"})
        + "\n"
        + json.dumps({"text": "x", "spans": [], "id": "b"})
    )
    reading = Spans(train=path).read(path)
    assert reading.examples == [
        Tagged(("Ada", "saw", "Rome", "."), ("B-PER", "O", "B-LOC", "O"), "a", "Ada saw\nRome."),
        Tagged(("x",), ("O",), "b", "x"),
    ]
    assert reading.notes == ["2 texts, 5 words; columns text and spans; 2 spans of 2 types"]


def test_keys_of_ones_own(write):
    path = write(json.dumps({"body": "Ada", "marks": [[0, 3, "PER"]], "uid": 3}))
    data = Spans(train=path, columns={"text": "body", "spans": "marks", "id": "uid"})
    assert data.read(path).examples == [Tagged(("Ada",), ("B-PER",), "3", "Ada")]


def test_the_text_of_label_studio_may_have_another_name(write):
    value = {"start": 0, "end": 3, "text": "Ada", "labels": ["PER"]}
    result = [{"type": "labels", "value": value}]
    task = {"id": 5, "data": {"body": "Ada", "url": 3}, "annotations": [{"result": result}]}
    path = write(json.dumps([task]))
    assert Spans(train=path).read(path).examples == [Tagged(("Ada",), ("B-PER",), "5", "Ada")]
    task["data"]["more"] = "text"
    path = write(json.dumps([task]))
    with pytest.raises(DataError, match=r"\[0\]: data: no key 'text'. It has body, url, more"):
        Spans(train=path).read(path)
    assert Spans(train=path, columns={"text": "body"}).read(path).examples[0].text == "Ada"
