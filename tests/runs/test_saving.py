"""A disk that refuses for a while costs a checkpoint, not the run."""

import pytest
import torch

from toolkit.errors import StorageError
from toolkit.runs.checkpoints import Checkpoint
from toolkit.runs.run import Run
from toolkit.runs.saving import Saving


class Disk:
    """Refuses checkpoints of the steps that it is told."""

    def __init__(self, monkeypatch, run):
        self.refused, self.save = set(), run.checkpoints.save
        monkeypatch.setattr(run.checkpoints, "save", self.try_to_save)

    def try_to_save(self, step, checkpoint):
        if step in self.refused:
            raise StorageError(f"step {step}: no space")
        self.save(step, checkpoint)


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path / "run")


@pytest.fixture
def disk(run, monkeypatch):
    return Disk(monkeypatch, run)


@pytest.fixture
def said():
    return []


@pytest.fixture
def saving(run, disk, said):
    return Saving(run, 1, (), said.append)


def made(step, best, weights=None):
    weights = torch.full((2,), float(step)) if weights is None else weights
    return Checkpoint({"a": weights}, {}, {"step": step, "best_step": best})


def save(saving, step, best, is_last=False, **keys):
    saving.save(step, made(step, best, **keys), best=best, is_last=is_last)


def test_a_refused_checkpoint_is_said_and_the_next_one_saved(run, disk, saving, said):
    save(saving, 1, None)
    disk.refused = {2}
    save(saving, 2, None)
    assert said == ["no checkpoint of step 2: step 2: no space; training goes on to the next one"]
    assert run.checkpoints.steps() == [1]
    save(saving, 3, None)
    assert run.checkpoints.steps() == [3]


def test_what_cannot_be_removed_is_not_told_as_a_checkpoint_that_is_not_there(
    run, saving, said, monkeypatch
):
    def refuse(keep, best):
        raise StorageError("checkpoints: input/output error")

    monkeypatch.setattr(run.checkpoints, "rotate", refuse)
    save(saving, 1, best=1)
    assert run.checkpoints.steps() == [1]
    assert said == ["step 1 is saved, older checkpoints stay: checkpoints: input/output error"]


def test_the_best_one_is_saved_later_with_the_weights_that_it_had(run, disk, saving):
    weights = torch.ones(2)
    disk.refused = {1}
    save(saving, 1, best=1, weights=weights)
    weights += 1  # training goes on in place
    disk.refused = set()
    save(saving, 2, best=1, weights=weights)
    assert run.checkpoints.steps() == [1, 2]
    assert torch.equal(run.checkpoints.load(1).weights["a"], torch.ones(2))
    assert run.checkpoints.newest().state == {"step": 2, "best_step": 1}


def test_no_checkpoint_leans_on_a_best_one_that_is_not_there(run, disk, saving):
    disk.refused = {1}
    save(saving, 1, best=1)
    save(saving, 2, best=1)
    assert run.checkpoints.steps() == []


def test_a_better_one_takes_the_place_of_the_refused(run, disk, saving):
    disk.refused = {1}
    save(saving, 1, best=1)
    save(saving, 2, best=2)
    assert run.checkpoints.steps() == [2]


def test_the_last_one_is_an_error_and_those_before_stay(run, disk, saving):
    save(saving, 1, None)
    disk.refused = {2}
    with pytest.raises(StorageError, match="step 2: no space"):
        save(saving, 2, None, is_last=True)
    assert run.checkpoints.steps() == [1]


def test_a_checkpoint_waits_for_the_lines_before_it(run, disk, said, monkeypatch):
    saving = Saving(run, 1, ("metrics.jsonl",), said.append)

    def refuse():
        raise StorageError("metrics: no space")

    monkeypatch.setattr(run.lines("metrics.jsonl"), "sync", refuse)
    save(saving, 1, best=1)
    assert run.checkpoints.steps() == []
    monkeypatch.undo()
    save(saving, 2, best=1)
    assert run.checkpoints.steps() == [1, 2]
