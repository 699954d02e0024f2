"""Nothing that a model, data set or recipe file holds is run: each is refused in a line."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.hostile.child import CONTROLS
from tests.hostile.files import CASES, OWNED, Case

LOTS = 4  # a process each, which imports everything once and forks; all but one are slow
LOT = [pytest.param(lot, marks=[pytest.mark.slow] if lot else []) for lot in range(LOTS)]
MOST_MB = 1024


def ended(folder: Path, lot: str) -> dict[str, Any]:
    """How every case of a lot ended, each in a process of its own under guard."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))
    }
    environment |= {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(folder / "home")}
    command = [sys.executable, "-m", "tests.hostile.child", str(folder), lot]
    done = subprocess.run(
        command, cwd=Path(__file__).parents[2], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    results: dict[str, Any] = json.loads((folder / "results.json").read_text())
    return results


def test_there_are_more_than_eighty():
    assert len(CASES) >= 80
    assert [name for name, times in Counter(c.name for c in CASES).items() if times > 1] == []


@pytest.mark.parametrize("lot", LOT)
def test_hostile_files_are_refused_in_a_line_and_nothing_is_done(lot, tmp_path):
    results = ended(tmp_path, f"{lot}/{LOTS}")
    cases = CASES[lot::LOTS]
    assert set(results) == {case.name for case in cases}
    faults = {c.name: found for c in cases if (found := faults_of(c, results[c.name]))}
    assert faults == {}
    assert [*tmp_path.rglob(OWNED)] == []


def faults_of(case: Case, result: dict[str, Any]) -> list[str]:
    lines = result["said"].splitlines()
    faults = {
        f"exit {result['code']}": result["code"] not in (2, 3, 4),
        f"{len(lines)} lines": len(lines) != 1,
        f"said {result['said'][-300:]}": case.said not in result["said"],
        "a line that is too long": any(len(line) > 600 for line in lines),
        f"did {result['events']}": bool(result["events"]),
        f"took {result['mb']:.0f} MB": result["mb"] >= MOST_MB,
    }
    return [fault for fault, is_so in faults.items() if is_so]


def test_the_guard_sees_what_it_is_there_for_and_lets_a_good_checkpoint_pass(tmp_path):
    results = ended(tmp_path, "controls")
    for control in CONTROLS:
        assert results[control.__name__]["events"], control.__name__
    good = results["good"]
    assert (good["code"], good["said"], good["events"]) == (0, "", [])
