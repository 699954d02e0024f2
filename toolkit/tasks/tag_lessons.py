"""What a teacher teaches a student of token classification: a row of scores a word."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from toolkit import losses
from toolkit.examples import Tagged
from toolkit.recipe.distill import Distill
from toolkit.tasks.lessons import TAUGHT, Lessons, other_labels, places_of
from toolkit.tasks.token_classification import TokenClassification
from toolkit.windows import IGNORED, Window

Array = np.ndarray[Any, Any]
WORDS = "taught_words"  # 1 on the first piece of a word that the window answers for, else -100
LEAST = 1e-6  # of a CRF's probabilities: what it rules out has a score, too


class TagLessons(Lessons):
    """Labels are matched by name, on the first piece of each word; words are counted.

    A teacher with a CRF gives the logarithms of its marginal probabilities. Of a student with one
    the emissions are matched; its transitions learn from the gold.
    """

    def __init__(
        self, student: TokenClassification, teacher: TokenClassification, settings: Distill
    ) -> None:
        self.student, self.teacher, self.settings = student, teacher, settings

    def faults(self) -> list[tuple[str, str]]:
        """Other labels, and a CRF whose transitions nothing would teach."""
        faults = other_labels(self.settings.teacher, self.student.labels, self.teacher.labels)
        if self.student.decoding == "crf" and self.settings.weight == 1:
            message = "found 1.0, but the transitions of a CRF learn from the gold: expected less"
            faults.append(("weight", message))
        return faults

    def knowledge(
        self, example: Tagged, windows: Sequence[Window], scores: Sequence[Array]
    ) -> Array:
        """(words, labels) in the order of the student's labels."""
        rows = self.teacher.emissions(example, windows, scores)
        if self.teacher.decoding == "crf" and len(rows):
            certain = self.teacher.probabilities(rows, self.teacher.transitions(scores))
            rows = np.log(np.maximum(certain, LEAST))
        order = places_of(self.student.labels, self.teacher.labels)
        return rows[:, order].astype(np.float32)

    def targets(self, windows: Sequence[Window], knowledge: Array) -> list[dict[str, Any]]:
        """The rows of the words that a window answers for, where their first pieces are."""
        found = []
        for window in windows:
            rows = np.zeros((window.length, knowledge.shape[1]), dtype=np.float32)
            words = [IGNORED] * window.length
            for word, place in window.where:
                rows[place], words[place] = knowledge[word], 1
            found.append({TAUGHT: rows, WORDS: words})
        return found

    def loss(self, scores: Tensor, targets: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """A sum over words, and their number."""
        is_word = targets[WORDS] != IGNORED  # (windows, length)
        ours = scores[:, self.student.num_above :][is_word].float()  # (words, labels)
        theirs = targets[TAUGHT][is_word]  # (words, labels)
        count = torch.tensor(len(ours), device=ours.device)
        if self.settings.loss == "mse":
            return losses.logit_differences(ours, theirs), count
        return losses.divergence(ours, theirs, self.settings.temperature), count
