import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval.metrics import accuracy_score, classification_report, precision_score, recall_score
from seqeval.scheme import IOB2

from toolkit.metrics.spans import Span, f1, seqeval_f1, span_scores, spans_of
from toolkit.metrics.tokens import accuracy

TAG = st.sampled_from(["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-A-B", "I-A-B"])
SENTENCES = st.lists(
    st.lists(st.tuples(TAG, TAG), min_size=1, max_size=12), min_size=1, max_size=6
).map(
    lambda rows: (
        [[gold for gold, _ in row] for row in rows],
        [[guess for _, guess in row] for row in rows],
    )
)


def assert_same(score, official):
    """Equal, or undefined with a reason where seqeval falls back to 0."""
    if score.value is None:
        assert score.about["reason"]
        assert official == 0.0
    else:
        assert score.value == pytest.approx(official, abs=1e-12)


@settings(max_examples=300, deadline=None)
@given(SENTENCES)
def test_f1_is_seqeval_in_both_modes(tags):
    gold, predicted = tags
    scores = span_scores(gold, predicted)
    for name, mode in (("f1", "conlleval"), ("f1_strict", "strict")):
        assert_same(scores[name], seqeval_f1(gold, predicted, mode))


@settings(max_examples=150, deadline=None)
@given(SENTENCES)
@pytest.mark.filterwarnings("ignore")
def test_precision_recall_and_types_are_seqeval_in_both_modes(tags):
    gold, predicted = tags
    scores = span_scores(gold, predicted)
    for suffix, options in (("", {}), ("_strict", {"mode": "strict", "scheme": IOB2})):
        for name, official in (("precision", precision_score), ("recall", recall_score)):
            expected = official(gold, predicted, zero_division=0, **options)
            assert_same(scores[name + suffix], expected)
        report = classification_report(
            gold, predicted, output_dict=True, zero_division=0, **options
        )
        for kind, row in scores["f1" + suffix].about["types"].items():
            # seqeval's strict report lists only types that are in the gold
            expected = report.get(kind, {"f1-score": 0, "support": 0})
            assert (row["f1"] or 0.0) == pytest.approx(expected["f1-score"], abs=1e-12)
            assert row["support"] == expected["support"]


@settings(max_examples=100, deadline=None)
@given(SENTENCES)
def test_accuracy_is_seqeval(tags):
    gold, predicted = tags
    assert accuracy(gold, predicted).value == pytest.approx(accuracy_score(gold, predicted))


def test_an_inside_that_continues_nothing_is_a_span_only_for_conlleval():
    tags = ["I-PER", "I-PER", "O", "B-LOC", "I-PER"]
    assert spans_of(tags) == [Span("PER", 0, 2), Span("LOC", 3, 4), Span("PER", 4, 5)]
    assert spans_of(tags, "strict") == [Span("LOC", 3, 4)]


def test_a_span_at_the_end_of_a_sentence_keeps_its_end():
    assert spans_of(["O", "B-PER", "I-PER"]) == [Span("PER", 1, 3)]
    assert f1(np.array([0, 1, 1])) == 0.0


def test_what_divides_by_nothing_is_undefined_and_says_why():
    scores = span_scores([["O"]], [["O"]])
    assert [scores[name].value for name in ("f1", "precision", "recall")] == [None, None, None]
    assert scores["f1"].about["reason"] == "neither gold nor predicted"
    assert scores["f1"].about["support"] == 0
    missed = span_scores([["B-PER"]], [["O"]])
    assert [missed[name].value for name in ("f1", "precision", "recall")] == [0.0, None, 0.0]
    assert missed["f1"].about["types"]["PER"]["precision"] is None


def test_no_words_have_no_accuracy():
    score = accuracy([[]], [[]])
    assert score.value is None
    assert score.about["reason"] == "no words"
