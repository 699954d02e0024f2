"""Loading the framework quickly."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


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
