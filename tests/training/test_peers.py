"""Two real processes of which one fails: the right one is named, at once, and nobody stays."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import warnings
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from torch.distributed import HashStore
from torch.nn.parallel import distributed

from tests import faulty
from tests.forked import commands_forked
from toolkit import stopping
from toolkit.errors import DataError, ToolkitError
from toolkit.runs.lock import InUseError
from toolkit.training import peers

SAME = ("model/model.safetensors", "metrics.jsonl", "predictions-test.jsonl", "results.json")
SECONDS = 20  # for all to end once one has failed: 10 are promised, and this machine may be busy


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A recipe of the faulty task, and the folder of its undisturbed run on two processes."""
    folder = tmp_path_factory.mktemp("peers")
    faulty.write_faulty_recipe(folder)
    run_whole(folder, "undisturbed")
    return folder


def both(folder, name):
    """Type the command in two processes that are forked from this one, with no launcher."""
    words = ("finetune", "small.yaml", "--allow-code", "faulty", f"run.folder={name}")
    return commands_forked(*words, folder=folder, processes=2)


def run_whole(folder, name):
    for done in both(folder, name):
        assert done.returncode == 0, done.stderr


def start(folder, name, *overrides, **variables):
    """Start the recipe on two processes of torchrun."""
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2"]
    command += ["--rdzv_backend", "c10d", "--rdzv_endpoint", "localhost:0"]
    command += ["--signals-to-handle", "SIGTERM,SIGINT,SIGUSR1"]
    command += ["-m", "toolkit", "finetune", "small.yaml", "--allow-code", "faulty"]
    root = str(Path(__file__).parents[2])
    variables |= {"OMP_NUM_THREADS": "1", "PYTHONPATH": root}
    return subprocess.Popen(
        [*command, f"run.folder={name}", *overrides], cwd=folder, env={**os.environ, **variables},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def launch(folder, name, *overrides, **variables):
    """Run the recipe on two processes: exit code, standard error, and seconds after the fault."""
    process = start(folder, name, *overrides, **variables)
    _, errors = process.communicate(timeout=120)
    struck = folder / "struck"
    seconds = time.time() - struck.stat().st_mtime if struck.exists() else 0.0
    struck.unlink(missing_ok=True)
    left = [
        each.pid
        for each in psutil.process_iter(["cmdline"])
        if f"run.folder={name}" in (each.info["cmdline"] or ()) and str(folder) == cwd(each)
    ]
    assert left == []
    return process.returncode, errors, seconds


def cwd(process):
    try:
        return process.cwd()
    except psutil.Error:
        return ""


def report(folder, name, rank):
    path = folder / name / "small" / f"error-rank-{rank}.json"
    return json.loads(path.read_text(encoding="utf-8"))


def goes_on(folder, name):
    run_whole(folder, name)
    for file in SAME:
        there = (folder / name / "small" / file).read_bytes()
        assert there == (folder / "undisturbed" / "small" / file).read_bytes(), file
    assert not list((folder / name / "small").glob("error-rank-*"))


FAULTS = [
    ("SIGKILL", "step", 7, 1, "is gone without a word: killed, or left early"),
]
FAULTS += [
    pytest.param(*fault, marks=pytest.mark.slow)
    for fault in (
        ("raise", "step", 7, 1, "ValueError: this went wrong"),
        ("raise", "learn", 1, 0, "ValueError: this went wrong"),
        ("SIGKILL", "predict", 8, 0, "is gone without a word: killed, or left early"),
        ("exit", "predict", 8, 1, "left early (exit code 0)"),
        ("vanish", "step", 3, 0, "is gone without a word: killed, or left early"),
    )
]


@pytest.mark.parametrize(("how", "at", "number", "rank", "cause"), FAULTS)
def test_one_that_fails_is_named_and_ends_the_others(folder, how, at, number, rank, cause):
    name = f"{how}-{at}"
    faulty.plant(folder, how, at, number, rank)
    code, errors, seconds = launch(folder, name)
    assert code == 1
    first = errors.splitlines()[0]
    assert first.startswith(f"rank {rank}: ")
    assert cause in first
    assert seconds < SECONDS
    found = report(folder, name, rank)
    assert found["rank"] == rank
    assert cause in found["cause"]
    assert not (folder / name / "small" / f"error-rank-{1 - rank}.json").exists()
    if how == "SIGKILL" and at == "step":
        goes_on(folder, name)


@pytest.mark.parametrize(
    ("how", "cause"),
    [("raise", "ValueError: this went wrong"), ("hang", "hangs in happen (faulty.py:")],
)
def test_with_no_launcher_either_one_that_fails_is_named_and_ends_the_other(
    folder, monkeypatch, how, cause
):
    monkeypatch.setenv("TOOLKIT_TIMEOUT", "3")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)  # torchrun sets it, others do not
    name = f"{how}-alone"
    faulty.plant(folder, how, "step", 4, 1)
    with warnings.catch_warnings():  # and no warning stands before the first line
        warnings.filterwarnings("error", "OMP_NUM_THREADS")
        ended = both(folder, name)
    (folder / "struck").unlink()
    assert [done.returncode for done in ended] == [1, 1]
    teller = ended[1 if how == "raise" else 0].stderr.splitlines()[0]
    assert teller.startswith(f"rank 1: {cause}")
    assert (how == "hang") == ("TOOLKIT_TIMEOUT" in teller)
    found = report(folder, name, 1)
    assert found["told_by"] == (1 if how == "raise" else 0)
    assert cause in found["cause"]
    assert not (folder / name / "small" / "error-rank-0.json").exists()


