"""What the commands load, and when: told by what is in `sys.modules`, not by the clock."""

import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest

from toolkit.cli import starting as starting_module
from toolkit.cli.starting import waiting

HEAVY = (
    "torch", "torch.distributed.fsdp", "transformers", "datasets", "evaluate", "seqeval", "sklearn",
    "accelerate",
)  # fmt: skip


def loaded(code: str) -> set[str]:
    """The heavy packages that a new process has after the code."""
    ask = f"import sys; print('LOADED', *(n for n in {HEAVY!r} if n in sys.modules))"
    done = subprocess.run([sys.executable, "-c", f"{code}\n{ask}"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split()[1:])


@pytest.mark.parametrize("module", ["toolkit", "toolkit.cli", "toolkit.cli.starting"])
def test_the_command_line_is_light(module):
    assert loaded(f"import {module}") == set()


def test_scorers_and_the_hub_libraries_are_loaded_only_where_they_are_needed():
    both = "import toolkit.predict, toolkit.training.finetune"
    assert not loaded(both) & {"datasets", "evaluate", "seqeval", "sklearn"}


def test_what_counts_needs_neither_transformers_nor_shared_out_weights():
    assert loaded("import toolkit.training.finetune, toolkit.baselines.job") == {
        "torch", "accelerate",
    }  # fmt: skip


def test_what_is_wrong_with_a_run_is_said_before_anything_heavy_is_loaded():
    code = (
        "from typer.testing import CliRunner\nfrom toolkit.cli import app\n"
        "result = CliRunner().invoke(app, ['predict', 'no/such/run', 'a text'])\n"
        "assert result.exit_code, result.output"
    )
    assert loaded(code) == set()


def test_rubbish_is_looked_for_again_once_things_are_loaded():
    code = (
        "import gc\nfrom toolkit.cli.starting import starting\n"
        "with starting():\n    assert not gc.isenabled()\n"
        "assert gc.isenabled() and gc.get_freeze_count()"
    )
    assert loaded(code) == set()


def test_a_process_that_has_torch_keeps_its_own_settings():
    import torch  # noqa: F401

    from toolkit.cli.starting import starting

    frozen = gc.get_freeze_count()
    with starting():
        assert gc.isenabled()
    assert gc.get_freeze_count() == frozen


@pytest.mark.parametrize(
    ("load", "running", "sleeps"),
    [(1.5, 4, True), (1.5, 1, False), (0.5, 4, False), (1.5, None, True), (None, 1, True)],
)
def test_threads_sleep_where_others_compute_and_spin_a_little_elsewhere(
    monkeypatch, load, running, sleeps
):
    def average():
        if load is None:
            raise OSError  # the system does not say
        return (load, 9.0, 9.0)

    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    monkeypatch.setattr(os, "getloadavg", average)
    monkeypatch.setattr(starting_module, "_running", lambda: running)
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    spins = {"GOMP_SPINCOUNT": "10000"}
    assert waiting() == ({"OMP_WAIT_POLICY": "PASSIVE"} if sleeps else spins)


def test_a_spin_count_of_the_user_stands(monkeypatch):
    monkeypatch.setattr(os, "getloadavg", lambda: (0.0, 0.0, 0.0))
    monkeypatch.setenv("GOMP_SPINCOUNT", "7")
    assert waiting() == {"GOMP_SPINCOUNT": "7"}


@pytest.mark.skipif(not Path("/proc/stat").is_file(), reason="needs Linux")
def test_what_computes_now_is_counted():
    assert (starting_module._running() or 0) >= 1  # this test
