"""The blocks of a recipe that do not depend on the task, and the recipe itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field

from toolkit.data.base import Data
from toolkit.recipe.block import Block, Learned

if TYPE_CHECKING:
    from toolkit.encoders.base import Encoder
    from toolkit.tasks.base import Task

Positive = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Rate = Annotated[float, Field(gt=0)]
Precision = Literal["auto", "fp32", "bf16", "fp16"]
Name = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
        max_length=100,
        description="up to 100 letters, digits, '.', '_' and '-', the first a letter or digit",
    ),
]

BLOCKS = ("task", "model", "data", "train", "evaluate", "run")


class Freeze(Block):
    """What of the model is not trained."""

    embeddings: bool = False  # and what else lies below the first layer
    layers: Annotated[int, Field(ge=0)] = 0  # so many of the encoder's, from the lowest
    names: tuple[str, ...] = ()  # parameters by whole parts of their names: LayerNorm, layer.*.bias


class Train(Block):
    """How the model learns."""

    epochs: Positive = 3  # passes over the training split
    batch_size: Positive = 32  # examples per optimiser step, over all processes
    learning_rate: Rate = 5e-5  # the highest one of the schedule
    head_learning_rate: Rate | None = None  # null: the same as learning_rate
    layer_decay: Annotated[float, Field(gt=0, le=1)] | None = (
        None  # each layer learns at this share of the rate of the one above it; null: all at one
    )
    freeze: Freeze = Freeze()  # what is not trained
    unfreeze_every: Positive | Literal["epoch"] | None = (
        None  # optimiser steps until one more layer is trained, from the top; null: all at once
    )
    gradient_checkpointing: bool = False  # compute layers twice: slower, in much less memory
    weight_decay: Annotated[float, Field(ge=0)] = 0.01  # not on biases and normalisation
    betas: tuple[Share, Share] = (0.9, 0.999)  # of AdamW
    epsilon: Rate = 1e-8  # of AdamW
    schedule: Literal["linear", "cosine", "constant"] = "linear"  # to zero, after the warm-up
    warmup: Share = 0.0  # the share of all steps over which the rate rises from zero
    max_grad_norm: Rate | None = 1.0  # clip the gradient to this norm; null: never
    precision: Learned[Precision] = "auto"  # of the arithmetic; auto: bf16 where supported
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 1  # of weights, order and dropout
    micro_batches: Learned[Positive | None] = None  # parts a step is cut into; null: one a process
    evaluate_every: Positive | None = None  # optimiser steps; null: at the end of each epoch
    checkpoint_every: Positive | None = None  # optimiser steps; null: with each evaluation
    keep_checkpoints: Positive = 1  # newest ones kept, beside the best one
    patience: Positive | None = None  # stop after so many evaluations without a better score

    def faults(self) -> list[tuple[str, str]]:
        """Faults between fields."""
        faults = []
        if self.warmup == 1:
            faults.append(("warmup", "found 1.0, which never ends, expected less than 1"))
        if max(self.betas) == 1:
            faults.append(("betas", f"found {list(self.betas)}, expected less than 1 each"))
        if self.micro_batches is not None and self.micro_batches > self.batch_size:
            message = f"found {self.micro_batches}, expected at most batch_size ({self.batch_size})"
            faults.append(("micro_batches", message))
        return faults


class Evaluate(Block):
    """How the model is scored."""

    batch_size: Positive = 64  # windows at a time, in each process
    metric: str | None = None  # the score that chooses the best checkpoint; null: the task's own
    resamples: Annotated[int, Field(ge=0)] = 1000  # of the bootstrap interval; 0: no interval
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95  # of the bootstrap interval


class RunSettings(Block):
    """Where the result goes."""

    name: Name  # of its folder, and in every table; the recipe's file name by default
    folder: str = "runs"  # the folder that holds the run's folder
    stand_in: tuple[str, ...] = ()  # what --stand-in replaced, a sentence each; not set by hand


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What to do, whole: rebuilt from the run's `recipe.yaml` with no training data.

    Its blocks were checked when they were made, so this is no pydantic model: the classes of the
    task and the model live in rooms above this one.
    """

    task: "Task"
    model: "Encoder"
    data: Data
    train: Train = field(default_factory=Train)
    evaluate: Evaluate = field(default_factory=Evaluate)
    run: RunSettings

    def model_copy(self, *, update: Mapping[str, Any]) -> Self:
        """A copy with other blocks, as a block's own `model_copy` is one with other keys."""
        return replace(self, **update)

    def blocks(self) -> dict[str, Block]:
        """The six blocks by name, in the order of a file."""
        return {name: getattr(self, name) for name in BLOCKS}

    def faults(self) -> list[tuple[str, str]]:
        """What is wrong between blocks, as (dotted key, message); each has its own `faults()`."""
        faults = []
        if self.train.patience is not None and self.data.dev is None:
            message = f"found {self.train.patience} without data.dev, expected a dev split or null"
            faults.append(("train.patience", message))
        return faults
