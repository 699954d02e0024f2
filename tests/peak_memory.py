"""The most memory that a run has until its first step, in megabytes, on standard output.

Run as `-m tests.peak_memory RECIPE`. Asks for the peak of this program: `ru_maxrss` is never less
than what the process that started it held then.
"""

import re
import sys
from pathlib import Path
from typing import Any

import toolkit
from toolkit.training.events import Step


class _FirstStepError(Exception):
    """The first step is made."""


def stop(event: Any) -> None:
    """End at the first step."""
    if isinstance(event, Step):
        raise _FirstStepError


if __name__ == "__main__":
    try:
        toolkit.finetune(toolkit.load_recipe(sys.argv[1]), watch=stop)
    except _FirstStepError:
        status = Path("/proc/self/status").read_text(encoding="ascii")
        (kilobytes,) = re.findall(r"VmHWM:\s+(\d+) kB", status)
        sys.stdout.write(f"{int(kilobytes) / 1024}\n")
