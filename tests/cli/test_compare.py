"""`toolkit compare` and `toolkit curve`: what is printed, and how they end."""

import pytest

from tests.compare.test_words import HIGH, LOW, ladder
from tests.recipes import write_recipe
from toolkit.cli import main
from toolkit.compare.job import Compared


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Runs a command: exit code, output, errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("toolkit.stopping.listen", lambda: None)
    write_recipe(tmp_path)

    def call(*arguments):
        monkeypatch.setattr("sys.argv", ["toolkit", *arguments])
        try:
            main()
            code = 0
        except SystemExit as ended:
            code = ended.code or 0
        output = capsys.readouterr()
        return code, output.out, output.err

    return call


def compared(monkeypatch, tmp_path, exit_code=0):
    found = ladder(LOW, HIGH, sentences=["high is better."])
    monkeypatch.setattr(
        "toolkit.compare.job.compare", lambda *_: Compared(tmp_path / "runs", found, exit_code)
    )


def test_the_table_and_the_sentences_are_printed(run, monkeypatch, tmp_path):
    compared(monkeypatch, tmp_path)
    code, output, errors = run("compare", "small.yaml")
    assert (code, errors) == (0, "")
    assert output.splitlines()[0].endswith("runs/small-seeds: 1 rung x 3 seeds")
    rows = [line.split() for line in output.splitlines()]
    assert any(row[:2] == ["high", "0.5000"] for row in rows)
    assert "high is better." in output
    *_, table, page = output.splitlines()
    assert table.endswith("runs/compare.json")
    assert page.startswith("no report (RunError: ")  # the figures were never written
    assert page.endswith("; the comparison is finished")


def test_a_failed_rung_is_its_exit_code(run, monkeypatch, tmp_path):
    compared(monkeypatch, tmp_path, exit_code=4)
    assert run("compare", "small.yaml")[0] == 4


def test_faults_are_a_line_each_and_nothing_runs(run, tmp_path):
    code, output, errors = run("compare", "small.yaml", "train.epochs=x", "seeds=[]")
    assert (code, output) == (2, "")
    assert errors.splitlines() == [
        "override train.epochs=x: train.epochs: found 'x', expected a whole number of at least 1",
        "override seeds=[]: seeds: found [], expected a list of 1 or more, each a whole number of "
        "at least 0 and below 4294967296",
    ]
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (("--sizes", "10,x"), "--sizes: found '10,x', expected whole numbers"),
        (("--sizes", "10,41"), "--sizes: found 41, expected 1 to 40"),
        (("--seeds", "1,1"), "--seeds: found one twice"),
        (("data.take.examples=10",), "data.take: leave it out"),
    ],
)
def test_a_curve_that_cannot_be_is_told_before_anything_runs(run, tmp_path, arguments, fault):
    code, _, errors = run("curve", "small.yaml", *arguments)
    assert code == 2
    assert fault in " ".join(errors.split())
    assert not (tmp_path / "runs").exists()