@pytest.mark.slow
@pytest.mark.parametrize("how", ["hang", "SIGSTOP"])
def test_one_that_hangs_is_named_within_the_timeout(folder, how):
    faulty.plant(folder, how, "step", 4, 1)
    code, errors, seconds = launch(folder, how, TOOLKIT_TIMEOUT="3")
    assert code == 1
    what = "hangs in happen (faulty.py:" if how == "hang" else "gives no sign of life"
    assert errors.startswith(f"rank 1: {what}")
    assert "TOOLKIT_TIMEOUT" in errors.splitlines()[0]
    assert report(folder, how, 1)["told_by"] == 0
    assert seconds < 3 + SECONDS


# a signal that reached one process alone, and the step behind which the run goes on
@pytest.mark.parametrize(
    ("how", "at", "number", "rank"),
    [
        ("SIGTERM", "step", 3, 1),
        pytest.param("SIGUSR1", "predict", 8, 1, marks=pytest.mark.slow),
        pytest.param("SIGINT", "learn", 1, 0, marks=pytest.mark.slow),
    ],
)
def test_a_signal_to_one_stops_all_together(folder, how, at, number, rank):
    name = f"{how}-{at}-{rank}"
    faulty.plant(folder, how, at, number, rank)
    code, errors, seconds = launch(folder, name)
    assert code == 1
    first = errors.splitlines()[0]
    assert first.startswith("interrupted" if how == "SIGINT" else "terminated")
    if at == "step":
        assert first.startswith("terminated (step 3 is saved); to go on: torchrun --nproc_per_node")
    assert seconds < SECONDS
    assert not list((folder / name / "small").glob("error-rank-*"))
    if at != "learn":
        goes_on(folder, name)


