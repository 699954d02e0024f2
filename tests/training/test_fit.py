"""Where training stops, what it has saved and says so."""

from pathlib import Path

import pytest

import toolkit
from tests.recipes import interrupt, write_recipe
from toolkit import stopping
from toolkit.errors import StorageError
from toolkit.runs.checkpoints import Checkpoints
from toolkit.runs.lock import InUseError, locked
from toolkit.training import fit
from toolkit.training.events import Evaluation
from toolkit.training.processes import Processes

STEP = 5  # the last of the first epoch, which is scored


@pytest.fixture(autouse=True)
def state(monkeypatch):
    """What was asked of this process, which the other tests know nothing of."""
    monkeypatch.setattr(stopping, "_state", stopping._State())


@pytest.fixture
def recipe(tmp_path):
    return toolkit.load_recipe(write_recipe(tmp_path))


@pytest.fixture
def folder(recipe):
    return Path(recipe.run.folder) / recipe.run.name


def stop(*_, **__):
    raise stopping.Stopped(stopping.TERMINATED)


def test_an_evaluation_that_was_stopped_and_then_killed_behind_its_line_has_one_line(
    recipe, folder, monkeypatch
):
    toolkit.finetune(recipe)
    expected = (folder / fit.METRICS).read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(fit, "evaluate", stop)
        with pytest.raises(stopping.Stopped, match=f"step {STEP} is saved"):
            toolkit.finetune(recipe, fresh=True)
    interrupt(recipe, lambda event: isinstance(event, Evaluation))
    toolkit.finetune(recipe)
    assert (folder / fit.METRICS).read_bytes() == expected


def test_what_went_wrong_before_is_forgotten_by_who_has_the_folder(recipe, folder):
    folder.mkdir(parents=True)
    told = folder / "error-rank-1.json"
    told.touch()
    with locked(folder), pytest.raises(InUseError):
        toolkit.finetune(recipe)
    assert told.exists()
    interrupt(recipe, lambda event: isinstance(event, Evaluation))
    assert not told.exists()


@pytest.mark.parametrize("is_scoring", [False, True])
def test_a_stop_whose_step_the_disk_refuses_says_so(recipe, monkeypatch, is_scoring):
    def refuse(self, step, checkpoint):
        raise StorageError(f"step {step}: no space")

    monkeypatch.setattr(Checkpoints, "save", refuse)
    if is_scoring:
        monkeypatch.setattr(fit, "evaluate", stop)
    else:
        monkeypatch.setattr(Processes, "stop", lambda self: stopping.TERMINATED)
    with pytest.raises(StorageError, match=f"step {STEP if is_scoring else 1}: no space"):
        toolkit.finetune(recipe)
