"""The blocks of a recipe that do not depend on the task, and the recipe itself."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, JsonValue, SerializeAsAny

from toolkit import hub
from toolkit.data.base import Data
from toolkit.data.text import expand
from toolkit.errors import RecipeError, UnreachableError
from toolkit.recipe.block import Block, Learned
from toolkit.recipe.distill import Distill
from toolkit.recipe.learner import Learner
from toolkit.recipe.marks import shown

if TYPE_CHECKING:
    from toolkit.tasks.base import Task

Positive = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Rate = Annotated[float, Field(gt=0)]
Tracker = Literal["tensorboard", "wandb", "mlflow"]
Precision = Literal["auto", "fp32", "bf16", "fp16"]
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
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
    compact_vocabulary: bool = True  # leave out rows of the vocabulary that no training text has
    weight_decay: Annotated[float, Field(ge=0)] = 0.01  # not on biases and normalisation
    betas: tuple[Share, Share] = (0.9, 0.999)  # of AdamW
    epsilon: Rate = 1e-8  # of AdamW
    schedule: Literal["linear", "cosine", "constant"] = "linear"  # to zero, after the warm-up
    warmup: Share = 0.0  # the share of all steps over which the rate rises from zero
    max_grad_norm: Rate | None = 1.0  # clip the gradient to this norm; null: never
    precision: Learned[Precision] = "auto"  # of the arithmetic; auto: bf16 where supported
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 1  # of weights, order and dropout
    micro_batches: Learned[Positive | None] = None  # parts a step is cut into; null: one a process
    tokens_per_micro_batch: Learned[Positive | Literal["auto"] | None] = (
        "auto"  # a part with more is cut by length, between examples; null: never
    )
    reproducible: Literal["elastic"] | None = (
        None  # elastic: the same bits on 1, 2, 4, … processes, interrupted or not; null: faster
    )
    strategy: Literal["ddp", "fsdp"] = (
        "ddp"  # each of several processes has all weights; fsdp: a share of them and what they need
    )
    threads: Learned[Positive | None] = (
        None  # of a CPU, in each process; null: as many as torch takes, which elastic keeps to
    )
    evaluate_every: Positive | None = None  # optimiser steps; null: at the end of each epoch
    checkpoint_every: Positive | None = None  # optimiser steps; null: with each evaluation
    keep_checkpoints: Positive = 1  # newest ones kept, beside the best one
    on_nonfinite: Literal["stop", "skip"] = (
        "stop"  # a step whose loss or gradient is not finite: stop the run, or leave the step out
    )
    patience: Positive | None = None  # stop after so many evaluations without a better score
    distill: Distill | None = None  # another run teaches this one; null: the gold alone does

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
        if self.reproducible == "elastic" and not _is_power_of_two(self.micro_batches):
            message = (
                f"found {shown(self.micro_batches)}, expected a power of two with reproducible: "
                "elastic: the most processes that the run may ever have"
            )
            faults.append(("micro_batches", message))
        if self.strategy == "fsdp":
            faults += self._unshared()
        return faults

    def _unshared(self) -> list[tuple[str, str]]:
        """What does not go with weights that are shared out."""
        faults = []
        if self.reproducible == "elastic":
            message = (
                "found 'fsdp' with reproducible: elastic, expected 'ddp': how shares of a gradient "
                "are added depends on the number of processes"
            )
            faults.append(("strategy", message))
        if self.precision == "fp16":
            message = "found 'fp16' with strategy: fsdp, expected 'bf16' or 'fp32'"
            faults.append(("precision", message))
        return faults


def _is_power_of_two(number: int | None) -> bool:
    return number is not None and number.bit_count() == 1


class Extra(Block):
    """A metric of the `evaluate` library beside the task's own scores: code that runs here."""

    module: str  # a file or folder of your own (./my_metric.py); with from_hub a name of the Hub
    from_hub: bool = False  # the module's code may be fetched from the Hub
    config: str | None = None  # the configuration of the module; null: its default one
    arguments: Mapping[str, JsonValue] = {}  # what its `compute` takes beside the predictions
    name: Name | None = None  # of its score; null: what the module calls it
    resample: bool = False  # an interval too, for which it is computed evaluate.resamples times

    @property
    def code(self) -> str:
        """What `--allow-code` has to name: `my_metric` of ./my_metric.py, a name of the Hub."""
        return self.module if self.from_hub else Path(self.module).stem

    @property
    def hub_name(self) -> str:
        """The Space that holds a module of the Hub; the canonical ones have a name of one part."""
        return self.module if "/" in self.module else f"evaluate-metric/{self.module}"

    def refusal(self, allow_code: Collection[str]) -> str:
        """Why this code may not run, empty where it may."""
        if self.code in allow_code:
            return ""
        whose = "code of the Hub" if self.from_hub else "code of your own"
        return f"{shown(self.module)} is {whose}: allow it with --allow-code {self.code}"

    def missing(self) -> list[str]:
        """The module, where it cannot be reached; ToolkitError where there is none."""
        try:
            if self.from_hub:
                hub.find("space", self.hub_name)
            elif not expand(self.module).exists():
                hint = "" if Path(self.module).suffix else ", and from_hub is not set"
                raise RecipeError(f"evaluate.extra: {self.module}: no such file{hint}")
        except UnreachableError as error:
            return [f"evaluate.extra: {fault}" for fault in error.faults]
        return []


