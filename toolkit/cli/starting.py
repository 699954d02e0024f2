"""Loading the framework quickly, and how its threads wait."""

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SHARED = 0.25  # of the processors are in use: others compute here, too


@contextmanager
def starting() -> Iterator[None]:
    """Import and load without looking for rubbish, and never look at what was loaded.

    What modules are made of stays until the end; to look for rubbish in it again and again took a
    tenth of the time until the first step. A process that has loaded torch already is left alone.
    """
    if "torch" in sys.modules or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def waiting() -> dict[str, str]:
    """How threads wait for each other, for the environment, which torch's reads when it is loaded.

    Threads that spin while they wait are up to 1.5 times as fast where nobody else computes; where
    others do, a small model trained 60 times slower with them. So they sleep where the processors
    are in use, and elsewhere spin for less than a millisecond. The load is a mean of the last
    minute: where nobody else computes any more at this instant, it is of work that has ended.
    """
    most = SHARED * (os.cpu_count() or 1)
    running = _running()
    try:
        is_shared = os.getloadavg()[0] > most and (running is None or running - 1 >= most)
    except OSError:  # the system does not say
        is_shared = True
    if is_shared:
        return {"OMP_WAIT_POLICY": "PASSIVE"}
    return {"GOMP_SPINCOUNT": os.environ.get("GOMP_SPINCOUNT", "10000")}


def _running() -> int | None:
    """Threads that compute or could, on the whole machine, this one among them; None: unknown."""
    try:
        lines = Path("/proc/stat").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith("procs_running")), None)
