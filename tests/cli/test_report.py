"""`toolkit report`, and the page that `toolkit finetune` leaves."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.forked import command_forked
from tests.recipes import write_recipe
from tests.report.ladders import make_ladder
from tests.report.pages import Page

ROOT = Path(__file__).parents[2]


def run(*arguments):
    """Type a command in a process that has everything imported."""
    return command_forked(*arguments, folder=ROOT)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    done = run("finetune", write_recipe(folder))
    assert done.returncode == 0, done.stderr
    return folder / "runs" / "small", folder / "small.yaml", done.stdout


def test_finetune_leaves_a_page_and_says_where(finished):
    folder, _, output = finished
    assert f"report {folder}/report.html" in output
    assert Page(folder / "report.html").has("examples")


def test_a_finished_run_keeps_its_page_and_gets_one_where_it_has_none(finished):
    folder, recipe, _ = finished
    page = folder / "report.html"
    page.write_text("mine")
    assert f"report {page}" in run("finetune", recipe).stdout
    assert page.read_text() == "mine"
    page.unlink()
    assert f"report {page}" in run("finetune", recipe).stdout
    assert Page(page).has("scores")


def test_a_fault_of_the_page_is_a_line_and_the_run_is_finished(finished):
    folder, recipe, _ = finished
    (folder / "report.html").unlink(missing_ok=True)
    predictions = folder / "predictions-test.jsonl"
    kept = predictions.read_bytes()
    predictions.write_text("{\n")
    done = run("finetune", recipe)
    predictions.write_bytes(kept)
    assert done.returncode == 0
    (line,) = [line for line in done.stdout.splitlines() if "report" in line]
    assert line.startswith("no report (RunError: ")
    assert line.endswith("; the run itself is finished")
    assert "Traceback" not in done.stderr


def test_a_page_is_written_without_the_framework(finished):
    folder, _, _ = finished
    code = (
        "import sys; from toolkit.report import run_page; run_page(sys.argv[1]); "
        "print(sorted({'torch', 'transformers', 'sklearn', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, folder], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "[]"


def test_report_says_where_the_page_is(finished):
    done = run("report", finished[0], "--split", "dev", "--audit")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{finished[0]}/report.html (")
    page = Page(finished[0] / "report.html")
    assert "What toolkit check found" in page.text
    assert len(page.data["cases"]) == 12


def test_what_is_wrong_is_one_line(finished, tmp_path):
    for arguments in ((tmp_path / "none",), (tmp_path,), (finished[0], "--split", "tets")):
        done = run("report", *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert len(done.stderr.splitlines()) == 1, done.stderr


def test_a_ladder_has_a_page_of_its_own(finished, tmp_path):
    folder = make_ladder(tmp_path / "ladder", finished[0], ["one", "two"])
    done = run("report", folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{folder}/compare.html (")
    assert Page(folder / "compare.html").data["models"] == ["one", "two"]
    done = run("report", folder, "--audit")
    assert done.returncode == 2
    assert json.loads((folder / "compare.json").read_text())["ladder"] == "small"
