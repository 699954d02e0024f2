"""Runs commands in processes forked from this one, which has imported everything, under guard."""

import contextlib
import gc
import importlib
import json
import os
import pickle
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

FORBIDDEN = (
    "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork",
    "socket.connect", "socket.bind", "socket.getaddrinfo", "socket.sendto", "pickle.find_class",
    "urllib.Request", "os.startfile", "shutil.unpack_archive", "os.symlink", "os.link",
)  # fmt: skip
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CPU = 5  # seconds of computing that a case may take
HANGS = 60.0  # seconds until a case that computes nothing is ended


def watch(folder: Path, events: list[str]) -> None:
    """Take down what a refusal has no need of."""
    allowed = (str(folder / "runs"), "/dev/null", os.environ["TOOLKIT_CACHE"])

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in FORBIDDEN:
            events.append(f"{event} {arguments!r:.200}")
        elif event == "exec" and str(folder) in str(getattr(arguments[0], "co_filename", "")):
            events.append(f"exec {arguments[0].co_filename}")
        elif event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITES:
            path = os.fspath(arguments[0]) if not isinstance(arguments[0], int) else "/dev/null"
            path = os.path.abspath(os.fsdecode(path))
            if not path.startswith(allowed):
                events.append(f"open {path}")

    sys.addaudithook(hook)


def unpickle(folder: Path) -> None:
    from tests.hostile.files import pickled

    pickle.loads(pickled(folder))  # noqa: S301 - what the guard is to see


def import_from(folder: Path) -> None:
    (folder / "foreign.py").write_text("seen = 1\n", encoding="utf-8")
    sys.path.insert(0, str(folder))
    importlib.import_module("foreign")


def write_outside(folder: Path) -> None:
    (folder.parent / "written").write_text("", encoding="utf-8")


def start_process(folder: Path) -> None:
    subprocess.run(["true"], check=True)


def connect(folder: Path) -> None:
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", 9), timeout=1)


CONTROLS = (unpickle, import_from, write_outside, start_process, connect)  # the guard sees each


def run(command: list[str] | Callable[[Path], None], folder: Path) -> dict[str, Any]:
    """A command in a process of its own: how it ended, what it said, what it did."""
    said, did = folder / "stderr.txt", folder / "events.json"
    began = time.monotonic()
    process = os.fork()
    if not process:
        end(command, folder, said, did)
    while not (ended := os.waitpid(process, os.WNOHANG))[0]:
        if time.monotonic() - began > HANGS:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            return {"code": "too late", "said": said.read_text(), "events": [], "mb": 0}
        time.sleep(0.005)
    result = json.loads(did.read_text()) if did.exists() else {"events": ["died"], "mb": 0}
    return {"code": os.waitstatus_to_exitcode(ended[1]), "said": said.read_text(), **result}


def end(command: list[str] | Callable[[Path], None], folder: Path, said: Path, did: Path) -> None:
    """Be the process of a command; never returns."""
    from toolkit.cli import main

    out = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(out, 2)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    used = resource.getrusage(resource.RUSAGE_SELF)
    most = int(used.ru_utime + used.ru_stime) + CPU
    resource.setrlimit(resource.RLIMIT_CPU, (most, most))
    sys.argv = ["toolkit", *([] if callable(command) else command)]
    os.chdir(folder)
    events: list[str] = []
    code: Any = 0
    watch(folder, events)
    try:
        command(folder) if callable(command) else main()
    except SystemExit as ended:
        code = ended.code
    except BaseException as error:  # what a user would see as a traceback
        os.write(2, f"TRACEBACK {type(error).__name__}: {error}\n".encode())
        code = 1
    mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found = list(events)
    did.write_text(json.dumps({"events": found, "mb": mb}), encoding="utf-8")
    os._exit(code if isinstance(code, int) else 1)


def main(folder: Path, lot: str) -> None:
    """Run a lot of the cases, or the controls, and write down how each ended."""
    import accelerate  # noqa: F401
    import torch
    import transformers  # noqa: F401

    from tests.hostile.files import CASES, RECIPE, make_all
    from toolkit.training import finetune  # noqa: F401

    torch.set_num_threads(1)
    gc.freeze()  # to look for rubbish in all of torch takes longer than a refusal
    results = {}
    if lot == "controls":
        make_all(folder, [])
        for control in CONTROLS:
            own = folder / control.__name__
            own.mkdir()
            results[control.__name__] = run(control, own)
        good = folder / "good"
        good.mkdir()
        (good / "recipe.yaml").write_text(RECIPE.format(folder=good, data=folder), "utf-8")
        shutil.copytree(folder / "model", good / "model")
        results["good"] = run(["finetune", str(good / "recipe.yaml")], good)
    else:
        first, step = map(int, lot.split("/"))
        for number, (name, command) in enumerate(make_all(folder, CASES[first::step]).items()):
            results[name] = run(command, folder / str(number))
    (folder / "results.json").write_text(json.dumps(results), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
