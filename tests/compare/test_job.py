"""A small ladder from its file to its table: killed, stopped and failing on its way, too."""

import json
import math
import multiprocessing
import os
import signal
import subprocess
import sys
import time

import pytest

from tests.recipes import write_recipe
from toolkit import stopping
from toolkit.compare.job import Options, compare
from toolkit.compare.reading import read_ladder
from toolkit.compare.worker import Said
from toolkit.errors import RunError
from toolkit.runs.files import TEMPORARY
from toolkit.runs.lock import locked

LADDER = """
task: {{type: token-classification}}
data: {{format: conll, train: {0}/train.conll, dev: {0}/dev.conll, test: {0}/test.conll}}
train: {{epochs: 2, batch_size: 8, learning_rate: 3e-2, precision: fp32}}
evaluate: {{resamples: 50}}
seeds: [1, 2]
run: {{folder: {0}/runs}}
workers: 2
rungs:
  low: {{model: {{type: lstm, embedding: 8, hidden: 8}}, train: {{epochs: 1}}}}
  high: {{model: {{type: lstm, embedding: 16, hidden: 16}}}}
"""
SAME = ("model/model.safetensors", "metrics.jsonl", "predictions-test.jsonl")
RUNS = ("low-seed1", "low-seed2", "high-seed1", "high-seed2")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with data, a ladder, and what comes of it."""
    folder = tmp_path_factory.mktemp("ladder")
    write_recipe(folder)
    (folder / "steps.yaml").write_text(LADDER.format(folder))
    done = compare(read_ladder(folder / "steps.yaml"))
    assert done.exit_code == 0
    return folder


def ladder_at(home, name, *overrides):
    return read_ladder(home / "steps.yaml", f"run.name={name}", *overrides)


def same_bits(home, name, runs=RUNS):
    for run in runs:
        for file in SAME:
            there = (home / "runs" / name / run / file).read_bytes()
            assert there == (home / "runs" / "steps" / run / file).read_bytes(), (run, file)
    assert not list((home / "runs" / name).rglob(f"{TEMPORARY}*"))


def test_it_leaves_runs_and_a_table_as_promised(home):
    folder = home / "runs" / "steps"
    assert {path.name for path in folder.iterdir()} == {
        ".lock", "ladder.yaml", "compare.json", "compare.md", *RUNS,
    }  # fmt: skip
    found = json.loads((folder / "compare.json").read_text())
    assert (found["ladder"], found["stand_in"], found["metric"]) == ("steps", False, "f1")
    assert (found["task"], found["split"], found["examples"]) == (
        "token-classification",
        "test",
        12,
    )
    assert found["about"] == {
        "scheme": "IOB2", "mode": "conlleval", "unit": "span", "average": "micro",
    }  # fmt: skip
    low, high = found["rungs"]
    assert (low["name"], low["seeds"], low["runs"]) == ("low", [1, 2], ["low-seed1", "low-seed2"])
    assert low["model"]["hidden"] == 8
    assert high["parameters"] > low["parameters"] > 0
    assert high["parameters_trained"] == high["parameters"]
    for rung in (low, high):
        results = [json.loads((folder / run / "results.json").read_text()) for run in rung["runs"]]
        told = [each["splits"]["test"]["scores"]["f1"]["value"] for each in results]
        assert rung["scores"] == told == rung["all_scores"]["f1"]
        assert rung["mean"] == pytest.approx(sum(told) / 2)
        assert rung["std"] == pytest.approx(abs(told[0] - told[1]) / math.sqrt(2))
        assert rung["interval"][0] <= rung["mean"] <= rung["interval"][1]
        assert rung["peak_memory_mb"] > 50
        assert rung["size_bytes"] > 1000
        assert rung["latency_ms"]["p95"] >= rung["latency_ms"]["p50"] > 0
        assert rung["batch_latency_ms"]["batch"] == 12  # all that there are
        assert all(seconds > 0 for seconds in rung["train_seconds"])
        assert {"f1", "precision", "recall", "support"} <= set(rung["per_label"]["PER"])
    difference = high["difference"]
    assert low["difference"] is None
    assert difference["to"] == "low"
    assert difference["value"] == pytest.approx(high["mean"] - low["mean"])
    for question in ("models", "recipes"):
        answer = difference[question]
        assert 0 < answer["p"] <= answer["p_holm"] <= 1
        assert answer["interval"][0] <= answer["interval"][1]
    assert difference["models"]["seed"] == 1
    assert [rung["to_best"] is None for rung in found["rungs"]].count(True) == 1
    assert found["best"] in ("low", "high")
    assert found["sentences"]


def test_the_table_is_markdown_with_a_row_a_rung(home):
    text = (home / "runs" / "steps" / "compare.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert [row.split(" | ")[0] for row in rows] == ["| rung", "| ---", "| low", "| high"]
    assert len({row.count(" | ") for row in rows}) == 1


def test_what_is_finished_and_measured_is_neither_run_nor_measured_again(home):
    before = (home / "runs" / "steps" / "compare.json").read_bytes()
    events = []
    done = compare(read_ladder(home / "steps.yaml"), tell=events.append)
    assert (done.exit_code, events) == (0, [])
    assert (home / "runs" / "steps" / "compare.json").read_bytes() == before


def test_measuring_again_is_asked_for(home):
    events = []
    speed = home / "runs" / "steps" / "low-seed1" / "speed.json"
    before = speed.stat().st_mtime_ns
    compare(read_ladder(home / "steps.yaml"), Options(measures_again=True), events.append)
    assert [event.run for event in events] == ["low", "low", "high", "high"]
    assert [event.what.sentence.split(",")[0] for event in events[::2]] == ["measured"] * 2
    assert speed.stat().st_mtime_ns > before


def test_the_bits_do_not_depend_on_the_number_of_workers(home):
    compare(ladder_at(home, "alone"), Options(workers=1))
    same_bits(home, "alone")


def test_another_ladder_under_the_name_is_refused_before_anything_runs(home):
    with pytest.raises(RunError) as caught:
        compare(ladder_at(home, "steps", "rungs.low.train.batch_size=4"))
    assert "low-seed1: train.batch_size: 8 in the run, 4 now" in str(caught.value)
    assert "low-seed2: train.batch_size: 8 in the run, 4 now" in str(caught.value)


def test_a_rung_that_fails_loses_no_other(home):
    events = []
    changes = "rungs.broken={extends: ./small.yaml, train: {learning_rate: 1e30}}"
    done = compare(ladder_at(home, "fails", changes), tell=events.append)
    assert done.exit_code == 4
    assert [rung["name"] for rung in done.found["rungs"]] == ["low", "high"]
    assert [each["run"] for each in done.found["failed"]] == ["broken-seed1", "broken-seed2"]
    assert "not finite" in done.found["failed"][0]["fault"]
    assert "broken is left out of the table" in " ".join(done.found["sentences"])
    same_bits(home, "fails")


def test_a_process_that_is_killed_is_said_and_the_next_time_it_goes_on(home):
    def kill(event):
        if event.run == "high-seed1" and isinstance(event.what, Said) and not event.what.is_note:
            for child in multiprocessing.active_children():
                if child.name == "high-seed1":
                    os.kill(child.pid, signal.SIGKILL)

    done = compare(ladder_at(home, "killed"), tell=kill)
    assert done.exit_code == 1
    (failed,) = done.found["failed"]
    assert (failed["rung"], failed["run"], failed["exit_code"]) == ("high", "high-seed1", 1)
    assert failed["fault"].startswith("its process was killed")
    assert compare(ladder_at(home, "killed")).exit_code == 0
    same_bits(home, "killed")


@pytest.fixture
def _listening():
    """This process takes signals as the command line does, until the test ends."""
    before = {number: signal.getsignal(number) for number in stopping.CODES}
    stopping.listen()
    yield
    stopping.listen()
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("_listening")
def test_a_signal_stops_all_behind_their_steps_and_nothing_is_lost(home):
    def stop(event):
        if isinstance(event.what, Said) and not event.what.is_note:
            stopping.ask(stopping.TERMINATED)

    with pytest.raises(stopping.Stopped) as caught:
        compare(ladder_at(home, "stopped"), tell=stop)
    assert caught.value.exit_code == 143
    assert caught.value.kept.endswith("of 4 runs finished, the others saved")
    stopping.listen()
    events = []
    compare(ladder_at(home, "stopped"), tell=events.append)
    assert any("goes on behind" in getattr(event.what, "sentence", "") for event in events)
    same_bits(home, "stopped")


@pytest.mark.slow  # another interpreter loads the framework
def test_where_the_command_itself_is_killed_its_processes_end_and_the_next_goes_on(home):
    command = [sys.executable, "-m", "toolkit", "compare", "steps.yaml", "run.name=gone"]
    with subprocess.Popen(command, cwd=home, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if "dev f1" in line:
                process.kill()
                break
    began = time.monotonic()
    done = compare(ladder_at(home, "gone"))
    assert done.exit_code == 0
    assert time.monotonic() - began < 60
    same_bits(home, "gone")


def test_two_at_once_are_refused(home):
    with locked(home / "runs" / "steps"), pytest.raises(RunError, match="in use by another run"):
        compare(read_ladder(home / "steps.yaml"))
