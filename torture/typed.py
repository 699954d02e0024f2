"""A command of the toolkit, as if it were typed, in a process that has everything imported."""

import contextlib
import io
import logging
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from toolkit.cli import main
from torture.bench import LOG, Ended, finish, start

OUT = "out"


def typed(
    folder: Path,
    words: Sequence[str],
    within: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> Ended:
    """Type a command in a folder; its end and what it said on standard error.

    `within` is in force around it. What it printed goes to the file `out` of the folder.
    """
    return finish(start(lambda: type_here(folder, words, within), folder / LOG), folder / LOG)


def type_here(
    folder: Path,
    words: Sequence[str],
    within: Callable[[], AbstractContextManager[object]] = nullcontext,
    out: str = OUT,
) -> None:
    """Type a command in this process, which ends with it."""
    sys.stdout.flush()
    os.dup2(os.open(folder / out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
    sys.stdout = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), "utf-8")
    sys.stderr = io.TextIOWrapper(io.FileIO(2, "w", closefd=False), "utf-8", write_through=True)
    os.environ |= {"TOOLKIT_CACHE": str(folder / "cache"), "HF_HUB_OFFLINE": "1"}
    logging.root.handlers.clear()  # pytest has some, which keep what is said to themselves
    sys.argv = ["toolkit", *words]
    code: object = 0
    with contextlib.chdir(folder), within():
        try:
            main()
        except SystemExit as ended:
            code = ended.code
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(bool(code)))
