import errno
import fcntl
import json
import os
import socket
import subprocess
import sys

import pytest

from toolkit.errors import RunError, StorageError
from toolkit.runs.lock import locked

HOLD = """
import sys, time
from pathlib import Path
from toolkit.runs.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_folder_that_is_held_names_its_holder_and_a_killed_holder_lets_go(tmp_path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout
    holder.stdout.readline()
    with pytest.raises(RunError, match=rf"in use by another run \(process {holder.pid} on "):
        locked(tmp_path).__enter__()
    holder.kill()
    holder.communicate()
    with locked(tmp_path):
        pass


def test_a_run_that_wrote_nothing_leaves_nothing(tmp_path):
    folder = tmp_path / "runs" / "new"
    with locked(folder):
        assert folder.is_dir()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_was_there_stays(tmp_path):
    with locked(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_wrote_something_keeps_its_folder(tmp_path):
    with locked(tmp_path / "run"):
        (tmp_path / "run" / "recipe.yaml").write_text("")
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [".lock", "recipe.yaml"]


def test_a_lock_file_that_was_removed_meanwhile_is_not_held(tmp_path, monkeypatch):
    flock, removed = fcntl.flock, []

    def late(file, how):
        if not removed:  # another run ends between our opening and our locking
            removed.append((tmp_path / ".lock").unlink())
        flock(file, how)

    monkeypatch.setattr(fcntl, "flock", late)
    refused = pytest.raises(BlockingIOError)
    with locked(tmp_path), open(tmp_path / ".lock", "rb") as other, refused:
        flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_stale_lock_is_recognised(tmp_path):
    holder = subprocess.Popen(["true"])
    holder.wait()
    text = json.dumps({"host": socket.gethostname(), "process": holder.pid})
    (tmp_path / ".lock").write_text(text)
    with locked(tmp_path):
        assert json.loads((tmp_path / ".lock").read_text())["process"] == os.getpid()


def test_a_holder_that_has_ended_is_told_from_one_at_work(tmp_path):
    text = json.dumps({"host": socket.gethostname(), "process": 2**22 + 1})
    (tmp_path / ".lock").write_text(text)
    with open(tmp_path / ".lock", "rb") as child:  # which a process that the run started still has
        fcntl.flock(child, fcntl.LOCK_EX)
        with pytest.raises(RunError, match="has ended, but one that it started is still at work"):
            locked(tmp_path).__enter__()


def test_a_lock_that_the_file_system_refuses_is_one_line(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(StorageError, match="could not be written"):
        locked(tmp_path).__enter__()
