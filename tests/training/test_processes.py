"""One process, two processes and accumulation: the same losses, gradients and scores."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import toolkit
from tests.checkpoints import make_checkpoint
from tests.forked import finetune_forked, run_forked
from tests.recipes import pretrained, write_recipe
from tests.short_memory import short_memory
from toolkit.training.processes import asked_processes


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    folder = tmp_path_factory.mktemp("processes")
    make_checkpoint("bert", folder / "bert", dropout=0.0)
    return write_recipe(folder, pretrained(str(folder / "bert")), num_train=90)


def alone(recipe: str, name: str, *overrides: str) -> Path:
    """Run a recipe here, on one process; the folder of the run."""
    folder = Path(recipe).parent / name
    toolkit.finetune(toolkit.load_recipe(recipe, f"run.folder={folder}", *overrides))
    return folder / "small"


def steps(folder: Path) -> list[dict]:
    lines = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
    return [line for line in lines if "grad_norm" in line]


def test_processes_and_accumulation_change_nothing(recipe):
    one = alone(recipe, "one")
    cuts = {
        "two": run_forked(recipe, "two"),
        "two-by-two": run_forked(recipe, "two-by-two", "train.micro_batches=4"),
    }
    assert len(steps(one)) >= 20
    for name, folder in cuts.items():
        for here, there in zip(steps(one)[:20], steps(folder)[:20], strict=True):
            assert there["loss"] == pytest.approx(here["loss"], rel=1e-5), name
            assert there["grad_norm"] == pytest.approx(here["grad_norm"], rel=1e-5), name
            assert there["num_targets"] == here["num_targets"]
            assert there["num_tokens"] == here["num_tokens"]


@pytest.fixture(scope="module")
def dropping(tmp_path_factory):
    """A recipe whose checkpoint drops hidden states and attention."""
    folder = tmp_path_factory.mktemp("dropping")
    make_checkpoint("bert", folder / "bert", dropout=0.2)
    return write_recipe(folder, pretrained(str(folder / "bert")), num_train=90, num_dev=4)


def cut(parts: int, tokens: int | str) -> tuple[str, str]:
    """The overrides for so many micro-batches a step, and tokens at once."""
    return f"train.micro_batches={parts}", f"train.tokens_per_micro_batch={tokens}"


@pytest.mark.parametrize("padding_free", ["true", pytest.param("false", marks=pytest.mark.slow)])
def test_with_dropout_processes_accumulation_and_budgets_change_nothing(dropping, padding_free):
    read = f"model.padding_free={padding_free}"
    one = alone(dropping, f"one-{padding_free}", read)
    cuts = [
        alone(dropping, f"{parts}-{tokens}-{padding_free}", read, *cut(parts, tokens))
        for parts, tokens in [(2, "auto"), (4, "auto"), (1, 1), (1, 200), (2, 90), (4, 130)]
    ]
    cuts += [
        run_forked(dropping, f"two-{parts}-{padding_free}", read, *cut(parts, tokens))
        for parts, tokens in [(2, 150), (4, "auto")]
    ]
    assert len(steps(one)) >= 20
    for folder in cuts:
        for here, there in zip(steps(one)[:20], steps(folder)[:20], strict=True):
            assert there["loss"] == pytest.approx(here["loss"], rel=1e-5), folder
            assert there["grad_norm"] == pytest.approx(here["grad_norm"], rel=1e-5), folder


@pytest.mark.parametrize(
    ("place", "overrides"),
    [
        ("forward", ()),
        pytest.param("backward", (), marks=pytest.mark.slow),
        pytest.param(
            "backward",
            ("train.reproducible=elastic", "train.micro_batches=2"),
            marks=pytest.mark.slow,
        ),
    ],
)
def test_memory_that_is_short_in_one_process_halves_what_both_compute(dropping, place, overrides):
    name = f"{place}-{len(overrides)}"
    one = alone(dropping, f"plenty-{name}", *overrides)
    with short_memory(280, place, rank=1):
        folder = run_forked(dropping, f"short-{name}", *overrides)
    assert json.loads((folder / "memory.json").read_text())
    assert len(steps(folder)) == len(steps(one))
    for here, there in zip(steps(one)[:20], steps(folder)[:20], strict=True):
        assert there["loss"] == pytest.approx(here["loss"], rel=1e-5)
        assert there["grad_norm"] == pytest.approx(here["grad_norm"], rel=1e-5)


def test_memory_that_ends_amid_the_exchange_stops_the_job_and_the_same_command_goes_on(dropping):
    there = Path(dropping).parent / "amid"
    # 20 passes succeed, the next one of more than 150 tokens fails while gradients are exchanged
    with short_memory(150, "backward", after=20, rank=1):
        assert 0 not in finetune_forked(dropping, f"run.folder={there}", processes=2)
    folder = there / "small"
    (report,) = folder.glob("error-rank-*.json")
    assert report.name == "error-rank-1.json"
    cause = json.loads(report.read_text())["cause"]
    assert cause.startswith("step ")
    assert "while the processes exchanged gradients" in cause
    assert not (folder / "results.json").exists()
    before = len(steps(folder))
    (first,) = json.loads((folder / "memory.json").read_text())
    assert before < int(first)
    with short_memory(150, "backward", rank=1):
        assert len(steps(run_forked(dropping, "amid"))) == 24


def test_processes_share_one_cache(recipe, tmp_path, monkeypatch):
    monkeypatch.setenv("TOOLKIT_CACHE", str(tmp_path))
    two = run_forked(recipe, "sharing", "train.epochs=1")
    kinds = [path.name.partition("-")[0] for path in tmp_path.iterdir() if path.is_dir()]
    assert sorted(kinds) == ["facts", "facts", "windows"]
    again = run_forked(recipe, "sharing-again", "train.epochs=1")
    assert (again / "metrics.jsonl").read_bytes() == (two / "metrics.jsonl").read_bytes()
    assert len([path for path in tmp_path.iterdir() if path.is_dir()]) == 3


def test_two_processes_score_a_checkpoint_as_one_does(recipe):
    # trained by one process, stopped before its results, scored by two
    sets = (f"evaluate.sets.more.test={Path(recipe).parent}/train.conll",)
    one = alone(recipe, "scored-by-one", *sets)
    expected = json.loads((one / "results.json").read_text())
    assert expected["sets"]["more"]["examples"] == 90
    predictions = (one / "predictions-test.jsonl").read_bytes()
    (one / "results.json").unlink()
    two = run_forked(recipe, "scored-by-one", *sets)
    results = json.loads((two / "results.json").read_text())
    assert results == expected
    assert (two / "predictions-test.jsonl").read_bytes() == predictions


def test_a_launcher_that_starts_fewer_processes_than_asked_is_an_error(recipe):
    command = [sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2"]
    accelerate = Path(sys.executable).parent / "accelerate"
    if accelerate.is_file():
        command = [str(accelerate), "launch", "--cpu", "--num_processes", "2"]
    done = subprocess.run(
        [*command, "-m", "toolkit", "finetune", recipe], capture_output=True, text=True
    )
    assert done.returncode != 0
    assert "the launcher was asked for 2 processes and started 1" in done.stderr


def test_what_a_launcher_was_asked_for_is_read_off_its_variables(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert asked_processes() == 4
    monkeypatch.delenv("WORLD_SIZE")
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "3")
    assert asked_processes() == 3
