"""Windows that were stored make the batches that they made before, bit for bit."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.tasks.test_contract import ROWS
from toolkit import registry
from toolkit.encoders.pretrained import Pretrained
from toolkit.models.batch import collate, padding_of
from toolkit.training import window_store
from toolkit.training.window_store import (
    UnstorableError,
    WindowStore,
    windows_in_memory,
    write_windows,
)
from toolkit.windows import Window


def nothing_left_out(group):
    return 0


def stored(folder, groups, num_left_out=nothing_left_out):
    folder.mkdir(exist_ok=True)
    write_windows(folder, groups, num_left_out)
    return WindowStore(folder).windows()


def assert_same(one, other):
    """Equal batches: names in the same order, types, and every number."""
    for here, there in ((one.inputs, other.inputs), (one.targets or {}, other.targets or {})):
        assert list(here) == list(there)
        for name in here:
            assert here[name].dtype == there[name].dtype, name
            assert torch.equal(here[name], there[name]), name
    assert (one.targets is None) == (other.targets is None)
    assert one.lengths == other.lengths


@pytest.mark.parametrize(("name", "keys", "examples"), ROWS)
@pytest.mark.parametrize("family", ["bert", "roberta"])
def test_batches_of_every_task_are_the_same(name, keys, examples, family, checkpoints, tmp_path):
    task = registry.look_up("task", name)(**keys).learn(examples)
    tokenizer = Pretrained(checkpoint=checkpoints[family]).tokenizer()
    for number, group in enumerate((examples, [each.without_gold() for each in examples])):
        groups = [task.windows(example, tokenizer, 24, 6) for example in group]
        folder = tmp_path / str(number)
        windows = stored(folder, groups, task.num_left_out)
        assert windows.total == sum(map(len, groups))
        assert windows.num_in_several == sum(len(group) > 1 for group in groups)
        assert windows.num_truncated == sum(task.num_left_out(group) > 0 for group in groups)
        whole = [window for group in groups for window in group]
        again = [window for place in range(len(groups)) for window in windows.of(place)]
        padding = padding_of(tokenizer)
        assert_same(collate(again, padding), collate(whole, padding))
        for one, other in zip(whole, again, strict=True):
            assert_same(collate([other], padding), collate([one], padding))


def windows_of(length, ids, kind):
    whole = {"ints": (3, -1), "floats": (0.1, 2.5), "int": 2**40, "float": 1 / 3}[kind]
    targets = {"labels": [-100] * length, "whole": whole}
    return Window({"input_ids": ids[:length], "token_type_ids": [1] * length}, targets, "a note")


@given(
    st.lists(st.lists(st.integers(0, 9), max_size=3), max_size=9),
    st.sampled_from(["ints", "floats", "int", "float"]),
    st.lists(st.integers(0, 100_000), min_size=9, max_size=9),
)
def test_any_windows_come_back(tmp_path_factory, lengths, kind, ids):
    groups = [[windows_of(length, ids, kind) for length in group] for group in lengths]
    windows = stored(tmp_path_factory.mktemp("store"), groups)
    in_memory = windows_in_memory(groups, nothing_left_out)
    for place, group in enumerate(groups):
        found = windows.of(place)
        assert len(found) == len(group)
        for one, other in zip(group, found, strict=True):
            assert {n: v.tolist() for n, v in other.inputs.items()} == dict(one.inputs)
            assert other.targets["labels"].tolist() == one.targets["labels"]
            assert other.targets["whole"] == one.targets["whole"]
            assert type(other.targets["whole"]) is type(one.targets["whole"])
            assert other.where is None
    seen = sorted({each for group in groups for w in group for each in w.inputs["input_ids"]})
    assert windows.used.tolist() == in_memory.used.tolist() == seen
    assert windows[1:4] == in_memory[1:4]


def window(ids=(5, 6), **targets):
    return Window({"input_ids": list(ids)}, targets or None)


@pytest.mark.parametrize(
    ("groups", "why"),
    [
        ([[window(label=(1, 0.5))]], "whole numbers only or floats only"),
        ([[window(label=1)], [window(label=0.5)]], "different forms"),
        ([[window(label=(1, 2))], [window(label=(1, 2, 3))]], "different forms"),
        ([[window(label=True)]], "whole numbers only or floats only"),
        ([[window(labels=[1])]], "1 values for 2 tokens"),
        ([[window(labels=[0.5, 1.0])]], "32 bits"),
        ([[window(labels=[2**31, 1])]], "32 bits"),
        ([[window(labels=[0, 1])], [window(labels=1)]], "different forms"),
        ([[window(label=1)], [window()]], "different targets"),
        ([[window()], [Window({"input_ids": [1], "other": [1]})]], "inputs are"),
        ([[window(ids=(-1,))]], "an input id is -1"),
    ],
)
def test_what_would_come_back_otherwise_is_refused(groups, why, tmp_path):
    with pytest.raises(UnstorableError, match=why):
        stored(tmp_path, groups)


def test_windows_outlive_what_is_let_go_of(monkeypatch, tmp_path):
    monkeypatch.setattr(window_store, "_BETWEEN_RELEASES", 2)
    groups = [[window(ids=range(n, n + 50), labels=list(range(50)))] for n in range(40)]
    windows = stored(tmp_path, groups)
    kept = [windows.of(place)[0] for place in range(40)]
    for n, each in enumerate(kept):
        assert each.inputs["input_ids"].tolist() == list(range(n, n + 50))


def test_what_is_stored_cannot_be_written_to(tmp_path):
    windows = stored(tmp_path, [[window()]])
    with pytest.raises(ValueError, match="read-only"):
        windows.of(0)[0].inputs["input_ids"][0] = 7


def test_the_files_hold_four_bytes_a_token(tmp_path):
    groups = [[window(ids=np.arange(100).tolist(), labels=[1] * 100)] for _ in range(1000)]
    stored(tmp_path, groups)
    meta = json.loads((tmp_path / "meta.json").read_text())
    for column in (meta["inputs"]["input_ids"], meta["targets"]["labels"]):
        assert (tmp_path / column["file"]).stat().st_size == 4 * 100 * 1000
