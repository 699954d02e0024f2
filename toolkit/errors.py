"""What a user can cause, and the exit code each kind ends with.

An error is one line a fault. The command line prints the lines and exits with `exit_code`;
everything that is not a `ToolkitError` is a defect of ours and keeps its traceback.
"""

from collections.abc import Iterable

MOST_FAULTS_SHOWN = 20


class ToolkitError(Exception):
    """A fault that a user can mend, as one or more lines of `where: what, expected what`."""

    exit_code = 2

    def __init__(self, faults: str | Iterable[str]) -> None:
        self.faults: tuple[str, ...] = (faults,) if isinstance(faults, str) else tuple(faults)
        assert self.faults, "an error without a fault"
        super().__init__("\n".join(self.lines()))

    def lines(self) -> list[str]:
        """The faults, one line each, cut to the first twenty and a count of the others."""
        shown = list(self.faults[:MOST_FAULTS_SHOWN])
        if len(self.faults) > len(shown):
            shown.append(f"... and {len(self.faults) - len(shown)} more")
        return shown


class RecipeError(ToolkitError):
    """The recipe is wrong: every fault of the file at once, each `file:line: key: …`."""


class DataError(ToolkitError):
    """A labelled file is wrong: each fault `file:line: found, expected`."""


class RunError(ToolkitError):
    """The run folder is in use, belongs to another recipe, or does not hold what was asked for."""


WAYS_OUT = (
    "give a local path, set the variable that a path names, set HF_ENDPOINT to a mirror of the "
    "Hub, or add --stand-in"
)


class UnreachableError(ToolkitError):
    """What is not here and cannot be fetched, a phrase each: one line with the ways out."""

    exit_code = 3

    def lines(self) -> list[str]:
        """All of it in one line."""
        return [f"{'; '.join(dict.fromkeys(self.faults))}: {WAYS_OUT}"]


class NumericalError(ToolkitError):
    """A loss or gradient is no longer finite."""

    exit_code = 4


class StorageError(ToolkitError):
    """The disk or folder did not take what had to be written."""

    exit_code = 5
