"""N-grams with a linear model, on texts whose labels hang on a word."""

import warnings

import numpy as np
import pytest

from toolkit.baselines.ngram_linear import NgramLinear
from toolkit.baselines.ngrams import Counts, Vectors
from toolkit.errors import DataError, RunError
from toolkit.examples import Text
from toolkit.tasks.sequence_classification import SequenceClassification

WORDS = ("card", "loan", "rate", "cash")
TRAIN = [Text(f"the {word} {number} is here", label=word) for word in WORDS for number in range(6)]


def learned(task, train, baseline=None):
    baseline = baseline or NgramLinear()
    task = task.learn(train)
    fitted = baseline.learn(task, train)
    return task, fitted, baseline.predictor(task, fitted)


def test_it_learns_the_word_that_decides():
    _, _, predict = learned(SequenceClassification(), TRAIN)
    found = predict([Text(f"a new {word}") for word in WORDS])
    assert tuple(each.label for each in found) == WORDS
    for each in found:
        assert sum(each.scores) == pytest.approx(1)
        assert max(each.scores) > 0.5


def test_its_scores_are_those_of_scikit_learn():
    from sklearn.linear_model import LogisticRegression

    task, fitted, predict = learned(SequenceClassification(), TRAIN)
    kinds = {
        kind: (lengths, Counts(fitted.facts["ngrams"][kind], fitted.arrays[f"{kind}.weights"]))
        for kind, lengths in (("words", (1, 2)), ("characters", (2, 4)))
    }
    rows = Vectors(kinds, False).of(TRAIN)
    numbers = [task.classes.index(each.label) for each in TRAIN]
    official = LogisticRegression(C=10.0, max_iter=1000).fit(rows, numbers)
    found = [each.scores for each in predict(TRAIN)]
    assert np.allclose(found, official.predict_proba(rows), atol=1e-6)


@pytest.mark.parametrize("present", [("card",), ("card", "loan"), ("card", "loan", "rate")])
def test_a_class_without_examples_is_never_said(present):
    task = SequenceClassification(classes=(*WORDS, "other"))
    train = [each for each in TRAIN if each.label in present]
    _, _, predict = learned(task, train)
    found = predict([*train, Text("nothing known at all")])
    assert {each.label for each in found} == set(present)
    places = [place for place, name in enumerate(task.classes) if name not in present]
    assert max(each.scores[place] for each in found for place in places) < 1e-9


def test_a_label_that_is_no_class_is_not_learned():
    task = SequenceClassification(classes=WORDS[:2], allow_unseen=True)
    _, _, predict = learned(task, TRAIN)
    assert predict([Text("a new card")])[0].label == "card"


def test_class_weights_are_read():
    train = [*TRAIN[:6], *TRAIN[6:8]]
    unsure = Text("the 1 is here")
    _, _, plain = learned(SequenceClassification(), train)
    weighted = SequenceClassification(class_weights={"loan": 20.0})
    _, _, other = learned(weighted, train)
    assert other([unsure])[0].scores[1] > plain([unsure])[0].scores[1]


def test_of_several_labels_each_is_decided_by_itself():
    task = SequenceClassification(labels="multi")
    sets = {("card",): "card", ("card", "loan"): "card loan", ("loan",): "loan", (): "none"}
    train = [
        Text(f"the {text} {number}", label=label)
        for label, text in sets.items()
        for number in range(5)
    ]
    task, _, predict = learned(task, train)
    found = predict([Text("a card and a loan"), Text("a card"), Text("the none")])
    assert [each.label for each in found] == [("card", "loan"), ("card",), ()]
    tuned = task.model_copy(update={"thresholds": (0.0, 1.1)})
    fitted = NgramLinear().learn(task, train)
    assert NgramLinear().predictor(tuned, fitted)([Text("a loan")])[0].label == ("card",)


def test_a_label_that_all_have_and_one_that_none_has_are_sure():
    task = SequenceClassification(labels="multi", classes=("all", "half", "none"))
    train = [Text(f"{w} x", label=("all", *h)) for w, h in [("a", ("half",)), ("b", ())] * 3]
    _, _, predict = learned(task, train)
    scores = predict([Text("a x")])[0].scores
    assert scores[0] > 1 - 1e-9
    assert scores[2] < 1e-9
    assert 0.5 < scores[1] < 1


def test_numbers_follow_what_a_pair_shares():
    task = SequenceClassification(labels="regression")
    words = [*WORDS, "time", "bank", "note", "coin"]
    train = [
        Text(f"{one} {two}", f"{one} {other}", label=5.0 if two == other else 2.0)
        for one in words for two in words for other in words[:3] if one not in (two, other)
    ]  # fmt: skip
    _, _, predict = learned(task, train)
    same, other = predict([Text("loan coin", "loan coin"), Text("loan coin", "bank rate")])
    assert same.label > 4.5
    assert other.label < 2.5
    assert same.scores == ()


def test_a_text_without_a_known_ngram_has_the_label_of_the_biases():
    _, _, predict = learned(SequenceClassification(), TRAIN)
    empty, strange = predict([Text(""), Text("ΩΩΩ")])
    assert empty == strange


def test_no_shared_ngram_is_an_error_that_names_the_key():
    train = [Text("ab", label="x"), Text("cd", label="y")]
    with pytest.raises(DataError, match=r"no n-gram is in 3 of 2 texts \(model\.min_count\)"):
        learned(SequenceClassification(), train, NgramLinear(min_count=3))


def test_what_did_not_converge_is_said(monkeypatch):
    from toolkit.baselines import ngram_linear

    monkeypatch.setattr(ngram_linear, "MOST_ITERATIONS", 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, fitted, _ = learned(SequenceClassification(), TRAIN)
    assert fitted.notes == ("not converged after 2 iterations: a larger model.penalty needs fewer",)


def test_other_classes_than_were_learned_are_refused():
    task, fitted, _ = learned(SequenceClassification(), TRAIN)
    with pytest.raises(RunError, match=r"task\.classes: are not those that were learned"):
        NgramLinear().predictor(task.model_copy(update={"classes": WORDS}), fitted)


@pytest.mark.parametrize(
    ("keys", "fault"),
    [
        ({"words": None, "characters": None}, ("words", "found null, and characters is null too")),
        ({"words": (2, 1)}, ("words", "found [2, 1], expected the shortest first")),
    ],
)
def test_lengths_that_no_ngram_has_are_a_fault(keys, fault):
    [(key, message)] = NgramLinear(**keys).faults()
    assert key == fault[0]
    assert message.startswith(fault[1])
