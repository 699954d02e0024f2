"""Loading the framework quickly, and how its threads wait."""

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

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
    are in use, and elsewhere spin for less than a millisecond.
    """
    try:
        load = os.getloadavg()[0]
    except OSError:  # the system does not say
        load = float("inf")
    if load > SHARED * (os.cpu_count() or 1):
        return {"OMP_WAIT_POLICY": "PASSIVE"}
    return {"GOMP_SPINCOUNT": os.environ.get("GOMP_SPINCOUNT", "10000")}
