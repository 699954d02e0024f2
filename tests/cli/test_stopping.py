"""Signals: at the next boundary, nothing lost, the right exit code, the same bits in the end."""

import os
import re
import signal
import subprocess
import sys

import pytest

import toolkit
from tests import faulty
from tests.forked import command_forked
from toolkit import stopping
from toolkit.runs import checkpoints
from toolkit.runs.files import TEMPORARY

SAME = ("model/model.safetensors", "metrics.jsonl", "predictions-test.jsonl", "results.json")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A recipe of the faulty task, and the folder of its undisturbed run."""
    folder = tmp_path_factory.mktemp("stopping")
    faulty.write_faulty_recipe(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.syspath_prepend(folder)
        # in this process, so that its forks have loaded already what they need
        changes = ("run.folder=undisturbed",)
        toolkit.finetune(toolkit.load_recipe("small.yaml", *changes, allow_code=["faulty"]))
    return folder


def finetune(folder, name, *overrides, meanwhile=lambda: None):
    """Run the command in a fork of this process: exit code, output, errors."""
    words = ("finetune", "small.yaml", f"run.folder={name}", *overrides, "--allow-code", "faulty")
    done = command_forked(*words, folder=folder, meanwhile=meanwhile)
    return done.returncode, done.stdout, done.stderr


def goes_on(folder, name):
    """Run the command again: the step behind which it went on; its bits are the undisturbed."""
    code, output, errors = finetune(folder, name)
    assert (code, errors) == (0, "")
    for file in SAME:
        there = (folder / name / "small" / file).read_bytes()
        assert there == (folder / "undisturbed" / "small" / file).read_bytes(), file
    assert not list((folder / name).rglob(f"{TEMPORARY}*"))
    found = re.search(r"goes on behind step (\d+)", output)
    return int(found[1]) if found else 0


# the place, the n-th time there, the step behind which the run then goes on, and whether that was
# saved because of the signal. 12 examples are predicted and scored before training, behind each
# epoch of 5 steps, and at the end on dev and on test
PHASES = [
    ("learn", 1, 0, False), ("windows", 30, 0, False), ("predict", 2, 0, False),
    ("step", 1, 1, True), ("step", 3, 3, True), ("step", 5, 5, True), ("predict", 14, 5, True),
    ("score", 2, 5, True), ("step", 7, 7, True), ("step", 10, 10, True),
    ("predict", 28, 10, True), ("predict", 41, 10, False), ("score", 5, 10, False),
]  # fmt: skip


@pytest.mark.parametrize(("at", "number", "step", "is_saved"), PHASES)
def test_stopped_anywhere_nothing_is_lost(folder, at, number, step, is_saved):
    how, code = [("SIGINT", 130), ("SIGTERM", 143), ("SIGUSR1", 143)][number % 3]
    name = f"{at}-{number}"
    faulty.plant(folder, how, at, number)
    found, _, errors = finetune(folder, name)
    assert found == code
    (line,) = errors.splitlines()
    how = "interrupted" if code == 130 else "terminated"
    kept = f" (step {step} is saved)" * is_saved
    command = f"toolkit finetune small.yaml run.folder={name} --allow-code faulty"
    assert line == f"{how}{kept}; to go on: {command}"
    assert goes_on(folder, name) == step


def test_stopped_again_and_again_it_ends_with_the_same_bits(folder):
    for place, number in (
        ("windows", 5),
        ("step", 2),
        ("predict", 15),
        ("predict", 13),
        ("step", 4),
    ):
        faulty.plant(folder, "SIGTERM", place, number)
        assert finetune(folder, "often")[0] == 143, (place, number)
    assert goes_on(folder, "often") == 9


def test_stopped_while_it_saves_the_save_is_finished(folder):
    def meanwhile():
        save = checkpoints.Checkpoints.save

        def struck(self, step, checkpoint):
            if step == 4:
                os.kill(os.getpid(), signal.SIGTERM)
            save(self, step, checkpoint)

        checkpoints.Checkpoints.save = struck

    change = "train.checkpoint_every=2"
    code, _, errors = finetune(folder, "saving", change, meanwhile=meanwhile)
    assert code == 143
    assert errors.startswith("terminated")
    code, output, _ = finetune(folder, "saving", change)
    assert code == 0
    assert "goes on behind step 5" in output  # heeded behind the next step


def test_a_second_ctrl_c_ends_at_once(folder):
    def meanwhile():
        hear = stopping._hear

        def twice(number, frame):
            hear(number, frame)
            os.kill(os.getpid(), signal.SIGINT)

        stopping._hear = twice

    faulty.plant(folder, "SIGINT", "step", 3)
    code, _, errors = finetune(folder, "twice", meanwhile=meanwhile)
    assert code == -signal.SIGINT
    assert errors == ""
    assert goes_on(folder, "twice") == 0  # what was not saved is lost, and made again


def test_ctrl_c_while_the_command_is_loaded_is_quiet():
    code = (
        "import os, runpy, signal, sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, *rest):\n"
        "        if name == 'typer':\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Finder())\n"
        "runpy.run_module('toolkit', run_name='__main__')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_prediction_stops_behind_a_whole_line(folder, number):
    command = [sys.executable, "-m", "toolkit", "predict", "undisturbed/small"]
    command += ["--allow-code", "faulty", "--output", "jsonl"]
    process = subprocess.Popen(
        command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    faulty.plant(folder, signal.Signals(number).name, "predict", 1)
    out, err = process.communicate(b"Ada lives in Turin\n" * 300)
    assert process.returncode == 128 + number
    assert err.decode().rstrip() in ("interrupted", "terminated")
    assert out == b"" or out.endswith(b"\n")


def test_votes_of_many_processes_add_up_to_one_outcome():
    assert stopping.outcome(0.0) == 0
    assert stopping.outcome(1000.0) == 130
    assert stopping.outcome(2**20 + 7.0) == 143