@pytest.mark.slow
def test_without_a_launcher_the_process_that_keeps_the_store_is_named(folder):
    # as `srun` starts them: nobody but the processes themselves
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    faulty.plant(folder, "SIGKILL", "step", 4, 0)
    command = [sys.executable, "-m", "toolkit", "finetune", "small.yaml", "run.folder=alone"]
    variables = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2"}
    variables |= {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
    both = [
        subprocess.Popen(
            [*command, "--allow-code", "faulty"], cwd=folder, stderr=subprocess.PIPE, text=True,
            env={**os.environ, **variables, "RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in range(2)
    ]  # fmt: skip
    errors = [process.communicate(timeout=60)[1] for process in both]
    seconds = time.time() - (folder / "struck").stat().st_mtime
    (folder / "struck").unlink()
    assert [process.returncode for process in both] == [-signal.SIGKILL, 1]
    assert errors[1].startswith("rank 0: is gone without a word: killed, or left early")
    assert report(folder, "alone", 0)["told_by"] == 1
    assert seconds < SECONDS


@pytest.mark.slow
def test_a_signal_to_the_launcher_is_heeded_by_all(folder):
    process = start(folder, "launcher", "train.epochs=500")
    for line in process.stdout:
        if "dev f1" in line:
            break
    process.send_signal(signal.SIGUSR1)
    _, errors = process.communicate(timeout=60)
    assert process.returncode != 0
    (line,) = [line for line in errors.splitlines() if line.startswith("terminated (step ")]
    saved = int(line.split()[2])
    state = folder / "launcher" / "small" / "checkpoints" / f"step-{saved:08d}" / "state.json"
    assert json.loads(state.read_text(encoding="utf-8"))["step"] == saved


def test_without_its_launcher_nobody_stays(folder):
    process = start(folder, "orphans", "train.epochs=500")
    for line in process.stdout:
        if "dev f1" in line:
            break
    children = psutil.Process(process.pid).children()
    assert len(children) == 2
    process.kill()
    _, errors = process.communicate(timeout=60)
    assert errors.startswith("terminated (step ")
    assert psutil.wait_procs(children, timeout=SECONDS)[1] == []


@pytest.fixture
def alone(monkeypatch, tmp_path):
    """One of two processes as the other one is on another machine, without its thread."""
    store = HashStore()
    store.set("toolkit/1/process/1", "elsewhere 1")
    store.set("toolkit/1/life/1", json.dumps(peers.Life(7, "step (steps.py:7)", True, 0.0, True)))
    monkeypatch.setattr(peers, "_runs", 0)
    monkeypatch.setattr(peers, "_get_default_store", lambda: store)
    monkeypatch.setattr(peers.Peers, "_look_after", lambda self: None)
    stopping.listen()
    yield peers.Peers(0, 2, tmp_path)
    for number in stopping.CODES:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_a_broken_connection_waits_for_who_tells_why(alone, monkeypatch):
    told = iter([None, None, peers.Fault(1, "ValueError: no", 4)])
    monkeypatch.setattr(alone, "_look", lambda: next(told))
    with pytest.raises(SystemExit) as left:
        alone.end(RuntimeError("[gloo] Connection closed by peer"))
    assert left.value.code == 4
    assert not list(alone.folder.iterdir())


BROKEN = RuntimeError("[gloo] Connection closed by peer")


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(peers, "PATIENCE", 0.0)


def test_one_on_another_machine_that_is_silent_since_a_connection_broke_is_named(
    alone, impatient, caplog
):
    with pytest.raises(SystemExit) as left:
        alone.end(BROKEN)
    assert left.value.code == 1
    cause = "gives no sign of life since a connection broke (process 1, elsewhere)"
    assert caplog.messages == [f"rank 1: {cause}"]
    found = json.loads((alone.folder / "error-rank-1.json").read_text(encoding="utf-8"))
    assert (found["cause"], found["told_by"]) == (cause, 0)


def test_while_all_others_live_a_broken_connection_is_told_as_it_is(alone, impatient, monkeypatch):
    signs = iter([{0: 3, 1: 7}, {0: 13, 1: 17}])
    monkeypatch.setattr(alone, "_signs", lambda: next(signs))
    alone.end(BROKEN)
    (report,) = alone.folder.iterdir()
    assert report.name == "error-rank-0.json"


def test_one_that_has_done_its_work_is_not_blamed_for_its_silence(alone, impatient):
    alone.store.set("toolkit/1/left/1", "")
    alone.end(BROKEN)
    (report,) = alone.folder.iterdir()
    assert report.name == "error-rank-0.json"


def test_a_stop_that_was_asked_for_is_not_blamed_on_who_stopped_first(
    alone, impatient, monkeypatch
):
    monkeypatch.setattr(stopping, "vote", lambda: stopping._VOTES[stopping.TERMINATED])
    with pytest.raises(stopping.Stopped) as stopped:
        alone.end(BROKEN)
    assert stopped.value.exit_code == stopping.TERMINATED
    assert not list(alone.folder.iterdir())


def test_who_ends_for_what_was_told_lets_its_thread_say_it_first(alone):
    fault = peers.Fault(1, "is gone without a word", 1)
    order = []

    class Lock:
        def __enter__(self):
            order.append("in")

        def __exit__(self, *_):
            order.append("out")

    alone.lock = Lock()
    alone._told_aloud(fault)
    assert order == ["in", "out"]
    with pytest.raises(SystemExit):
        alone.end(RuntimeError("Connection closed by peer"))
    assert order == ["in", "out"] * 2


def test_a_cause_is_not_said_while_standard_error_leads_nowhere(alone, monkeypatch):
    order = []
    lock = SimpleNamespace(
        acquire=lambda timeout: order.append("free") or True, release=lambda: order.append("on")
    )
    monkeypatch.setattr(peers, "SILENCE", lock)
    monkeypatch.setattr(peers.log, "critical", order.append)
    alone._told_aloud(peers.Fault(1, "is gone without a word", 1))
    assert order == ["free", "rank 1: is gone without a word", "on"]


def test_what_both_threads_find_is_said_once(alone, caplog):
    for _ in range(2):
        alone._told_aloud(peers.Fault(1, "is gone without a word", 1))
    assert caplog.messages == ["rank 1: is gone without a word"]


def test_an_error_of_its_own_is_told_at_once_and_written_down(alone):
    alone.end(DataError("train.conll:3: found nothing"))
    told = peers.Fault(*json.loads(alone.store.get("toolkit/1/fault")))
    assert told == peers.Fault(0, "train.conll:3: found nothing", 2)
    found = json.loads((alone.folder / "error-rank-0.json").read_text(encoding="utf-8"))
    assert found["cause"] == "train.conll:3: found nothing"
    assert found["exit_code"] == 2
    assert "DataError" in found["traceback"]


def test_nothing_is_written_into_a_folder_that_another_run_holds(alone):
    alone.end(InUseError("runs/small: in use by another run (process 7 on host)"))
    told = peers.Fault(*json.loads(alone.store.get("toolkit/1/fault")))
    assert told.cause.startswith("runs/small: in use")
    assert not list(alone.folder.iterdir())


def test_who_tells_a_fault_second_leaves_without_a_word(alone):
    alone.store.set("toolkit/1/fault", json.dumps(peers.Fault(1, "ValueError: no", 1)))
    with pytest.raises(SystemExit) as left:
        alone.end(ValueError("no"))
    assert left.value.code == 1
    assert not list(alone.folder.iterdir())


def test_an_error_that_a_stop_of_another_led_to_is_a_stop(alone):
    alone.store.set("toolkit/1/fault", json.dumps(peers.Fault(1, "was asked to stop", 143, True)))
    with pytest.raises(stopping.Stopped) as stopped:
        alone.end(RuntimeError("Connection closed by peer"))
    assert stopped.value.exit_code == 143


def test_a_timeout_that_is_no_number_is_said(monkeypatch):
    monkeypatch.setenv("TOOLKIT_TIMEOUT", "ten")
    with pytest.raises(ToolkitError, match="TOOLKIT_TIMEOUT: found 'ten', expected a number"):
        peers.limit()


def test_where_a_thread_waits_for_others_is_told_from_where_it_works():
    here, is_waiting = peers._place(sys._getframe())
    assert here.startswith("test_where_a_thread_waits")
    assert not is_waiting


def test_a_thread_in_the_exchange_of_ddp_s_buffers_waits_for_others():
    scope = {"sys": sys}
    exec(compile("frame = sys._getframe()", distributed.__file__, "exec"), scope)
    assert peers._place(scope["frame"])[1]


def test_who_hangs_before_training_is_waited_for_longer_than_in_a_step():
    for is_training, seconds in ((True, 60), (False, 60 * peers.PREPARING)):
        works = peers.Life(0, "read (data.py:7)", False, seconds / 2 - 1, is_training)
        assert not peers._is_stuck(works, 60)
        assert peers._is_stuck(works._replace(seconds=seconds / 2 + 1), 60)


def test_only_a_broken_connection_is_taken_for_the_fault_of_another():
    assert peers._is_symptom(RuntimeError("[gloo/transport/tcp/pair.cc:547] Connection closed"))
    assert not peers._is_symptom(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert not peers._is_symptom(ValueError("connection"))


def test_who_stops_last_does_not_miss_who_stopped_first_and_kept_the_store(alone):
    def gone(*_):
        raise RuntimeError("Connection reset by peer")

    alone.store = SimpleNamespace(check=gone, get=gone, set=gone, compare_set=gone)
    alone.end(stopping.Stopped(stopping.TERMINATED))
    assert not list(alone.folder.iterdir())
