"""Wrong recipes through the command line: one right line a fault on standard error, exit 2."""

import signal
import sys

import pytest

from tests.recipe.test_hostile_recipes import WRONG as HOSTILE
from tests.recipe.test_wrong_recipes import WRONG
from toolkit.cli import main
from toolkit.errors import MOST_FAULTS_SHOWN

CODE = "--allow-code"


@pytest.mark.parametrize("wrong", [*WRONG, *HOSTILE], ids=lambda wrong: wrong.name)
def test_a_wrong_recipe_is_exit_2_and_a_line_for_each_fault(wrong, write, monkeypatch, capsys):
    allowed = [part for module in wrong.allow_code for part in (CODE, module)]
    path = write(wrong.text)
    monkeypatch.setattr(sys, "argv", ["toolkit", "finetune", *allowed, path, *wrong.overrides])
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    with pytest.raises(SystemExit) as left:
        main()
    for number, handler in handlers.items():
        signal.signal(number, handler)
    assert left.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[:MOST_FAULTS_SHOWN] == wrong.faults[:MOST_FAULTS_SHOWN]
    assert len(lines) == min(len(wrong.faults), MOST_FAULTS_SHOWN + 1)
