import numpy as np

from toolkit.models.batch import collate
from toolkit.windows import IGNORED, Window


def test_windows_are_padded_to_the_longest():
    windows = [
        Window({"input_ids": [5, 6, 7]}, {"labels": [0, 1, 2], "weight": 0.5}),
        Window({"input_ids": [8]}, {"labels": [3], "weight": 1.5}),
    ]
    batch = collate(windows, {"input_ids": 9})
    assert batch.inputs["input_ids"].tolist() == [[5, 6, 7], [8, 9, 9]]
    assert batch.inputs["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]
    assert batch.targets["labels"].tolist() == [[0, 1, 2], [3, IGNORED, IGNORED]]
    assert batch.targets["weight"].tolist() == [0.5, 1.5]
    assert batch.num_tokens == 4


def test_windows_without_targets_make_a_batch_without():
    assert collate([Window({"input_ids": [1]})], {}).targets is None


def test_rows_of_floats_are_padded_with_zeros():
    rows = np.array([[0.5, 1.5], [2.5, 3.5]], dtype=np.float32)
    windows = [
        Window({"input_ids": [5, 6]}, {"taught": rows}),
        Window({"input_ids": [8]}, {"taught": rows[:1]}),
    ]
    taught = collate(windows, {}).targets["taught"]
    assert taught.tolist() == [rows.tolist(), [[0.5, 1.5], [0.0, 0.0]]]
