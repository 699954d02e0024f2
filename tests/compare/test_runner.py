"""Processes at work: each with a GPU of its own, where there are GPUs."""

import os
import subprocess
import sys

import pytest
import torch

from toolkit.compare.runner import Call, Machine, machine, start_server, worked
from toolkit.compare.worker import Ended, Said


def say_device(tell, gate):
    """What `worked` calls: say the GPU that is seen, then wait for the parent."""
    tell(Said(os.environ.get("CUDA_VISIBLE_DEVICES", "none")))
    with open(gate, "rb") as opened:  # waits until the parent opens it, too
        opened.read()


class Parent:
    """Opens the gates of those that work at once, when all of them have said where they are."""

    def __init__(self, folder, at_once):
        self.folder, self.at_once = folder, at_once
        self.inside: dict[str, str] = {}  # run: device
        self.seen: list[list[str]] = []  # the devices of those that worked at once

    def call(self, name):
        os.mkfifo(self.folder / name)
        return Call(name, say_device, (str(self.folder / name),))

    def tell(self, event):
        if isinstance(event.what, Ended):
            assert event.what == Ended(0)
            return
        self.inside[event.run] = event.what.sentence
        if len(self.inside) == self.at_once:
            self.seen.append(sorted(self.inside.values()))
            for name in self.inside:
                open(self.folder / name, "wb").close()
            self.inside.clear()


@pytest.mark.parametrize(
    ("devices", "expected"),
    [
        (("3", "GPU-7f"), ["3", "GPU-7f"]),
        (("0", "1", "0"), ["0", "0", "1"]),  # more workers than GPUs
        ((), ["none", "none"]),
    ],
)
def test_processes_that_work_at_once_see_a_gpu_each(tmp_path, monkeypatch, devices, expected):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    at_once = len(expected)
    parent = Parent(tmp_path, at_once)
    calls = [parent.call(f"run{number}") for number in range(2 * at_once)]
    start_server()
    ended = worked(Machine(at_once, devices), calls, parent.tell)
    assert set(ended) == {call.name for call in calls}
    assert parent.seen == [expected, expected]


@pytest.mark.parametrize(
    ("visible", "workers", "expected"),
    [
        (None, None, Machine(2, ("0", "1"))),
        (None, 1, Machine(1, ("0",))),
        (None, 3, Machine(3, ("0", "1", "0"))),
        ("5, GPU-7f,-1", None, Machine(2, ("5", "GPU-7f"))),
    ],
)
def test_there_is_a_worker_a_gpu_and_more_share_them(monkeypatch, visible, workers, expected):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    if visible is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert machine(workers) == expected


ASKING = """
import importlib, torch
from toolkit.compare import runner
for name in ("is_available", "device_count", "_lazy_init", "get_device_properties"):
    setattr(torch.cuda, name, lambda *given, name=name: print("asked", name) or 0)
for name in runner._LOADED:
    importlib.import_module(name)
print("loaded", len(runner._LOADED))
"""


@pytest.mark.slow  # another interpreter loads the framework
def test_what_processes_are_forked_from_has_asked_no_gpu():
    """CUDA that has begun before a fork is of no use behind it, and sees all devices."""
    done = subprocess.run([sys.executable, "-c", ASKING], capture_output=True, text=True)
    assert done.stdout.split()[:1] == ["loaded"], done.stdout + done.stderr
