"""Texts that come again: exact, normalised, near; inside a split and across splits."""

from toolkit.audit.duplicate_findings import (
    conflict_finding,
    copy_findings,
    shared_findings,
)
from toolkit.audit.duplicates import Texts, normalised
from toolkit.examples import Answer, Question, Tagged, Text
from toolkit.tasks.question_answering import QuestionAnswering
from toolkit.tasks.sequence_classification import SequenceClassification
from toolkit.tasks.token_classification import TokenClassification

LONG = "where in the world is my new debit card that I ordered two weeks ago"
TASK = SequenceClassification()


def counts(texts):
    return {
        (each.split, each.of): tuple(map(len, each.found.values()))
        for each in texts.copies()
        if each.total
    }


def test_each_copy_is_counted_once_in_the_closest_degree():
    train = [Text(LONG), Text(LONG), Text(LONG.upper()), Text(f"{LONG}?"), Text("other")]
    assert counts(Texts(TASK, {"train": train})) == {("train", "train"): (1, 1, 1)}


def test_splits_are_compared_with_those_before_them():
    splits = {
        "train": [Text(LONG), Text("a"), Text("b")],
        "dev": [Text(f"{LONG} !"), Text("c")],
        "test": [Text("A "), Text("c"), Text(LONG)],
    }
    assert counts(Texts(TASK, splits)) == {
        ("dev", "train"): (0, 0, 1),
        ("test", "train"): (1, 1, 0),
        ("test", "dev"): (1, 0, 1),
    }


def test_both_texts_of_a_pair_have_to_be_the_same():
    splits = {"train": [Text("one", "two"), Text("one", "three")], "dev": [Text("One", "TWO")]}
    assert counts(Texts(TASK, splits)) == {("dev", "train"): (0, 1, 0)}


def test_words_and_their_text_normalise_alike():
    assert normalised(("Ａda", "LIVES  in")) == normalised("ada\tlives in ") == "ada lives in"


def test_a_sentence_says_which_examples_are_shared_and_what_to_do():
    splits = {"train": [Text("x"), Text(LONG, id="7")], "dev": [Text(LONG), Text("y"), Text("z")]}
    [finding] = copy_findings(TASK, Texts(TASK, splits).copies())
    assert finding.severity == "warning"
    assert finding.message.startswith("dev and train share 1 example (33 % of dev: 1 exact)")
    assert "take them out of train" in finding.message
    assert finding.examples == [
        'train:7 = dev:1 "where in the world is my new debit card that I ordered two …"'
    ]


def test_a_near_copy_is_shown_where_it_differs():
    splits = {"train": [Text(LONG)], "dev": [Text(LONG.replace("two weeks", "ten weeks"))]}
    [finding] = copy_findings(TASK, Texts(TASK, splits).copies())
    assert "two weeks ago" in finding.examples[0]
    assert "ten weeks ago" in finding.examples[0]
    assert "~" in finding.examples[0]


def test_few_shared_examples_are_worth_a_note():
    splits = {"train": [Text("0")], "dev": [Text(str(number)) for number in range(200)]}
    [finding] = copy_findings(TASK, Texts(TASK, splits).copies())
    assert finding.severity == "note"


def test_the_same_text_with_different_labels_is_a_conflict():
    splits = {
        "train": [Text("Hello", label="greet"), Text("bye", label="leave"), Text("ok", label="a")],
        "dev": [Text("hello", label="leave"), Text("ok", label="a")],
    }
    conflicts = Texts(TASK, splits).conflicts(TASK)
    [finding] = conflict_finding(TASK, conflicts)
    assert finding.message.startswith("1 text (2 examples) with different labels")
    assert finding.examples == ['"Hello": train:1 greet, dev:1 leave']


def test_a_conflict_of_tags_names_the_word_and_of_answers_the_answer():
    task = TokenClassification(labels=("O", "B-X"))
    rows = [Tagged(("a", "b"), ("O", "O")), Tagged(("a", "b"), ("O", "B-X"))]
    [finding] = conflict_finding(task, Texts(task, {"train": rows}).conflicts(task))
    assert finding.examples == ['"a b": train:1 O, train:2 B-X (label 2 of 2)']
    qa = QuestionAnswering()
    asked = [
        Question("who?", "Ada, Bob", (Answer(*answer),)) for answer in (("Ada", 0), ("Bob", 5))
    ]
    [finding] = conflict_finding(qa, Texts(qa, {"train": asked}).conflicts(qa))
    assert '"Ada"' in finding.examples[0]
    assert '"Bob"' in finding.examples[0]


def test_contexts_that_dev_and_train_share_are_counted():
    qa = QuestionAnswering()
    splits = {
        "train": [Question("who?", "Ada was here.", ()), Question("when?", "Ada was here.", ())],
        "dev": [Question("where?", "Ada was here.", ()), Question("what?", "Bob.", ())],
    }
    found = Texts(qa, splits).shared_parts()
    assert [(each.part, each.shared, each.distinct) for each in found] == [(0, 0, 2), (1, 1, 2)]
    [finding] = shared_findings(qa, found)
    assert finding.message == "1 of the 2 different contexts of dev (50 %) are in train as well"


def test_a_single_text_is_no_part():
    splits = {"train": [Text("a")], "dev": [Text("a")]}
    assert Texts(TASK, splits).shared_parts() == []


def test_examples_without_text_are_found():
    splits = {"train": [Text(" \n"), Text("a"), Text("", "b")]}
    assert [str(row) for row in Texts(TASK, splits).empty()] == ["train:1"]
