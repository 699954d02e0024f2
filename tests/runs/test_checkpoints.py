import pytest
import torch

from toolkit.errors import StorageError
from toolkit.runs.checkpoints import Checkpoint, Checkpoints


def checkpoint(step: int) -> Checkpoint:
    weights = {"a": torch.full((3,), float(step))}
    return Checkpoint(weights, {"a/exp_avg": torch.ones(3)}, {"step": step})


def saved(folder, steps) -> Checkpoints:
    checkpoints = Checkpoints(folder / "checkpoints")
    for step in steps:
        checkpoints.save(step, checkpoint(step))
    return checkpoints


def test_the_newest_step_counts_whatever_the_clock_says(tmp_path):
    import os

    checkpoints = saved(tmp_path, (5, 120, 30))
    os.utime(checkpoints.path(5), (2e9, 2e9))
    newest = checkpoints.newest()
    assert newest is not None
    assert newest.state == {"step": 120}
    assert torch.equal(newest.weights["a"], torch.full((3,), 120.0))


def test_a_damaged_checkpoint_is_passed_over_and_named(tmp_path, caplog):
    checkpoints = saved(tmp_path, (1, 2, 3))
    (checkpoints.path(3) / "state.json").write_text("{}")
    checkpoints.weights(2).write_bytes(b"short")
    newest = checkpoints.newest()
    assert newest is not None
    assert newest.state == {"step": 1}
    passed_over = [record.getMessage() for record in caplog.records]
    assert "step-00000003 is passed over: state.json has" in passed_over[0]
    assert "step-00000002 is passed over: weights.safetensors has" in passed_over[1]


def test_without_checkpoints_there_is_no_newest(tmp_path):
    assert Checkpoints(tmp_path / "nowhere").newest() is None


def test_rotation_keeps_the_newest_and_the_best(tmp_path):
    checkpoints = saved(tmp_path, (1, 2, 3, 4, 5))
    checkpoints.rotate(keep=2, best=2)
    assert checkpoints.steps() == [2, 4, 5]
    checkpoints.rotate(keep=1, best=None)
    assert checkpoints.steps() == [5]


def test_a_checkpoint_whose_best_one_is_damaged_is_passed_over(tmp_path, caplog):
    checkpoints = saved(tmp_path, (1, 2))
    state = {"step": 3, "best_step": 2}
    checkpoints.save(3, Checkpoint(checkpoint(3).weights, {}, state))
    assert checkpoints.newest().state == state
    checkpoints.weights(2).write_bytes(b"short")
    assert checkpoints.newest().state == {"step": 1}
    assert "of the best one, step-00000002: weights.safetensors has 5 bytes" in caplog.text


def test_what_was_passed_over_does_not_push_whole_ones_out(tmp_path):
    checkpoints = saved(tmp_path, (1, 2, 9))
    checkpoints.weights(9).write_bytes(b"short")
    step = checkpoints.newest().state["step"]
    checkpoints.forget_after(step)
    checkpoints.save(3, checkpoint(3))
    checkpoints.rotate(keep=1, best=None)
    assert checkpoints.steps() == [3]


def test_a_damaged_best_checkpoint_is_said_before_its_weights_count(tmp_path):
    checkpoints = saved(tmp_path, (4,))
    checkpoints.check(4)
    checkpoints.weights(4).write_bytes(b"short")
    with pytest.raises(StorageError, match=r"step-00000004: weights\.safetensors has 5 bytes"):
        checkpoints.check(4)
