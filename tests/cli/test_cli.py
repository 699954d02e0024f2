"""The command line as its user meets it: output, exit codes, interruption."""

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import transformers
from evaluate import config

import toolkit
from tests.forked import command_forked
from tests.recipes import write_recipe

ROOT = Path(__file__).parents[2]


def run(*arguments, **options):
    """Type a command in a process that has everything imported."""
    return command_forked(*arguments, folder=ROOT, **options)


def run_cold(*arguments, folder=ROOT, stdin=None, **variables):
    """Type a command as a user does."""
    environment = {**os.environ, **variables}
    command = [sys.executable, "-m", "toolkit", *map(str, arguments)]
    return subprocess.run(
        command, cwd=folder, env=environment, input=stdin, capture_output=True, text=True
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    recipe = write_recipe(folder)
    toolkit.finetune(toolkit.load_recipe(recipe, "train.epochs=30", "train.learning_rate=2e-2"))
    return folder


def test_help_names_the_commands():
    done = run_cold("--help")
    assert done.returncode == 0
    for command in ("finetune", "predict", "evaluate", "recipes"):
        assert command in done.stdout


def test_the_versions_that_a_report_of_a_fault_needs():
    done = run("--version")
    assert done.returncode == 0
    assert done.stdout.startswith(f"toolkit {toolkit.__version__} (torch ")
    assert f"transformers {transformers.__version__}" in done.stdout


def test_an_unknown_option_is_exit_2():
    done = run("finetune", "ner-bert", "--nonsense")
    assert done.returncode == 2
    assert "nonsense" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_recipe_is_one_line():
    done = run("finetune", "ner-bret")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "ner-bert" in done.stderr


def test_recipes_are_listed_with_what_they_are():
    done = run("recipes")
    assert "ner-bert" in done.stdout
    assert "CoNLL-2003" in done.stdout


def test_without_a_hub_it_is_one_line_and_exit_3_within_ten_seconds(tmp_path):
    with socket.socket() as deaf:  # accepts, and never answers
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(64)
        began = time.monotonic()
        done = run_cold(
            "finetune", "ner-bert", f"run.folder={tmp_path}",
            HF_ENDPOINT=f"http://127.0.0.1:{deaf.getsockname()[1]}", HF_HOME=str(tmp_path),
        )  # fmt: skip
        seconds = time.monotonic() - began
    assert done.returncode == 3
    assert seconds < 10
    assert len(done.stderr.splitlines()) == 1
    for word in ("google-bert/bert-base-cased", "tomaarsen/conll2003", "--stand-in", "HF_ENDPOINT"):
        assert word in done.stderr
    assert done.stdout == ""
    assert not list(tmp_path.glob("ner*"))


def test_a_missing_variable_is_exit_3_and_a_missing_file_exit_2(tmp_path):
    done = run("finetune", "wnut17-lstm", meanwhile=lambda: os.environ.pop("TOOLKIT_DATA", None))
    assert done.returncode == 3
    assert "TOOLKIT_DATA" in done.stderr
    recipe = write_recipe(tmp_path)
    (tmp_path / "dev.conll").unlink()
    done = run("finetune", recipe)
    assert done.returncode == 2
    assert "dev.conll" in done.stderr
    assert "Traceback" not in done.stderr


def test_stand_ins_are_said_first_and_last_and_everywhere(tmp_path):
    done = run_cold(
        "finetune", "ner-lstm", "--stand-in", f"run.folder={tmp_path}", "train.epochs=1",
        HF_ENDPOINT="http://127.0.0.1:9", HF_HOME=str(tmp_path / "hf"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("STAND-IN")
    assert lines[-1].startswith("STAND-IN")
    folder = tmp_path / "ner-lstm-stand-in"
    assert json.loads((folder / "results.json").read_text())["stand_in"] is True
    assert json.loads((folder / "manifest.json").read_text())["stand_in"]
    assert "stand-in" in (folder / "model" / "README.md").read_text()
    assert "stand_in" in (folder / "recipe.yaml").read_text()


def test_a_log_file_has_whole_lines_and_no_bar(tmp_path):
    done = run("finetune", write_recipe(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "\r" not in done.stdout + done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert done.stderr == ""
    assert any(line.startswith("step 10/10  dev f1 ") for line in done.stdout.splitlines())


def test_predictions_come_as_marked_text_and_as_json(finished):
    folder = finished / "runs" / "small"
    text = "Thousands of people marched through Warsaw on Saturday."
    done = run("predict", folder, text, "no name here")
    assert done.returncode == 0, done.stderr
    marked, _ = done.stdout.splitlines()
    assert (
        marked.replace("[", "")
        .replace("](LOC)", "")
        .replace("](DATE)", "")
        .replace("](ORG)", "")
        .replace("](PER)", "")
        == text
    )
    done = run("predict", folder, "--output", "jsonl", stdin=f"{text}\n\nno name here\n")
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert [len(record["words"]) for record in records] == [9, 0, 3]
    assert all(len(record["prediction"]) == len(record["words"]) for record in records)


@pytest.mark.parametrize(
    ("arguments", "stdin", "told"),
    [
        ((), b"fine\nca\xe9 x\n", "standard input:2: byte 0xe9 at offset 2 of the line"),
        ((b"ca\xe9",), b"", "found half of a surrogate pair in '\\udce9'"),
    ],
    ids=["standard-input", "argument"],
)
def test_bytes_that_are_no_text_are_one_line(finished, arguments, stdin, told):
    command = [sys.executable, "-m", "toolkit", "predict", str(finished / "runs/small"), *arguments]
    done = subprocess.run(command, cwd=ROOT, input=stdin, capture_output=True)
    assert done.returncode == 2
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith(told)
    assert "expected" in line


def test_a_labelled_file_is_predicted_word_by_word(finished):
    folder = finished / "runs" / "small"
    done = run("predict", folder, "--file", finished / "test.conll", "--output", "jsonl")
    assert done.returncode == 0, done.stderr
    ours = list(map(json.loads, done.stdout.splitlines()))
    saved = list(map(json.loads, (folder / "predictions-test.jsonl").read_text().splitlines()))
    for key in ("id", "prediction"):
        assert [record[key] for record in ours] == [record[key] for record in saved]


def test_evaluating_again_gives_the_scores_of_the_run(finished, tmp_path):
    folder = finished / "runs" / "small"
    output = tmp_path / "scores.json"
    done = run("evaluate", folder, "--data", finished / "test.conll", "--output", output)
    assert done.returncode == 0, done.stderr
    expected = json.loads((folder / "results.json").read_text())["splits"]["test"]
    assert {key: json.loads(output.read_text())[key] for key in expected} == expected


def test_evaluation_sets_are_a_table_with_the_gap_to_the_source(tmp_path):
    recipe = write_recipe(tmp_path)
    sets = (f"evaluate.sets.again.test={tmp_path}/test.conll", "evaluate.sets.again.scheme=iob2")
    first, again = run("finetune", recipe, *sets), run("finetune", recipe, *sets)
    assert first.returncode == again.returncode == 0, first.stderr
    assert "is finished already" in again.stdout
    for done in (first, again):
        lines = done.stdout.splitlines()
        (place,) = [at for at, line in enumerate(lines) if line.startswith("evaluation sets")]
        table = lines[place : place + 6]
        assert table[0].split() == [
            "evaluation",
            "sets",
            "examples",
            "f1",
            "95%",
            "interval",
            "gap",
        ]
        assert table[1].startswith("  test (source)")
        assert table[2].split()[0] == "again"
        assert table[2].split()[-1] == "0.00"
        assert table[3].startswith("  mean of 1")
        assert table[5] == "  gap: points (0.01) of f1 below the source"
    output = tmp_path / "again.json"
    done = run("evaluate", tmp_path / "runs" / "small", "--data", "again", "--output", output)
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "runs" / "small" / "results.json").read_text())
    assert json.loads(output.read_text())["scores"] == results["sets"]["again"]["scores"]


def test_code_that_is_not_allowed_is_not_run(tmp_path):
    (tmp_path / "mine.py").write_text(f"open({str(tmp_path / 'touched')!r}, 'w')\nraise Stop\n")
    extra = f"evaluate.extra=[{{module: {tmp_path}/mine.py}}]"
    recipe = write_recipe(tmp_path)
    cache = {"meanwhile": lambda: setattr(config, "HF_MODULES_CACHE", str(tmp_path / "modules"))}
    done = run("finetune", recipe, extra)
    assert done.returncode == 2
    assert "--allow-code mine" in done.stderr
    assert not (tmp_path / "touched").exists()
    done = run("finetune", recipe, extra, "--allow-code", "mine", **cache)
    assert done.returncode == 2
    assert "mine.py cannot be loaded: NameError" in done.stderr
    assert (tmp_path / "touched").exists()


def test_a_metric_of_the_hub_is_exit_3_in_time_where_there_is_no_hub(tmp_path):
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(64)
        began = time.monotonic()
        done = run_cold(
            "finetune", write_recipe(tmp_path), "--allow-code", "exact_match",
            "evaluate.extra=[{module: exact_match, from_hub: true}]",
            HF_ENDPOINT=f"http://127.0.0.1:{deaf.getsockname()[1]}", HF_HOME=str(tmp_path),
            HF_HUB_OFFLINE="0",
        )  # fmt: skip
        seconds = time.monotonic() - began
    assert done.returncode == 3
    assert len(done.stderr.splitlines()) == 1
    assert "evaluate-metric/exact_match" in done.stderr
    assert "--stand-in" in done.stderr
    assert seconds < 10


@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_a_run_that_is_none_is_one_line(command, tmp_path):
    extra = ("--data", "x.conll") if command == "evaluate" else ("text",)
    done = run(command, tmp_path / "nowhere", *extra)
    assert done.returncode == 2
    assert done.stderr == f"{tmp_path}/nowhere: no such run\n"


def start(recipe: str, *overrides: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "toolkit", "finetune", recipe, *overrides],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def until(process: subprocess.Popen[str], word: str) -> None:
    assert process.stdout
    for line in process.stdout:
        if word in line:
            return
    raise AssertionError(f"no line with {word!r}: {process.communicate()[1]}")


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow)],
)
def test_stopped_it_says_how_to_go_on(tmp_path, number, code):
    recipe = write_recipe(tmp_path)
    process = start(recipe, "--fresh", "train.epochs=500")  # and not to start over again
    until(process, "dev f1")
    process.send_signal(number)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == code
    assert f"to go on: toolkit finetune {recipe} train.epochs=500" in stderr
    assert "Traceback" not in stderr


