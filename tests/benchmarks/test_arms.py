from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import stock
from benchmarks.arms import Window, arms_of, difference, our_arm, stock_arm
from tests.benchmarks.conftest import SAMPLES

WINDOW = Window(1, 2)


def run(arm):
    return [next(arm.steps) for _ in range(WINDOW.total)]


def digests(arm):
    return [arm.witness.digest(step) for step in range(WINDOW.total)]


@pytest.mark.parametrize("recipe", SAMPLES)
def test_arms_read_the_same_windows_in_every_step_unless_they_group(ground_of, recipe):
    arms = arms_of(ground_of(recipe), WINDOW)
    for arm in arms:
        run(arm)
    first = arms[0]
    for arm in arms:
        together = arm.witness.digest_of_all(1, 3) == first.witness.digest_of_all(1, 3)
        assert together, arm.name
        assert (digests(arm) == digests(first)) == (arm.name != "B1"), arm.name


@pytest.mark.parametrize("recipe", ["wnut17-minilm", "banking77-minilm"])
def test_the_first_losses_of_the_baseline_are_ours(ground_of, recipe):
    ground = ground_of(recipe)
    assert all(len(group) == 1 for group in ground.windows)  # ours counts a loss for each text
    theirs = [float(loss) for loss in run(stock_arm(ground, WINDOW, "B0", stock.Switches()))]
    ours = [step.loss for step in run(our_arm(ground, "fp32"))]
    assert theirs == pytest.approx(ours, abs=1e-5)


def test_a_baseline_that_pads_to_a_length_learns_the_same(ground_of):
    ground = ground_of("wnut17-minilm")
    plain = run(stock_arm(ground, WINDOW, "B0", stock.Switches()))
    padded = stock_arm(ground, WINDOW, "padded", stock.Switches(pad_to=512))
    assert torch.allclose(torch.stack(run(padded)), torch.stack(plain), atol=1e-5)
    assert padded.witness.size(0) == 8 * 512


def test_answers_of_the_baseline_are_those_of_the_windows(ground_of):
    ground = ground_of("squad-minilm")
    windows = [window for group in ground.windows for window in group]
    rows = stock.dataset_of(windows, ground.tokenizer)
    spans = [window.targets["span"] for window in windows]
    assert any(first > 0 for first, _ in spans)
    for row, (first, last) in zip(rows, spans, strict=True):
        assert (row["start_positions"], row["end_positions"]) == (max(0, first), max(0, last))
        assert len(row["input_ids"]) == len(row["token_type_ids"]) == len(row["attention_mask"])


def test_grouping_keeps_every_row_and_brings_lengths_together():
    lengths = [(7 * row) % 97 for row in range(400)]
    batches = [list(range(at, at + 8)) for at in range(0, 400, 8)]
    found = stock.grouped(batches, lengths, seed=1)
    assert Counter(row for batch in found for row in batch) == Counter(range(400))

    def padded(batches):
        return sum(len(batch) * max(lengths[row] for row in batch) for batch in batches)

    assert padded(found) < 1.1 * sum(lengths) < padded(batches)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=130))
def test_grouping_keeps_the_number_of_steps_whatever_their_sizes(sizes):
    """An example in several windows makes a batch of more rows than the others have."""
    rows = iter(range(sum(sizes)))
    batches = [[next(rows) for _ in range(size)] for size in sizes]
    found = stock.grouped(batches, [row % 7 for row in range(sum(sizes))], seed=1)
    assert sorted(row for batch in found for row in batch) == list(range(sum(sizes)))
    assert len(found) == len(sizes)
    assert max(map(len, found)) - min(map(len, found)) <= 1


def test_the_baseline_decays_matrices_only(ground_of):
    ground = ground_of("wnut17-minilm")
    model = stock.load(ground.start)
    decayed, kept = stock.optimiser_of(model, stock.Switches(weight_decay=0.1)).param_groups
    assert all(parameter.dim() == 2 for parameter in decayed["params"])
    assert all(parameter.dim() == 1 for parameter in kept["params"])
    assert (decayed["weight_decay"], kept["weight_decay"]) == (0.1, 0.0)
    assert len(decayed["params"]) + len(kept["params"]) == len(list(model.parameters()))


def test_a_difference_of_weights_is_seen(ground_of):
    ground = ground_of("wnut17-minilm")
    one, other = our_arm(ground, "fp32"), our_arm(ground, "fp32")
    assert difference(one, other) == 0
    next(one.steps)
    assert difference(one, other) > 0
