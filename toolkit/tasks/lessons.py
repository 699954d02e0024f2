"""What a teacher's scores teach a student of the same task: the task's answer to `train.distill`.

Teacher and student may have other tokenizers, windows and heads. What the teacher knows of an
example is therefore kept in terms of the example (its text, words, characters), and put onto the
student's windows from there.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from toolkit.windows import Window

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    Array = np.ndarray[Any, Any]

TAUGHT = "taught"  # the target that every window of a taught example has


class Lessons(ABC):
    """How a student learns from a teacher."""

    augments: ClassVar[bool] = False  # whether examples can be changed: see `varied`

    @abstractmethod
    def faults(self) -> list[tuple[str, str]]:
        """Why this student cannot learn from this teacher, as (key of train.distill, message)."""

    @abstractmethod
    def knowledge(
        self, example: Any, windows: Sequence[Window], scores: Sequence["Array"]
    ) -> "Array":
        """What the teacher's scores of its windows say of an example.

        (rows, columns) of float32, with as many columns for every example.
        """

    @abstractmethod
    def targets(
        self, windows: Sequence[Window], knowledge: "Array"
    ) -> list[dict[str, "Array | tuple[float, ...] | float"]]:
        """The targets of each of the student's windows of that example, `TAUGHT` among them."""

    @abstractmethod
    def loss(self, scores: "Tensor", targets: "Mapping[str, Tensor]") -> "tuple[Tensor, Tensor]":
        """How far the student's scores of windows are from the targets: a sum and a count."""

    def varied(self, example: Any, copy: int, mask: str, seed: int) -> Any:
        """The example changed, without gold; the same for the same seed but for `mask`.

        `mask` stands for a hidden word: teacher and student have signs of their own for it.
        """
        raise NotImplementedError


def places_of(student: Sequence[str], teacher: Sequence[str]) -> list[int]:
    """Where the teacher has each of the student's labels."""
    place = {name: number for number, name in enumerate(teacher)}
    return [place[name] for name in student]


def other_labels(
    where: str, student: Sequence[str], teacher: Sequence[str]
) -> list[tuple[str, str]]:
    """A fault where two tasks have other labels, in whatever order."""
    lacks = [name for name in student if name not in teacher]
    more = [name for name in teacher if name not in student]
    if not lacks and not more:
        return []
    found = []
    if lacks:
        found.append(f"lacks {len(lacks)} of the {len(student)} labels of this run ({lacks[0]!r})")
    if more:
        found.append(f"has {len(more)} that this run has not ({more[0]!r})")
    return [("teacher", f"{where} {' and '.join(found)}, expected the same labels")]
