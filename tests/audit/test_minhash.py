"""Near duplicates: the estimate estimates, planted copies are found, strangers are not."""

import random
import string

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.audit.minhash import (
    PERMUTATIONS,
    THRESHOLD,
    jaccard,
    near_pairs,
    shingles,
    signatures,
)


def text_of(draw: random.Random, length: int) -> str:
    return "".join(draw.choice(string.ascii_lowercase + " ") for _ in range(length))


def mutated(draw: random.Random, text: str, times: int) -> str:
    letters = list(text)
    for _ in range(times):
        letters[draw.randrange(len(letters))] = draw.choice(string.ascii_uppercase)
    return "".join(letters)


def estimate(one: str, other: str) -> float:
    signs = signatures([one, other])
    return float((signs[:, 0] == signs[:, 1]).mean())


def test_the_estimate_is_within_its_error():
    draw = random.Random(1)
    errors = []
    for times in [0, 1, 2, 4, 8, 16, 32, 64] * 25:
        text = text_of(draw, 200)
        other = mutated(draw, text, times)
        truth = jaccard(text, other)
        error = estimate(text, other) - truth
        assert abs(error) <= 5 * (truth * (1 - truth) / PERMUTATIONS) ** 0.5
        errors.append(error)
    assert abs(float(np.mean(errors))) < 0.01  # no bias


def test_every_planted_copy_is_found_and_no_stranger():
    draw = random.Random(2)
    texts, planted = [], set()
    for _ in range(400):
        text = text_of(draw, draw.randrange(60, 400))
        copy = mutated(draw, text, 1)
        if jaccard(text, copy) >= 0.9:
            planted.add((len(texts), len(texts) + 1))
        texts += [text, copy, mutated(draw, text, len(text) // 4)]
    found = near_pairs([(text,) for text in texts])
    assert len(planted) > 150
    assert planted <= {(near.first, near.second) for near in found}
    for near in found:
        assert near.jaccard == jaccard(texts[near.first], texts[near.second]) >= THRESHOLD


def test_the_pairs_are_always_the_same():
    draw = random.Random(3)
    texts = [
        (mutated(draw, "the very same sentence about nothing at all " * 3, 1),) for _ in "x" * 99
    ]
    assert near_pairs(texts) == near_pairs(texts) != []


def test_every_text_of_an_example_has_to_be_alike():
    passage = "A long passage that two questions are asked about, and which is quite the same. " * 4
    items = [("who wrote it?", passage), ("when was that?", passage), ("when was that", passage)]
    assert [near[:2] for near in near_pairs(items)] == [(1, 2)]


def test_many_copies_of_one_text_are_all_connected():
    texts = [f"a template of some length that ends in a number: {n:03d}" for n in range(500)]
    found = near_pairs([(text,) for text in texts])
    assert {place for near in found for place in near[:2]} == set(range(500))
    assert len(found) <= 500 * 8 * 16  # neighbours, bands: never all pairs


def test_texts_shorter_than_a_shingle_are_compared_whole():
    assert near_pairs([("ab",), ("abc",), ("",), ("x",)]) == []
    assert shingles("ab") == {"ab"}


def test_nothing_and_one_text_have_no_pairs():
    assert near_pairs([]) == near_pairs([("alone",)]) == []


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(max_size=30), min_size=1, max_size=6))
def test_the_signature_of_a_text_is_its_own(texts):
    together = signatures(texts)
    for place, text in enumerate(texts):
        assert (together[:, place] == signatures([text])[:, 0]).all()
