"""What most examples say, counted by hand."""

import pytest

from toolkit.baselines.majority import Majority
from toolkit.errors import DataError, RecipeError
from toolkit.examples import Answer, Question, Tagged, Text
from toolkit.tasks.question_answering import QuestionAnswering
from toolkit.tasks.sequence_classification import Labelled, SequenceClassification
from toolkit.tasks.token_classification import Tags, TokenClassification


def said(task, train, examples):
    task = task.learn(train)
    return Majority().predictor(task, Majority().learn(task, train))(examples)


def test_every_word_has_the_most_frequent_tag():
    train = [Tagged(("a", "b", "c"), ("O", "B-PER", "O")), Tagged(("d",), ("O",))]
    found = said(TokenClassification(), train, [Tagged(("x", "y")), Tagged(())])
    assert found == [Tags(("O", "O"), (0.75, 0.75)), Tags((), ())]


def test_every_text_has_the_most_frequent_label_and_the_first_of_equals():
    train = [Text(str(row), label=label) for row, label in enumerate("bbaacb")]
    [found] = said(SequenceClassification(), train, [Text("?")])
    assert found == Labelled("b", (2 / 6, 3 / 6, 1 / 6))
    [found] = said(SequenceClassification(), train[:4], [Text("?")])
    assert found == Labelled("a", (0.5, 0.5))


def test_of_several_labels_the_most_frequent_set_is_said():
    task = SequenceClassification(labels="multi")
    sets = [("x",), ("x",), ("y", "z"), ("z", "y"), ("y", "z"), ()]
    train = [Text(str(row), label=label) for row, label in enumerate(sets)]
    [found] = said(task, train, [Text("?")])
    assert found.label == ("y", "z")
    assert found.scores == (2 / 6, 3 / 6, 3 / 6)


def test_of_numbers_it_is_the_mean():
    task = SequenceClassification(labels="regression")
    train = [Text("a", label=1.0), Text("b", label=2), Text("c", label=4.5)]
    assert said(task, train, [Text("?")]) == [Labelled(2.5)]


def test_a_label_that_is_no_class_is_not_counted():
    task = SequenceClassification(classes=("a", "b"), allow_unseen=True)
    train = [Text("1", label="c"), Text("2", label="c"), Text("3", label="b")]
    [found] = said(task, train, [Text("?")])
    assert found == Labelled("b", (0.0, 1.0))


def test_questions_have_no_answer():
    train = [
        Question("q", "It rains.", ()),
        Question("q", "It rains.", (Answer("It", 0),)),
    ]
    [found] = said(QuestionAnswering(), train, [Question("Who?", "It rains.")])
    assert (found.text, found.start, found.score, found.best_text) == ("", None, 0.5, "")


def test_where_each_question_has_an_answer_it_has_nothing_to_say():
    train = [Question("q", "It rains.", (Answer("It", 0),))]
    with pytest.raises(RecipeError, match=r"model\.type: majority says 'no answer' to every"):
        said(QuestionAnswering(), train, [])


@pytest.mark.parametrize(
    ("task", "train"),
    [
        (TokenClassification(labels=("O",)), [Tagged((), ())]),
        (SequenceClassification(classes=("a",)), []),
        (SequenceClassification(labels="regression"), []),
        (SequenceClassification(labels="multi", classes=("a",)), []),
    ],
)
def test_of_nothing_nothing_is_learned(task, train):
    with pytest.raises(DataError, match="holds nothing to count"):
        Majority().learn(task, train)
