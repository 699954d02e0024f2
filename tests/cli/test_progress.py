"""The last lines of a finished run: what they tell to type works when it is typed."""

import shlex
from pathlib import Path

import pytest

from toolkit.cli.progress import Display
from toolkit.data.given import Given
from toolkit.encoders.recurrent import Lstm
from toolkit.recipe.schema import Recipe, RunSettings
from toolkit.tasks.sequence_classification import SequenceClassification
from toolkit.training.job import Finished


@pytest.mark.parametrize("allowed", [(), ("my_tasks", "my_metric")])
def test_the_command_to_try_is_whole_and_can_be_pasted(capsys, allowed):
    task = SequenceClassification()
    recipe = Recipe(task=task, model=Lstm(), data=Given(train="x"), run=RunSettings(name="x"))
    Display(recipe, allowed).finish(Finished(Path("my runs/a b"), {}, task))
    [line] = [line for line in capsys.readouterr().out.splitlines() if line.startswith("try it: ")]
    assert shlex.split(line.removeprefix("try it: ")) == [
        "toolkit", "predict", "my runs/a b", "…",
        *(part for name in allowed for part in ("--allow-code", name)),
    ]  # fmt: skip
