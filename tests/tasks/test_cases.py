"""Lines of predictions as a person reads them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.cases import Mark, Turn, plain_case
from toolkit.examples import Answer, Question, Tagged, Text
from toolkit.metrics.spans import FORMULAS, count_spans, spans_of
from toolkit.tasks.masked_language_modelling import MaskedLanguageModelling
from toolkit.tasks.question_answering import Answered, Candidate, QuestionAnswering
from toolkit.tasks.sequence_classification import Labelled, SequenceClassification
from toolkit.tasks.token_classification import Tags, TokenClassification

NER = TokenClassification(labels=("O", "B-LOC", "I-LOC", "B-PER", "I-PER"))
POS = TokenClassification(labels=("DET", "NOUN", "VERB"))
TAGS = st.lists(st.sampled_from(NER.labels), min_size=1, max_size=8)


def case(task, example, prediction):
    """As it comes back from a file."""
    record = {"id": "1", "gold": task.gold(example), **task.record(example, prediction)}
    return task.case(json.loads(json.dumps(record)))


def tagged(gold, said, words=None, scores=None):
    words = tuple(words or (f"w{n}" for n in range(len(said))))
    scores = tuple(scores or [0.5] * len(said))
    return case(NER, Tagged(words, gold and tuple(gold)), Tags(tuple(said), scores))


def test_spans_are_right_wrong_or_missed_where_they_stand():
    found = tagged(
        ["B-PER", "I-PER", "O", "B-LOC"], ["B-PER", "I-PER", "B-LOC", "O"],
        ["Ada", "Lovelace", "in", "Rome"], [0.9, 0.8, 0.7, 0.6],
    )  # fmt: skip
    (passage,) = found.passages
    assert passage.text == "Ada Lovelace in Rome"
    assert set(passage.marks) == {
        Mark(0, 12, "PER", "right"), Mark(13, 15, "LOC", "wrong"), Mark(16, 20, "LOC", "missed"),
    }  # fmt: skip
    assert found.is_right is False
    assert found.sure == 0.7  # of the errors the surest one
    assert found.gold == ("PER: Ada Lovelace", "LOC: Rome")
    assert found.chances["predicted spans"] == [(0.8, True), (0.7, False)]


def test_a_span_of_another_type_is_confused_and_of_other_boundaries_is_said_so():
    assert tagged(["B-PER", "O"], ["B-LOC", "O"]).turns == (Turn("PER", "LOC"),)
    assert tagged(["B-PER", "I-PER"], ["B-PER", "O"]).turns == (Turn("PER", "PER", False),)
    assert tagged(["O", "B-PER"], ["B-PER", "O"]).turns == (Turn("PER", None), Turn(None, "PER"))


@given(st.integers(1, 8).flatmap(lambda n: st.tuples(*[st.lists(
    st.sampled_from(NER.labels), min_size=n, max_size=n)] * 2)))  # fmt: skip
def test_turns_count_each_span_once(pair):
    gold, said = pair
    turns = tagged(gold, said).turns
    truth, guess = spans_of(gold), spans_of(said)
    assert sorted(t.gold for t in turns if t.gold) == sorted(span.type for span in truth)
    assert sorted(t.said for t in turns if t.said) == sorted(span.type for span in guess)
    right = sum(t.gold == t.said and t.is_exact for t in turns)
    assert right == len(set(truth) & set(guess))
    counts = sum(count_spans([gold], [said], "conlleval").values(), 0 * FORMULAS["f1"](_zero()))
    assert right == (counts[0][0] if truth or guess else 0)


def _zero():
    import numpy as np

    return np.zeros((1, 3))


def test_plain_tags_are_marked_where_they_are_wrong():
    example = Tagged(("the", "dog"), ("DET", "NOUN"))
    found = case(POS, example, Tags(("DET", "VERB"), (0.9, 0.6)))
    assert found.passages[0].marks == (Mark(4, 7, "VERB ≠ NOUN", "wrong"),)
    assert found.turns == (Turn("DET", "DET"), Turn("NOUN", "VERB"))
    assert found.chances == {"words": [(0.9, True), (0.6, False)]}
    assert found.sure == 0.6


def test_a_sentence_without_gold_is_neither_right_nor_wrong():
    found = tagged(None, ["B-PER"])
    assert (found.gold, found.is_right, found.turns) == (None, None, ())
    assert found.passages[0].marks[0].label == "PER"


@pytest.mark.parametrize("scores", [None, []])
def test_predictions_without_probabilities_are_cases(scores):
    record = {"gold": ["B-PER"], "words": ["Ada"], "prediction": ["O"], "score": scores}
    found = NER.case(record)
    assert found.sure is None
    assert "predicted spans" not in found.chances or not found.chances["predicted spans"]


def test_one_label_is_as_sure_as_it_was_said():
    task = SequenceClassification(classes=("a", "b", "c", "d", "e"))
    found = case(task, Text("hi", label="e"), Labelled("b", (0.2, 0.5, 0.15, 0.1, 0.05)))
    assert (found.gold, found.said, found.is_right, found.sure) == (("e",), ("b",), False, 0.5)
    assert found.turns == (Turn("e", "b"),)
    assert found.likely == (
        ("b", 0.5),
        ("a", 0.2),
        ("c", 0.15),
        ("e", 0.05),
    )  # gold beside the best


def test_several_labels_are_missed_invented_or_one_for_the_other():
    task = SequenceClassification(labels="multi", classes=("a", "b", "c"))
    one = case(task, Text("hi", label=("a",)), Labelled(("b",), (0.1, 0.8, 0.1)))
    assert one.turns == (Turn("a", "b"),)
    assert one.sure == 0.9  # that a is not there
    two = case(task, Text("hi", label=("a", "c")), Labelled(("c",), (0.3, 0.2, 0.8)))
    assert two.turns == (Turn("c", "c"), Turn("a", None))
    assert two.chances["decisions"] == [(0.3, True), (0.2, False), (0.8, True)]
    none = case(task, Text("hi", label=()), Labelled((), (0.1, 0.2, 0.1)))
    assert none.is_right


def test_numbers_are_ordered_by_how_far_they_are_off():
    task = SequenceClassification(labels="regression")
    found = case(task, Text("a", "b", 4.0), Labelled(1.5))
    assert (found.numbers, found.order, found.is_right) == ((4.0, 1.5), 2.5, None)
    assert [passage.name for passage in found.passages] == ["text", "pair"]


def answered(gold, text, start, over=None):
    context = "Ada was born in London, in the City of London."
    candidate = Candidate(text, start, None if start is None else start + len(text), 0.75)
    question = Question("Where?", context, tuple(Answer(context[s:e], s) for s, e in gold))
    return case(
        QuestionAnswering(no_answer=True), question, Answered(*candidate, over, (candidate,))
    )


def test_an_answer_is_marked_in_its_context_beside_the_gold():
    found = answered([(16, 22)], "City of London", 31)
    question, context = found.passages
    assert question.text == "Where?"
    assert [(context.text[m.start : m.end], m.kind) for m in context.marks] == [
        ("City of London", "wrong"), ("London", "missed"),
    ]  # fmt: skip
    assert found.chances == {"answers": [(0.75, False)]}


def test_an_answer_is_right_as_the_official_script_has_it():
    assert answered([(31, 45)], "the City of London", 27).is_right
    assert answered([], "", None).is_right
    nothing = answered([(16, 22)], "", None)
    assert (nothing.is_right, nothing.said) == (False, ("(no answer)",))
    assert nothing.turns == ()  # there is always an answer


def test_where_no_answer_may_be_said_it_is_counted_who_was_taken_for_whom():
    for gold, said, start, turn in (
        ([(16, 22)], "London", 16, Turn("answer", "answer")),
        ([(16, 22)], "Ada", 0, Turn("answer", "wrong answer")),
        ([(16, 22)], "", None, Turn("answer", "no answer")),
        ([], "Ada", 0, Turn("no answer", "wrong answer")),
        ([], "", None, Turn("no answer", "no answer")),
    ):
        assert answered(gold, said, start, over=0.5).turns == (turn,)


def test_fillings_are_compared_with_what_was_hidden():
    record = {
        "gold": ["the", "cat"],
        "prediction": [["the", "a"], ["dog"]],
        "score": [[0.6, 0.1], [0.4]],
    }
    found = MaskedLanguageModelling().case(record)
    assert found.chances == {"what was hidden": [(0.6, True), (0.4, False)]}
    assert found.turns == (Turn("the", "the"), Turn("cat", "dog"))
    assert found.passages[0].text == "the cat"
    assert found.passages[0].marks == (Mark(4, 7, "dog", "wrong"),)


def test_a_task_that_says_nothing_of_its_records_has_plain_cases():
    found = plain_case({"id": "7", "gold": [1, 2], "prediction": [1, 3], "text": "hello"})
    assert (found.gold, found.said, found.is_right) == (("1", "2"), ("1", "3"), False)
    assert found.passages[0].text == "hello"
