"""`toolkit check` as its user meets it."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from tests.recipes import pretrained, write_recipe


def run(*arguments, folder=None, **variables):
    command = [sys.executable, "-m", "toolkit", "check", *map(str, arguments)]
    environment = {**os.environ, **variables}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.fixture
def recipe(tmp_path):
    return write_recipe(tmp_path)


def test_tables_and_findings_are_printed_and_it_is_exit_0(recipe):
    done = run(recipe)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    for words in ("examples", "windows", "unknown tokens", "counted by the span", "also in train"):
        assert words in done.stdout
    assert "\x1b" not in done.stdout  # no colours in a file
    assert done.stdout.splitlines()[-1].startswith("0 errors, ")


def test_a_fault_is_exit_2_below_the_whole_report(recipe, tmp_path):
    with open(tmp_path / "test.conll", "a", encoding="utf-8") as file:
        file.write("\nNobody\tB-GHOST\n")
    done = run(recipe)
    assert done.returncode == 2
    assert "error: data.test: label 'B-GHOST'" in done.stdout
    assert "windows" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("1 error, ")


def test_a_file_that_cannot_be_read_is_exit_2_as_in_training(recipe, tmp_path):
    with open(tmp_path / "train.conll", "a", encoding="utf-8") as file:
        file.write("\nlonely\n")
    done = run(recipe)
    assert done.returncode == 2
    assert "1 column, expected 2" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_figures_go_to_a_file_or_alone_to_standard_output(recipe, tmp_path):
    done = run(recipe, "--output", tmp_path / "audit.json")
    assert "windows" in done.stdout
    written = (tmp_path / "audit.json").read_text(encoding="utf-8")
    assert run(recipe, "--output", "-").stdout == written
    assert json.loads(written)["splits"]["train"]["rows"] == 40


def test_a_folder_that_is_not_there_is_one_line(recipe, tmp_path):
    done = run(recipe, "--output", tmp_path / "nowhere" / "audit.json")
    assert done.returncode == 5
    assert "nowhere" in done.stderr
    assert "Traceback" not in done.stderr


def test_overrides_change_what_is_looked_at(recipe, tmp_path):
    done = run(recipe, "model.max_length=16", "data.test=null", "--output", "-")
    record = json.loads(done.stdout)
    assert set(record["splits"]) == {"train", "dev"}
    assert record["about"]["tokens"]["max_length"] == 16
    assert record["splits"]["train"]["tokens"]["windows"] > 40


def test_a_missing_checkpoint_leaves_the_tokens_out_and_says_so(tmp_path):
    recipe = write_recipe(tmp_path, pretrained("no-one/has-this-one"))
    done = run(recipe)
    assert done.returncode == 0
    assert "warning: tokens and windows are not counted" in done.stdout
    assert "tokens a word" not in done.stdout


def test_missing_data_is_exit_3_or_replaced_by_a_stand_in(tmp_path):
    recipe = tmp_path / "far.yaml"
    recipe.write_text(
        "task: {type: token-classification}\nmodel: {type: lstm}\n"
        "data: {format: conll, train: '${NOWHERE_AT_ALL}/train.conll'}\n"
    )
    done = run(recipe)
    assert done.returncode == 3
    assert len(done.stderr.splitlines()) == 1
    done = run(recipe, "--stand-in")
    assert done.returncode == 0
    assert done.stdout.startswith("STAND-IN")


def test_code_of_ones_own_runs_only_where_it_is_allowed(recipe, tmp_path):
    (tmp_path / "mine.py").write_text(
        "from toolkit.tasks.token_classification import TokenClassification\n"
        "class Own(TokenClassification):\n    pass\n"
    )
    done = run(recipe, "task.type=mine:Own", folder=tmp_path, PYTHONPATH=os.getcwd())
    assert done.returncode == 2
    assert "--allow-code mine" in done.stderr
    done = run(
        recipe, "task.type=mine:Own", "--allow-code", "mine",
        folder=tmp_path, PYTHONPATH=os.getcwd(),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_a_checkpoint_in_the_hub_cache_is_read_where_it_lies(tmp_path, checkpoints):
    name = tmp_path / "hub" / "models--someone--tiny"
    snapshot = name / "snapshots" / "0123456789012345678901234567890123456789"
    shutil.copytree(checkpoints["roberta"], snapshot)
    (name / "refs").mkdir()
    (name / "refs" / "main").write_text(snapshot.name)
    recipe = write_recipe(tmp_path, pretrained("someone/tiny"))
    done = run(recipe, "--output", "-", HF_HOME=str(tmp_path), HF_HUB_OFFLINE="1")
    assert done.returncode == 0, done.stderr
    about = json.loads(done.stdout)["about"]["tokens"]
    assert (about["vocabulary_of"], about["max_length"]) == ("someone/tiny", 64)
