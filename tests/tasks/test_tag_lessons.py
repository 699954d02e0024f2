"""What a teacher of tagging teaches: a row of scores a word, whatever the pieces and windows."""

import numpy as np
import pytest
import torch

from tests.checkpoints import make_tokenizer
from toolkit import losses
from toolkit.examples import Tagged
from toolkit.models.batch import collate
from toolkit.recipe.distill import Distill
from toolkit.tasks import chain
from toolkit.tasks.lessons import TAUGHT
from toolkit.tasks.tag_lessons import LEAST, WORDS
from toolkit.tasks.token_classification import TokenClassification

LABELS = ("O", "B-LOC", "I-LOC")
LONG = Tagged(tuple(["Brussels", "lives", "in", "London", ";", "Ada", "Lovelace", "worked"] * 4))


def lessons(student="argmax", teacher="argmax", labels=LABELS, **settings):
    return TokenClassification(labels=LABELS, decoding=student).lessons(
        TokenClassification(labels=labels, decoding=teacher), Distill(teacher="runs/t", **settings)
    )


def windows_of(family, example=LONG, max_length=16, overlap=4):
    tokenizer = make_tokenizer(family)
    return TokenClassification(labels=LABELS).windows(example, tokenizer, max_length, overlap)


def tables(windows, rows, above=0):
    """The scores of windows that say these rows (words, labels) of the words."""
    found = []
    for window in windows:
        table = np.full((above + window.length + 2, rows.shape[1]), 7.0)
        for word, place in window.where:
            table[above + place] = rows[word]
        found.append(table)
    return found


@pytest.fixture
def rows():
    return np.random.default_rng(1).normal(size=(len(LONG.words), 3)) * 3


def test_the_teacher_says_each_word_once_and_its_labels_are_matched_by_name(rows):
    windows = windows_of("bert")
    assert len(windows) > 2
    found = lessons(labels=("B-LOC", "I-LOC", "O")).knowledge(LONG, windows, tables(windows, rows))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, rows[:, [2, 0, 1]], rtol=1e-6)


def test_a_crf_gives_the_logarithms_of_its_marginal_probabilities(rows):
    windows = windows_of("bert")
    transitions = np.random.default_rng(2).normal(size=(5, 3))
    scores = tables(windows, rows, above=5)
    for table in scores:
        table[:5] = transitions
    found = lessons(teacher="crf").knowledge(LONG, windows, scores)
    expected = chain.marginals(rows, chain.barriers(LABELS) + transitions)
    np.testing.assert_allclose(np.exp(found), np.maximum(expected, LEAST), rtol=1e-4)
    assert found.min() == pytest.approx(np.log(LEAST))  # I-LOC behind O, somewhere


def test_a_sentence_without_words_teaches_nothing():
    for decoding in ("argmax", "crf"):
        found = lessons(teacher=decoding).knowledge(Tagged(()), [], [])
        assert found.shape == (0, 3)


@pytest.mark.parametrize("family", ["bert", "roberta", "albert"])
@pytest.mark.parametrize(("student", "above"), [("argmax", 0), ("crf", 5)])
@pytest.mark.parametrize("loss", ["mse", "kl"])
def test_every_word_is_taught_once_on_its_first_piece_in_any_tokenizer(
    rows, family, student, above, loss
):
    settings = {"loss": loss, "weight": 0.5} | ({"temperature": 2.0} if loss == "kl" else {})
    found = lessons(student, **settings)
    windows = windows_of(family)
    taught = [
        window._replace(targets=each)
        for window, each in zip(windows, found.targets(windows, rows), strict=True)
    ]
    batch = collate(taught, {})
    assert int((batch.targets[WORDS] == 1).sum()) == len(LONG.words)
    length = batch.inputs["input_ids"].shape[1]
    generator = torch.Generator().manual_seed(3)
    said = torch.randn(len(windows), above + length, 3, generator=generator)
    loss_sum, count = found.loss(said, batch.targets)
    assert int(count) == len(LONG.words)
    ours = torch.empty(len(LONG.words), 3)
    for number, window in enumerate(windows):
        for word, place in window.where:
            ours[word] = said[number, above + place]
    theirs = torch.tensor(rows)
    expected = (
        losses.logit_differences(ours, theirs)
        if loss == "mse"
        else losses.divergence(ours, theirs, 2.0)
    )
    assert float(loss_sum) == pytest.approx(float(expected), rel=1e-4)
    parts = [
        found.loss(said[n : n + 1], {name: t[n : n + 1] for name, t in batch.targets.items()})
        for n in range(len(windows))
    ]
    assert sum(int(count) for _, count in parts) == len(LONG.words)
    assert sum(float(part) for part, _ in parts) == pytest.approx(float(loss_sum), rel=1e-4)


def test_a_crf_that_only_a_teacher_teaches_is_a_fault():
    assert lessons("crf").faults() == [
        (
            "weight",
            "found 1.0, but the transitions of a CRF learn from the gold: expected less",
        )
    ]
    assert lessons("crf", weight=0.9).faults() == []


def test_other_labels_are_a_fault():
    (fault,) = lessons(labels=("O", "B-PER", "I-PER")).faults()
    assert fault == (
        "teacher",
        "runs/t lacks 2 of the 3 labels of this run ('B-LOC') and has 2 that this run has not "
        "('B-PER'), expected the same labels",
    )


def test_a_window_without_a_word_of_its_own_has_targets_all_the_same(rows):
    found = lessons().targets([windows_of("bert")[0]._replace(where=())], rows)
    assert found[0][TAUGHT].sum() == 0