def test_two_runs_cannot_share_a_folder(tmp_path):
    recipe = write_recipe(tmp_path)
    process = start(recipe, "train.epochs=500")
    try:
        until(process, "dev f1")
        done = run("finetune", recipe, "train.epochs=500")
        assert done.returncode == 2
        assert f"in use by another run (process {process.pid} on" in done.stderr
        assert len(done.stderr.splitlines()) == 1
    finally:
        process.kill()
        process.communicate()


def test_a_full_disk_is_one_line_and_exit_5(tmp_path):
    recipe = write_recipe(tmp_path)

    def fill():
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    done = run("finetune", recipe, meanwhile=fill)
    assert done.returncode == 5, done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "could not be written" in done.stderr
    finished = run("finetune", recipe)
    assert finished.returncode == 0, finished.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("arguments", [("recipes",), ("--help",)])
def test_output_that_a_full_disk_does_not_take_is_one_line_and_exit_5(arguments):
    command = [sys.executable, "-m", "toolkit", *arguments]
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run(command, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 5
    assert done.stderr == "the output could not be written (No space left on device)\n"


def test_scores_that_cannot_be_written_are_one_line_and_exit_5(finished, tmp_path):
    arguments = ("--data", "test", "--output", tmp_path / "nowhere" / "scores.json")
    done = run("evaluate", finished / "runs" / "small", *arguments)
    assert done.returncode == 5
    assert done.stderr == f"{arguments[-1]}: could not be written (No such file or directory)\n"


def test_a_run_is_replayed_and_compared_with_another(tmp_path):
    recipe = write_recipe(tmp_path)
    for seed in (1, 2):
        toolkit.finetune(toolkit.load_recipe(recipe, f"train.seed={seed}", f"run.name=run{seed}"))
    one, two = tmp_path / "runs" / "run1", tmp_path / "runs" / "run2"
    done = run("replay", one)
    assert (done.returncode, done.stdout) == (0, "IDENTICAL: 10 steps, weights and metrics\n")
    done = run("diff", one, two)
    assert (done.returncode, done.stdout) == (1, "recipe: train.seed: 1 and 2\n")
    done = run("diff", one, one)
    assert (done.returncode, done.stdout) == (0, "no input differs\n")
    done = run("diff", one, tmp_path)
    assert done.returncode == 2
    assert done.stderr == f"{tmp_path}: is no run (it holds no manifest.json)\n"
