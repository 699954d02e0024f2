from hypothesis import given
from hypothesis import strategies as st

from toolkit.evaluation.predictions import plan_batches
from toolkit.windows import Window


@given(st.lists(st.lists(st.integers(1, 30), max_size=5), max_size=40), st.integers(1, 9))
def test_every_example_is_in_one_batch_and_none_is_too_large(lengths, batch_size):
    windows = [[Window({"input_ids": [0] * length}) for length in group] for group in lengths]
    batches = plan_batches(windows, batch_size)
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or sum(len(windows[row]) for row in batch) <= batch_size
