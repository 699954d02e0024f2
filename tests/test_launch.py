"""The launch files: each is run here as it is, on this machine."""

import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import yaml

from tests import faulty
from tests.forked import commands_forked

ROOT = Path(__file__).parents[1]
LAUNCH = ROOT / "recipes" / "launch"
ARGUMENTS = ("small.yaml", "--allow-code", "faulty")


@pytest.fixture
def folder(tmp_path):
    faulty.write_faulty_recipe(tmp_path)
    return tmp_path


@pytest.fixture
def port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def start(folder, command, *changes, **variables):
    variables |= {"PYTHON": sys.executable, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [*map(str, command), *ARGUMENTS, *changes], cwd=folder, env={**os.environ, **variables},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def finish(process):
    output, errors = process.communicate(timeout=120)
    return process.returncode, output, errors


def test_on_one_machine_a_signal_to_the_script_stops_all_and_it_goes_on(folder):
    command, change = [LAUNCH / "one-machine.sh"], "train.epochs=200"
    process = start(folder, command, change, PROCESSES="2")
    for line in process.stdout:
        if "dev f1" in line:
            break
    children = psutil.Process(process.pid).children()
    assert len(children) == 2  # of the script's own process: it is the launcher
    process.terminate()
    _, _, errors = finish(process)
    assert not [child for child in children if child.is_running()]
    (line,) = [line for line in errors.splitlines() if line.startswith("terminated (step ")]
    faulty.plant(folder, "raise", "step", 1)
    words = ("finetune", *ARGUMENTS, change)  # which the script hands to both
    first, _ = commands_forked(*words, folder=folder, processes=2)
    assert f"goes on behind step {line.split()[2]}" in first.stdout


@pytest.mark.slow
def test_several_machines_stop_together_and_go_on(folder, port):
    # two machines are two launchers here; the signal reaches a process of the second one
    command = [LAUNCH / "several-machines.sh"]
    variables = {"HEAD": f"localhost:{port}", "MACHINES": "2", "PROCESSES": "1"}
    for rank in (0, 1):  # which machine gets which rank is not said
        faulty.plant(folder, "SIGUSR1", "step", 3, rank)
    both = [start(folder, command, **variables) for _ in range(2)]
    ended = [finish(process) for process in both]
    assert [code for code, _, _ in ended] == [1, 1]
    assert "terminated (step 3 is saved)" in ended[0][2] + ended[1][2]
    for rank in (0, 1):
        (folder / f"fault-{rank}.json").unlink(missing_ok=True)
    both = [start(folder, command, **variables) for _ in range(2)]
    ended = [finish(process) for process in both]
    assert [code for code, _, _ in ended] == [0, 0]
    assert "goes on behind step 3" in ended[0][1] + ended[1][1]


SRUN = """#!{python}
import os, subprocess, sys
command = sys.argv[sys.argv.index("sh"):]
tasks = [
    subprocess.Popen(command, env={{**os.environ, "SLURM_PROCID": rank, "SLURM_LOCALID": rank,
                                    "SLURM_NTASKS": "2", "SLURM_STEP_NUM_TASKS": "2"}})
    for rank in "01"
]
sys.exit(max(task.wait() for task in tasks))
"""
SCONTROL = """#!/bin/sh
[ "$1" = show ] && echo localhost || echo "$@" >> queue
"""


@pytest.mark.slow
def test_a_slurm_job_that_is_preempted_queues_again_and_goes_on(folder):
    # a stand-in for SLURM: srun starts two processes and gives their code, as the real one does
    tools = folder / "bin"
    tools.mkdir()
    for name, text in (("srun", SRUN.format(python=sys.executable)), ("scontrol", SCONTROL)):
        (tools / name).write_text(text, encoding="utf-8")
        (tools / name).chmod(0o755)
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    variables = {"PATH": path, "SLURM_JOB_ID": str(os.getpid()), "SLURM_JOB_NODELIST": "node1"}
    command = ["bash", LAUNCH / "slurm.sbatch"]
    faulty.plant(folder, "SIGUSR1", "step", 3, 1)
    code, _, errors = finish(start(folder, command, **variables))
    assert code == 143
    assert "terminated (step 3 is saved); to go on: start the same job again" in errors
    assert (folder / "queue").read_text(encoding="utf-8") == f"requeue {os.getpid()}\n"
    (folder / "queue").unlink()
    code, output, errors = finish(start(folder, command, **variables))
    assert code == 0, errors
    assert "goes on behind step 3" in output
    assert not (folder / "queue").exists()


def test_slurm_signals_before_the_time_is_over():
    lines = (LAUNCH / "slurm.sbatch").read_text(encoding="utf-8").splitlines()
    (found,) = [line for line in lines if line.startswith("#SBATCH --signal=")]
    name, _, seconds = found.partition("=")[2].partition("@")  # no B: to the processes themselves
    assert f"SIG{name}" == signal.SIGUSR1.name
    assert int(seconds) >= 60


def test_the_kubernetes_job_starts_a_launcher_that_torchrun_understands():
    from torch.distributed.run import get_args_parser

    text = (LAUNCH / "kubernetes.yaml").read_text(encoding="utf-8")
    service, job = yaml.safe_load_all(text)
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["command"] == ["torchrun"]  # the first process, with no shell before it
    found = get_args_parser().parse_args(container["args"])
    assert (found.module, found.training_script) == (True, "toolkit")
    assert int(found.nnodes) == job["spec"]["completions"] == job["spec"]["parallelism"]
    assert found.rdzv_endpoint.startswith(f"{job['metadata']['name']}-0.{pod['subdomain']}:")
    assert pod["subdomain"] == service["metadata"]["name"]
    assert found.nproc_per_node == str(container["resources"]["limits"]["nvidia.com/gpu"])
    assert {"SIGTERM", "SIGUSR1"} <= set(found.signals_to_handle.split(","))


@pytest.mark.parametrize("name", ["one-machine.sh", "several-machines.sh"])
def test_scripts_can_be_started_and_become_the_launcher(name):
    script = LAUNCH / name
    assert script.stat().st_mode & stat.S_IXUSR
    lines = script.read_text(encoding="utf-8").splitlines()
    assert any(line.startswith("exec ") for line in lines)
