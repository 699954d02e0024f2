"""A task, a model and a data set with every kind of field, and classes that do not fit."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator

from toolkit.data.base import Data
from toolkit.recipe.block import Block, Learned
from toolkit.recipe.learner import Learner


class Task(Block):
    """What stands in for the base class of tasks."""

    label_kind: ClassVar[None] = None


class Encoder(Learner):
    """What stands in for the base class of encoders."""


class Tagging(Task):
    """One tag a word."""

    labels: tuple[str, ...] = ()  # learned where it is empty
    scheme: Literal["iob1", "iob2"] | Literal["auto"] = "auto"
    weights: Mapping[str, float] = {}  # of a label in the loss
    closed: bool = True


class Sorting(Task):
    """One label a text."""

    labels: tuple[str, ...] = ()
    labels_per_text: Annotated[int, Field(multiple_of=2)] | Literal["all"] = 2


class Narrow(Block):
    """One way to be small."""

    type: Literal["narrow"]
    rank: Annotated[int, Field(ge=1)] = 8


class Thin(Block):
    """Another one."""

    type: Literal["thin"]
    share: float = 0.5


class Pretrained(Encoder):
    """A checkpoint."""

    checkpoint: str  # a name on the Hub, or a folder
    revision: Learned[str | None] = None
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    layers: tuple[int, ...] = ()
    adapter: Annotated[Narrow | Thin, Field(discriminator="type")] | None = None


class Lstm(Encoder):
    """Two directions, written out."""

    hidden: Annotated[  # of one direction
        int, Field(ge=1)
    ] = 128
    cell: Literal["lstm", "gru"] = "lstm"  # what remembers


class Columns(Block):
    """Which columns are read."""

    word: int = 0  # from 0
    tag: int  # from 0

    def faults(self) -> list[tuple[str, str]]:
        if self.word == self.tag:
            return [("tag", f"found {self.tag}, expected another column than that of word")]
        return []


class Conll(Data):
    """A word and its tag a line."""

    columns: Columns | None = None  # null: first and last
    label_map: Mapping[str, str] = {}
    encoding: Annotated[str, Field(min_length=3)] = "utf-8"
    by_kind: Mapping[Literal["word", "tag"], int] = {}

    @field_validator("encoding")
    @classmethod
    def _known(cls, value: str) -> str:
        if "utf" not in value:
            raise ValueError("no encoding that is read here")
        return value

    def faults(self) -> list[tuple[str, str]]:
        return [("test", "the same as train")] if self.test == self.train else []


class Half(Task):
    """Leaves something out."""

    @abstractmethod
    def decode(self) -> Any: ...


class Doubled(Task):
    """Has a field where the recipe names the class."""

    type: str = "x"


class Outer:
    """Holds a class."""

    class Inner(Task):
        """In another class."""


NUMBER = 3