class Evaluate(Block):
    """How the model is scored, and on what beside the splits of `data`."""

    batch_size: Positive = 256  # windows at a time at most, in each process
    batch_tokens: Positive = 4096  # tokens at a time at most, padding included; one window at least
    metric: str | None = None  # chooses the best checkpoint, larger is better; null: the task's own
    resamples: Annotated[int, Field(ge=0)] = 1000  # of the bootstrap interval; 0: no interval
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95  # of the bootstrap interval
    extra: tuple[Extra, ...] = ()  # metrics of the `evaluate` library; they need --allow-code
    sets: Mapping[str, SerializeAsAny[Data]] = {}  # name -> what differs from data: scored at last
    source: str | None = None  # split or set that gaps are to; null: test, or dev without a test

    def missing(self) -> dict[str, list[str]]:
        """What cannot be reached of each set, by its dotted key, and of the metrics."""
        found = {}
        for name, data in self.sets.items():
            key = f"evaluate.sets.{name}"
            scored = data.model_copy(update={"train": data.test})  # which is all that is read
            found[key] = [f"{key}: {each.partition(': ')[2] or each}" for each in scored.missing()]
        found |= {f"evaluate.extra.{each.module}": each.missing() for each in self.extra}
        return {key: phrases for key, phrases in found.items() if phrases}


class RunSettings(Block):
    """Where the result goes, and who is told of it."""

    name: Name  # of its folder, and in every table; the recipe's file name by default
    folder: str = "runs"  # the folder that holds the run's folder
    stand_in: tuple[str, ...] = ()  # what --stand-in replaced, a sentence each; not set by hand
    track: tuple[Tracker, ...] = ()  # send numbers there, too; each needs its package

    def faults(self) -> list[tuple[str, str]]:
        """A tracker that is named twice."""
        twice = sorted({name for name in self.track if self.track.count(name) > 1})
        return [("track", f"found {name!r} twice, expected each once") for name in twice]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What to do, whole: rebuilt from the run's `recipe.yaml` with no training data.

    Its blocks were checked when they were made, so this is no pydantic model: the classes of the
    task and the model live in rooms above this one.
    """

    task: "Task"
    model: Learner
    data: Data
    train: Train = field(default_factory=Train)
    evaluate: Evaluate = field(default_factory=Evaluate)
    run: RunSettings

    def __post_init__(self) -> None:
        """What kind of label there is, is said once: by the task."""
        kind = self.task.label_kind
        sets = {name: data.with_labels(kind) for name, data in self.evaluate.sets.items()}
        object.__setattr__(self, "data", self.data.with_labels(kind))
        object.__setattr__(self, "evaluate", self.evaluate.model_copy(update={"sets": sets}))

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
        known = [*(name for name in ("dev", "test") if getattr(self.data, name) is not None)]
        known += self.evaluate.sets
        if self.evaluate.source not in (None, *known):
            expected = f"expected one of {', '.join(known)}" if known else "and nothing is scored"
            message = f"found {shown(self.evaluate.source)}, {expected}"
            faults.append(("evaluate.source", message))
        read = {"data": self.data}
        read |= {f"evaluate.sets.{name}": data for name, data in self.evaluate.sets.items()}
        labels = [fault for key, data in read.items() for fault in self._other_labels(key, data)]
        return faults + self.model.faults_in(self) + labels

    def _other_labels(self, key: str, data: Data) -> list[tuple[str, str]]:
        found, kind = data.label_kind, self.task.label_kind
        if kind is not None and found not in (None, kind):
            message = f"found {found!r}, but task.labels is {kind!r}: leave it out"
            return [(f"{key}.labels", message)]
        # the block was without fault before the task said what its labels are
        return [(f"{key}.{own}", message) for own, message in data.faults()]
