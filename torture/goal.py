"""What a goal is: a promise, its trials by name, and how one is run."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from torture.bench import Bench


class Goal(NamedTuple):
    """A promise and the trials that try to break it."""

    name: str
    promise: str
    trials: Callable[[Bench, int], Sequence[str]]  # that many, or all there are where fewer
    run: Callable[[Bench, str], str | None]  # a trial by name; what went wrong, None: nothing
    number: int  # trials of `make torture`
