import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.tasks.answer_spans import Found, best_spans, no_answer_sum, softmax
from toolkit.tasks.question_windows import ContextTokens, Part
from toolkit.windows import Window, ranges_of

BEFORE = 3  # tokens of special signs and question


def cut(num_tokens, room, overlap, invisible=()):
    """Windows over a context whose token number i is the character i."""
    starts = np.array([0 if i in invisible else i for i in range(num_tokens)], dtype=np.int32)
    ends = np.array([0 if i in invisible else i + 1 for i in range(num_tokens)], dtype=np.int32)
    tokens = ContextTokens(list(range(num_tokens)), starts, ends)
    return [
        Window(
            {"input_ids": [0] * (end - start + 4)}, None, Part(tokens, start, end, BEFORE, False)
        )
        for start, end in ranges_of([1] * num_tokens, room, overlap) or [(0, 0)]
    ]


def by_a_double_loop(windows, tables, longest, most):
    best = {}
    for window, table in zip(windows, tables, strict=True):
        tokens, start, end, place, _ = window.where
        visible = [i for i in range(start, end) if tokens.ends[i] > tokens.starts[i]]
        for first in visible:
            for last in visible:
                if first <= last < first + longest:
                    score = float(table[place + first - start, 0])
                    score += float(table[place + last - start, 1])
                    best[first, last] = max(best.get((first, last), -np.inf), score)
    order = sorted(best, key=lambda span: (-best[span], span))
    return [Found(first, last + 1, best[first, last]) for first, last in order[:most]]


@settings(max_examples=150, deadline=None)
@given(
    num_tokens=st.integers(0, 40),
    room=st.integers(1, 15),
    overlap=st.integers(0, 14),
    longest=st.integers(1, 50),
    most=st.integers(1, 25),
    seed=st.integers(0, 2**32 - 1),
    levels=st.sampled_from([2, 5, 10**6]),  # few levels make ties
)
def test_the_search_is_that_of_a_double_loop(
    num_tokens, room, overlap, longest, most, seed, levels
):
    draw = np.random.default_rng(seed)
    invisible = set(draw.integers(0, 40, size=3).tolist())
    windows = cut(num_tokens, room, overlap, invisible)
    tables = [
        (draw.integers(levels, size=(window.length + 5, 2)) / 4).astype(np.float32)
        for window in windows
    ]
    expected = by_a_double_loop(windows, tables, longest, most)
    assert best_spans(windows, tables, longest, most) == expected


def test_two_spans_of_the_same_characters_are_one_answer():
    # a sign of two letters that a normaliser spells out: both tokens end behind it
    tokens = ContextTokens([1, 2], np.array([0, 1]), np.array([2, 2]))
    window = Window({"input_ids": [0] * 4}, None, Part(tokens, 0, 2, 1, False))
    table = np.array([[0, 0], [2, 3], [1, 1], [9, 9]], dtype=np.float32)
    assert best_spans([window], [table], 30, 20) == [Found(0, 2, 5.0), Found(1, 2, 2.0)]


def test_scores_outside_the_context_are_no_answers():
    (window,) = cut(2, 10, 0)
    table = np.full((window.length + 3, 2), 50, dtype=np.float32)
    table[BEFORE : BEFORE + 2] = [[1, 0], [0, 1]]
    assert best_spans([window], [table], 30, 1) == [Found(0, 2, 2.0)]


def test_no_answer_has_the_score_of_the_window_that_says_so_least():
    tables = [np.array([[1.0, 2.0], [9, 9]]), np.array([[0.5, 2.0], [9, 9]])]
    assert no_answer_sum(tables) == 2.5


def test_probabilities_survive_large_scores():
    assert softmax([1000.0, 1000.0, -1000.0]) == pytest.approx([0.5, 0.5, 0.0])
