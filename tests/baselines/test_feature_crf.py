"""The CRF on features that were thought of by hand."""

import numpy as np
import pytest

from toolkit.baselines.feature_crf import FeatureCrf
from toolkit.baselines.tagging import IMPOSSIBLE
from toolkit.baselines.word_features import features_of
from toolkit.errors import DataError
from toolkit.examples import Tagged
from toolkit.tasks.token_classification import TokenClassification
from toolkit.tasks.transitions import legal_transitions

NAMES = ("Ada", "Bob", "Eve", "Ida", "Tom")
TRAIN = [
    Tagged((name, "Smith", verb, "in", place), ("B-PER", "I-PER", "O", "O", "B-LOC"))
    for name in NAMES
    for verb, place in (("lives", "Rome"), ("works", "Turin"))
]


def learned(train, task=None, **keys):
    task = (task or TokenClassification()).learn(train)
    crf = FeatureCrf(**{"min_count": 1, **keys})
    fitted = crf.learn(task, train)
    return task, fitted, crf.predictor(task, fitted)


def test_it_tags_new_words_by_what_stands_beside_them_and_by_their_shape():
    _, _, predict = learned(TRAIN)
    [found] = predict([Tagged(("Zoe", "Smith", "lives", "in", "Oslo"))])
    assert found.tags == ("B-PER", "I-PER", "O", "O", "B-LOC")
    assert all(0 <= score <= 1 for score in found.scores)


def test_a_tag_that_iob2_forbids_is_never_said():
    task, fitted, predict = learned(TRAIN)
    legal = np.array(legal_transitions(task.labels))
    assert (fitted.arrays["transitions"][~legal] == IMPOSSIBLE).all()
    assert (fitted.arrays["transitions"][legal] > -100).all()
    [found] = predict([Tagged(("Smith",) * 6)])
    lefts = ("O", *found.tags)
    for left, tag in zip(lefts, found.tags):
        assert not tag.startswith("I-") or left[2:] == tag[2:]


def test_the_weights_are_where_the_penalised_loss_is_flat(monkeypatch):
    from toolkit.baselines import feature_crf
    from toolkit.baselines.chain_likelihood import Chains, likelihood
    from toolkit.baselines.feature_crf import _rows

    monkeypatch.setattr(feature_crf, "LEAST_GAIN", 1e-12)

    task, fitted, _ = learned(TRAIN, penalty=0.5, iterations=500)
    places = {label: place for place, label in enumerate(task.labels)}
    rows = _rows(TRAIN, fitted.facts["features"])
    weights = fitted.arrays["weights"].astype(float)
    chains = Chains.of([[places[tag] for tag in each.tags] for each in TRAIN])
    found = likelihood(chains, rows @ weights, fitted.arrays["transitions"])
    slope = rows.T @ found.of_emissions + 0.5 * weights
    assert np.abs(slope).max() < 1e-3
    assert fitted.notes == ()


def test_features_that_few_words_have_get_no_weights():
    _, fitted, _ = learned(TRAIN, min_count=6)
    assert "word=Smith" in fitted.facts["features"]
    assert "word=Ada" not in fitted.facts["features"]


def test_sentences_that_cannot_be_learned_are_left_out_and_counted():
    odd = [Tagged(("x", "y"), ("O", "I-PER")), Tagged(("x",), ("B-???",)), Tagged((), ())]
    task = TokenClassification(allow_unseen=True).learn(TRAIN)
    _, fitted, _ = learned([*TRAIN, *odd], task)
    assert fitted.notes == (
        "train: 2 sentences left out: tags that are no labels, or that must not follow each other",
    )
    with pytest.raises(DataError, match="holds no sentence whose tags could follow each other"):
        learned(odd, task)


def test_a_sentence_that_begins_inside_a_span_is_left_out_whatever_the_order_of_labels():
    task = TokenClassification(labels=("I-PER", "B-PER", "O", "B-LOC", "I-LOC"))
    _, fitted, _ = learned([*TRAIN, Tagged(("x",), ("I-PER",))], task)
    assert fitted.notes[0].startswith("train: 1 sentence left out")


def test_what_did_not_converge_is_said():
    _, fitted, _ = learned(TRAIN, iterations=2)
    assert fitted.notes == ("not converged after 2 iterations (model.iterations)",)


def test_plain_tags_may_follow_each_other_freely():
    train = [Tagged(("a", "b"), ("I-x", "N")), Tagged(("b", "a"), ("N", "I-x"))]
    _, _, predict = learned(train)
    [found] = predict([Tagged(("a", "b", "b"))])
    assert found.tags == ("I-x", "N", "N")


def test_the_features_of_a_word():
    [_, found, _] = features_of(("in", "Rome", "!"))
    assert {
        "bias", "word=Rome", "long=Xxxx", "begins=ro", "ends=me", "lower[0]=rome",
        "lower[-1]=in", "lower[1]=!", "lower[-1,0]=in rome", "shape[0]=Xx", "shape[-1,0,1]=x Xx !",
        "lower[-2]=\x02", "lower[2]=\x03",
    } <= set(found)  # fmt: skip
    assert len(found) == len(set(found))
    assert features_of(()) == []
