"""The most memory that a run has until its first step, in megabytes, on standard output.

Run as `-m tests.peak_memory RECIPE`.
"""

import resource
import sys
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
        kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        sys.stdout.write(f"{kilobytes / 1024}\n")
