import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from toolkit.evaluation.predictions import Reader, plan_batches, predict
from toolkit.examples import Text
from toolkit.models.model import build_model
from toolkit.models.reading import WindowSize
from toolkit.tasks.sequence_classification import SequenceClassification
from toolkit.testing import SMALL
from toolkit.windows import Window


@given(st.lists(st.lists(st.integers(1, 30), max_size=5), max_size=40), st.integers(1, 9))
def test_every_example_is_in_one_batch_and_none_is_too_large(lengths, batch_size):
    windows = [[Window({"input_ids": [0] * length}) for length in group] for group in lengths]
    batches = plan_batches(windows, batch_size)
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or sum(len(windows[row]) for row in batch) <= batch_size


@pytest.mark.parametrize("combine", ["mean", "max", "attention"])
def test_a_text_of_more_windows_than_a_batch_is_scored_whole(combine):
    examples = [Text("where is my parcel " * 40, label="a"), Text("it broke", label="b")]
    task = SequenceClassification(combine=combine).learn(examples)
    tokenizer = SMALL.tokenizer(example.text for example in examples)
    model = build_model(task, SMALL, tokenizer)
    reader = Reader(task, tokenizer, WindowSize.of(SMALL, model.encoder))
    found = [
        predict(
            model, reader, examples, batch_size=size, precision="fp32", device=torch.device("cpu")
        )
        for size in (2, 64)
    ]
    assert found[0].num_windows > 8
    assert found[0].loss == pytest.approx(found[1].loss, abs=1e-6)
    bare = [example.without_gold() for example in examples]
    without = predict(
        model, reader, bare, batch_size=2, precision="fp32", device=torch.device("cpu")
    )
    assert without.predictions == found[0].predictions  # to the last bit
    for one, other in zip(found[0].predictions, found[1].predictions, strict=True):
        assert one.scores == pytest.approx(other.scores, abs=1e-6)
