"""Malformed files through the command line: one right line a fault on standard error, exit 2.

The bar of the project, in numbers: `BAR` says how many wrong files there are of each format.
"""

import json
import signal
import sys
from collections import Counter

import pytest

from tests.data.malformed import CLASSES, as_long, write
from tests.data.test_malformed import WRONG
from tests.data.test_odd_files import ODD
from tests.data.test_odd_rows import ODD as ODD_ROWS
from tests.recipe.test_hostile_recipes import WRONG as HOSTILE_RECIPES
from tests.recipe.test_wrong_recipes import WRONG as WRONG_RECIPES
from toolkit.cli import main
from toolkit.errors import MOST_FAULTS_SHOWN
from toolkit.examples import Question, Tagged, Text

TASKS = {
    Tagged: {"type": "token-classification"},
    Text: {"type": "sequence-classification"},
    Question: {"type": "question-answering"},
}
BAR = {"conll": 50, "conllu": 8, "csv": 40, "tsv": 2, "jsonl": 40, "json": 12, "squad": 25,
       "spans": 25, "parquet": 12, "arrow": 3}  # fmt: skip
TRAINING = [wrong for wrong in WRONG if not wrong.bare and wrong.format != "lines"]


@pytest.fixture
def toolkit(monkeypatch, capsys):
    """`toolkit("finetune", …)` in this process: exit code, and the lines of standard error."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["toolkit", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        return left.value.code, capsys.readouterr().err.splitlines()

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)


def recipe_of(wrong, path):
    """A recipe for the file, as JSON, which is YAML."""
    task = dict(TASKS[wrong.reads or CLASSES.get(wrong.format, Text)])
    kind = wrong.options.get("labels")
    return json.dumps(
        {
            "task": task | ({"labels": kind} if kind else {}),
            "model": {"type": "lstm"},
            "data": {"format": wrong.format, "train": path, **wrong.options},
            "run": {"name": "wrong", "folder": "runs"},
        },
        default=lambda block: block.model_dump(),
    )


@pytest.mark.parametrize("wrong", TRAINING, ids=lambda wrong: f"{wrong.format}-{wrong.name}")
def test_a_wrong_file_is_exit_2_and_a_line_for_each_fault(wrong, tmp_path, monkeypatch, toolkit):
    monkeypatch.chdir(tmp_path)
    path = write(wrong.content, tmp_path / "file")
    recipe = write(recipe_of(wrong, path + wrong.key), tmp_path / "wrong.yaml")
    code, lines = toolkit("finetune", recipe)
    assert code == 2
    faults = [fault if fault.startswith("data.") else f"{path}{fault}" for fault in wrong.faults]
    expected = faults[:MOST_FAULTS_SHOWN]
    if len(faults) > MOST_FAULTS_SHOWN:
        expected.append(f"... and {len(faults) - MOST_FAULTS_SHOWN} more")
    assert [as_long(*pair) for pair in zip(lines, expected)] == expected
    assert len(lines) == len(expected)


def test_examples_that_were_given_in_python_are_one_line_for_a_recipe(tmp_path, toolkit):
    given = recipe_of(WRONG[0]._replace(format="given"), "2 examples, sha256 0123456789abcdef")
    code, lines = toolkit("finetune", write(given, tmp_path / "given.yaml"))
    assert code == 3
    (line,) = lines
    assert line.startswith("data.train: 2 examples, sha256 0123456789abcdef: such examples are ")


def test_there_are_200_wrong_files_and_recipes_and_30_odd_ones_that_are_read():
    files = Counter(wrong.format for wrong in TRAINING)
    assert {format: files[format] for format, least in BAR.items() if files[format] < least} == {}
    assert len(TRAINING) >= 200
    assert len(WRONG_RECIPES) + len(HOSTILE_RECIPES) >= 100
    assert len(ODD) + len(ODD_ROWS) >= 30
    assert sum(bool(odd.note) for odd in ODD) + sum(bool(odd.notes) for odd in ODD_ROWS) >= 30
