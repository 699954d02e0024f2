"""What a teacher teaches a student of sequence classification: the combined scores of a text."""

import random
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from toolkit import losses
from toolkit.examples import Text
from toolkit.recipe.distill import Distill
from toolkit.tasks.augmentation import changed_parts
from toolkit.tasks.class_losses import combine_windows
from toolkit.tasks.lessons import TAUGHT, Lessons, other_labels, places_of
from toolkit.tasks.sequence_classification import SequenceClassification, combined
from toolkit.windows import Window

Array = np.ndarray[Any, Any]
FIRST = "taught_first"  # 1 for the first window of a text, 0 for the others


class ClassLessons(Lessons):
    """Classes are matched by name; a text counts once, however many windows it takes.

    mse: of one label the mean over the classes, of centred scores; of several labels the sum over
    them, as the gold's loss has it; of a number its squared difference. kl: of the distribution
    over the classes, or of each label's being there.
    """

    augments = True

    def __init__(
        self,
        student: SequenceClassification,
        teacher: SequenceClassification,
        settings: Distill,
    ) -> None:
        self.student, self.teacher, self.settings = student, teacher, settings

    def faults(self) -> list[tuple[str, str]]:
        """Other kinds of label, other classes, and kl between numbers."""
        student, teacher = self.student, self.teacher
        where = self.settings.teacher
        if student.labels != teacher.labels:
            message = f"{where} has task.labels: {teacher.labels}, expected {student.labels}"
            return [("teacher", message)]
        if student.labels == "regression" and self.settings.loss == "kl":
            return [("loss", "found 'kl', but numbers have no distribution: expected mse")]
        return other_labels(where, student.classes, teacher.classes)

    def knowledge(self, example: Text, windows: Sequence[Window], scores: Sequence[Array]) -> Array:
        """(1, classes): the scores of the text in the order of the student's classes."""
        tables = np.stack([table.astype(np.float64) for table in scores])
        row = combined(tables, self.teacher.combine)
        if self.student.labels != "regression":
            row = row[places_of(self.student.classes, self.teacher.classes)]
        return row[None].astype(np.float32)

    def targets(
        self, windows: Sequence[Window], knowledge: Array
    ) -> list[dict[str, Array | tuple[float, ...] | float]]:
        """The scores of the text, beside each of its windows."""
        row = tuple(knowledge[0].tolist())
        return [{TAUGHT: row, FIRST: float(number == 0)} for number in range(len(windows))]

    def loss(self, scores: Tensor, targets: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """A sum over texts, and their number."""
        first = targets[FIRST] > 0  # (windows,)
        ours = combine_windows(scores.float(), first, self.student.combine)  # (texts, classes)
        theirs = targets[TAUGHT][first]  # (texts, classes)
        return self._apart(ours, theirs), torch.tensor(len(ours), device=ours.device)

    def _apart(self, ours: Tensor, theirs: Tensor) -> Tensor:
        is_single, temperature = self.student.labels == "single", self.settings.temperature
        if self.settings.loss == "kl":
            apart = losses.divergence if is_single else losses.binary_divergence
            return apart(ours, theirs, temperature)
        if is_single:
            return losses.logit_differences(ours, theirs)
        return (ours - theirs).square().sum()

    def varied(self, example: Text, copy: int, mask: str, seed: int) -> Text:
        """The text, or one text or both of a pair, with hidden words or as an n-gram."""
        parts = [example.text] if example.pair is None else [example.text, example.pair]
        parts = changed_parts(parts, copy, self.settings, mask, random.Random(seed))
        pair = None if example.pair is None else parts[1]
        return example._replace(text=parts[0], pair=pair, label=None)
