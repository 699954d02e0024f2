"""The hidden Markov model against its equations, and against every path counted one by one."""

import math
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.baselines.hmm import Hmm, neighbours_of
from toolkit.examples import Tagged
from toolkit.tasks.token_classification import TokenClassification

LETTERS = st.sampled_from("abcde")
SENTENCE = st.lists(st.tuples(LETTERS, st.sampled_from(["N", "V", "D"])), min_size=1, max_size=4)
TRAIN = st.lists(SENTENCE, min_size=1, max_size=6)


def tagged(pairs):
    words, tags = zip(*pairs)
    return Tagged(words, tags)


def learned(train, **keys):
    task = TokenClassification().learn(train)
    hmm = Hmm(**keys)
    return task, hmm, hmm.learn(task, train)


def smoothed(counts, general, strength):
    return {
        key: (counts.get(key, 0) + strength * share) / (sum(counts.values()) + strength)
        for key, share in general.items()
    }


def written_out(train, labels, strength):
    """P(label | left, or start), with the end as None, by counting."""
    seen = {left: {} for left in (None, *labels)}
    for each in train:
        for left, right in pairwise((None, *each.tags, None)):
            seen[left][right] = seen[left].get(right, 0) + 1
    ends = (*labels, None)
    total = sum(sum(counts.values()) for counts in seen.values())
    general = {
        end: (sum(counts.get(end, 0) for counts in seen.values()) + 1) / (total + len(ends))
        for end in ends
    }
    return {left: smoothed(counts, general, strength) for left, counts in seen.items()}


@settings(deadline=None, max_examples=60)
@given(train=TRAIN, words=st.lists(LETTERS, min_size=1, max_size=4))
def test_tags_and_probabilities_are_those_of_all_paths_counted_one_by_one(train, words):
    train = [tagged(pairs) for pairs in train]
    task, hmm, fitted = learned(train)
    labels = task.labels
    moves = written_out(train, labels, hmm.strength)
    emission = hmm.emissions(task, fitted)
    brings = [dict(zip(labels, np.exp(emission(word)), strict=True)) for word in words]
    shares = {}
    for path in product(labels, repeat=len(words)):
        share = math.prod(row[tag] for row, tag in zip(brings, path, strict=True))
        share *= math.prod(moves[left][right] for left, right in pairwise((None, *path, None)))
        shares[path] = share
    [found] = hmm.predictor(task, fitted)([Tagged(tuple(words))])
    assert shares[found.tags] == pytest.approx(max(shares.values()), rel=1e-9)
    total = sum(shares.values())
    for place, (tag, score) in enumerate(zip(found.tags, found.scores, strict=True)):
        expected = sum(share for path, share in shares.items() if path[place] == tag) / total
        assert score == pytest.approx(expected, rel=1e-9)


def test_an_emission_is_drawn_from_the_general_to_the_word_itself():
    train = [Tagged(("Ada", "sees", "Ada"), ("N", "V", "N")), Tagged(("runs",), ("V",))]
    task, hmm, fitted = learned(train, suffix=1, strength=2.0)
    labels = ("N", "V")
    assert task.labels == labels
    base = {"N": (2 + 1) / 6, "V": (2 + 1) / 6}

    def expected(*chain):
        shares = base
        for counts in chain:
            shares = smoothed(counts, shares, 2.0)
        return [math.log(shares[label] / base[label]) for label in labels]

    rare, small, ends = {"N": 2, "V": 2}, {"V": 2}, {"V": 2}
    emission = hmm.emissions(task, fitted)
    known = expected(rare, small, ends, {"V": 1})
    assert emission("runs") == pytest.approx(known)
    assert emission("hops") == pytest.approx(expected(rare, small, ends))
    assert emission("hop") == pytest.approx(expected(rare, small))
    assert emission("42") == pytest.approx(expected(rare))
    assert emission("") == pytest.approx(expected(rare))


def test_only_rare_words_say_what_new_ones_are_like():
    train = [Tagged(("of", "of", "of", "at", "at"), ("P", "P", "P", "N", "P"))]
    _, _, fitted = learned(train, rare=2)
    assert fitted.facts["forms"] == ["", "x", "x at", "x t"]
    assert fitted.arrays["forms"].tolist() == [[1, 1]] * 4
    assert learned(train, rare=1)[2].facts["forms"] == []


def test_a_row_of_transitions_makes_one_and_what_iob2_forbids_is_impossible():
    train = [
        Tagged(("a", "b", "c"), ("B-X", "I-X", "O")),
        Tagged(("a", "b"), ("O", "B-Y")),
    ]
    task, hmm, fitted = learned(train)
    transitions = hmm.transitions(task, fitted)
    labels = task.labels
    shares = np.exp(transitions)
    for left in range(len(labels)):
        assert shares[left].sum() + shares[-1, left] == pytest.approx(1)
    assert shares[-2].sum() < 1  # the rest is for sentences without a word
    assert shares[labels.index("O"), labels.index("I-X")] == 0
    assert shares[labels.index("B-X"), labels.index("I-Y")] == 0
    assert shares[-2, labels.index("I-X")] == 0
    assert shares[labels.index("B-X"), labels.index("I-X")] > 0.3
    assert np.isfinite(transitions).all()


def test_neighbours_are_counted_with_the_edges_and_without_what_is_no_label():
    examples = [Tagged(("a", "b"), ("N", "V")), Tagged(("c", "d"), ("V", "?")), Tagged((), ())]
    assert neighbours_of(examples, ("N", "V")).tolist() == [[0, 1, 0], [0, 0, 1], [1, 1, 0]]


def test_an_i_tag_whose_b_tag_is_no_label_still_has_finite_scores():
    task = TokenClassification(labels=("O", "I-X"), allow_unseen=True)
    train = [Tagged(("a", "b"), ("O", "I-X"))]
    hmm = Hmm()
    [found] = hmm.predictor(task, hmm.learn(task, train))([Tagged(("b", "b"))])
    assert all(0 <= score <= 1 for score in found.scores)


def test_a_long_sentence_neither_underflows_nor_overflows():
    train = [tagged([("a", "N"), ("b", "V")])] * 3
    task, hmm, fitted = learned(train)
    [found] = hmm.predictor(task, fitted)([Tagged(("a", "b") * 2000)])
    assert set(found.tags) == {"N", "V"}
    assert all(0 < score <= 1 for score in found.scores)
