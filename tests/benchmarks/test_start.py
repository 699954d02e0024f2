import pytest

from benchmarks.start import first_step
from tests.recipes import write_recipe
from toolkit.errors import ToolkitError


def test_a_first_step_is_waited_for_and_the_run_is_ended_behind_it(tmp_path):
    recipe = write_recipe(tmp_path)
    seconds = first_step(tmp_path, str(recipe), ["train.epochs=100000"])
    assert 0 < seconds < 300
    assert (tmp_path / "start" / "metrics.jsonl").read_text(encoding="utf-8").startswith("{")
    assert not (tmp_path / "start" / "results.json").exists()


def test_a_run_that_has_no_first_step_says_why(tmp_path):
    recipe = write_recipe(tmp_path)
    with pytest.raises(ToolkitError, match=r"exit code 2: .*train\.batch_siez"):
        first_step(tmp_path, str(recipe), ["train.batch_siez=3"])
