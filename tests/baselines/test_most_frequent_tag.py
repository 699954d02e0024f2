"""Each word's most frequent tag."""

import numpy as np
import pytest

from toolkit.baselines.most_frequent_tag import MostFrequentTag
from toolkit.errors import DataError, RunError
from toolkit.examples import Tagged
from toolkit.tasks.token_classification import Tags, TokenClassification

TRAIN = [
    Tagged(("the", "run", "run", "Ada"), ("DET", "NOUN", "VERB", "NAME")),
    Tagged(("the", "run", "Bob", "dogs"), ("DET", "VERB", "NAME", "NOUN")),
]


def fitted(task):
    return MostFrequentTag().learn(task, TRAIN)


def tags(words):
    task = TokenClassification().learn(TRAIN)
    [found] = MostFrequentTag().predictor(task, fitted(task))([Tagged(words)])
    return found


def test_a_word_has_the_tag_that_it_had_most_often_with_its_share():
    assert tags(("run", "the")) == Tags(("VERB", "DET"), (2 / 3, 1.0))


def test_of_equals_it_is_the_first_label():
    train = [Tagged(("x", "x"), ("VERB", "NOUN"))]
    task = TokenClassification().learn(train)
    baseline = MostFrequentTag()
    [found] = baseline.predictor(task, baseline.learn(task, train))([Tagged(("x",))])
    assert found == Tags(("NOUN",), (0.5,))


def test_a_new_word_has_the_tag_of_words_that_were_seen_once():
    assert tags(("Eve", "")) == Tags(("NAME", "NAME"), (2 / 3, 2 / 3))


def test_where_no_word_was_seen_once_a_new_one_has_the_most_frequent_tag():
    train = [Tagged(("x", "x", "y", "y"), ("B", "B", "B", "A"))]
    task = TokenClassification().learn(train)
    baseline = MostFrequentTag()
    [found] = baseline.predictor(task, baseline.learn(task, train))([Tagged(("z",))])
    assert found == Tags(("B",), (0.75,))


def test_the_counts_are_those_of_the_words_in_order():
    task = TokenClassification().learn(TRAIN)
    found = fitted(task)
    assert found.facts["words"] == ["Ada", "Bob", "dogs", "run", "the"]
    assert task.labels == ("DET", "NAME", "NOUN", "VERB")
    expected = [[0, 1, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 1, 2], [2, 0, 0, 0]]
    assert np.array_equal(found.arrays["words"], expected)


def test_a_tag_that_is_no_label_is_not_counted():
    task = TokenClassification(labels=("DET", "NOUN"), allow_unseen=True)
    assert fitted(task).facts["words"] == ["dogs", "run", "the"]


def test_no_tagged_word_is_an_error():
    with pytest.raises(DataError, match="holds no tagged word"):
        MostFrequentTag().learn(TokenClassification(labels=("A",)), [Tagged(("x",), ("B",))])


def test_other_labels_than_were_learned_are_refused():
    task = TokenClassification().learn(TRAIN)
    other = task.model_copy(update={"labels": task.labels[::-1]})
    with pytest.raises(RunError, match=r"task\.labels: VERB, NOUN, NAME, DET, but DET"):
        MostFrequentTag().predictor(other, fitted(task))
