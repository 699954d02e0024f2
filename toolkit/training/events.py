"""What a job tells whoever watches it."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from toolkit.training.steps import Step as Step


class Note(NamedTuple):
    """A sentence about the data or the run that a user should read."""

    text: str


class Started(NamedTuple):
    """Training is about to begin."""

    num_steps: int
    num_parameters: int
    num_trained: int  # of the parameters, sooner or later
    num_processes: int
    strategy: str  # of several processes
    device: str
    precision: str
    max_length: int  # tokens of a window


class Fitted(NamedTuple):
    """A baseline has learned, without steps."""

    num_parameters: int
    num_examples: int
    seconds: float


class Resumed(NamedTuple):
    """Training goes on behind this step."""

    step: int


class Evaluation(NamedTuple):
    """The development split was scored behind a step."""

    step: int
    scores: Mapping[str, float | None]
    loss: float | None  # mean over targets
    metric: str  # the score that chooses the best checkpoint
    is_best: bool


class Scored(NamedTuple):
    """A split was scored with the best weights, as `results.json` has it."""

    split: str
    num_examples: int
    scores: Mapping[str, Mapping[str, Any]]


class Compared(NamedTuple):
    """The evaluation sets were scored with the best weights."""

    results: Mapping[str, Any]  # as `results.json` has them, with `sets` and `transfer`


Event = Note | Started | Fitted | Resumed | Step | Evaluation | Scored | Compared
Watch = Callable[[Event], None]
