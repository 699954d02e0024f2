"""What a teacher teaches a student of question answering: where answers begin, and where they end.

A teacher's token begins an answer at its first character and ends one at its last. In the tokens
of the student it is the token that holds that character.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from toolkit.examples import Question
from toolkit.recipe.distill import Distill
from toolkit.tasks.lessons import TAUGHT, Lessons
from toolkit.tasks.question_answering import QuestionAnswering
from toolkit.tasks.question_windows import ContextTokens
from toolkit.windows import Window, owners_of

Array = np.ndarray[Any, Any]
CHOICES = "taught_choices"  # 1 where an answer can begin or end, as for the gold's loss


class AnswerLessons(Lessons):
    """The distributions of the first and of the last token over a whole context, by kl.

    Each token of the context has the teacher's score from the window in which it has most context.
    What a window of the student does not hold is "no answer" there, at its first token; where the
    task has no such thing, the window's loss is multiplied by the share that it does hold.
    """

    def __init__(
        self, student: QuestionAnswering, teacher: QuestionAnswering, settings: Distill
    ) -> None:
        self.student, self.teacher, self.settings = student, teacher, settings

    def faults(self) -> list[tuple[str, str]]:
        """mse, and one that knows "no answer" beside one that does not."""
        faults = []
        ours, theirs = bool(self.student.no_answer), bool(self.teacher.no_answer)
        if ours != theirs:
            found, expected = (str(each).lower() for each in (theirs, ours))
            message = f"{self.settings.teacher} has task.no_answer: {found}, expected {expected}"
            faults.append(("teacher", message))
        if self.settings.loss != "kl":
            message = f"found {self.settings.loss!r}, but places are matched as distributions: "
            faults.append(("loss", message + "expected kl"))
        return faults

    def knowledge(
        self, example: Question, windows: Sequence[Window], scores: Sequence[Array]
    ) -> Array:
        """(1 + tokens, 4): first character, behind the last, and the two scores of a token each.

        The first row is "no answer": of the window that says so least.
        """
        nothing = min(scores, key=lambda table: float(table[0, 0]) + float(table[0, 1]))[0]
        tokens: ContextTokens = windows[0].where.tokens
        ranges = [(window.where.start, window.where.end) for window in windows]
        rows = np.empty((len(tokens.ids), 4), dtype=np.float32)
        rows[:, 0], rows[:, 1] = tokens.starts, tokens.ends
        for token, owner in enumerate(owners_of(ranges, len(tokens.ids))):
            part = windows[owner].where
            rows[token, 2:] = scores[owner][part.place + token - part.start]
        first = np.array([[0, 0, *nothing]], dtype=np.float32)
        return np.concatenate([first, rows[tokens.is_choice]])

    def targets(self, windows: Sequence[Window], knowledge: Array) -> list[dict[str, Any]]:
        """For each token of a window, the probability of its being first and of its being last."""
        tokens: ContextTokens = windows[0].where.tokens
        shares = self._shares(tokens, knowledge)  # (tokens, 2)
        found = []
        for window in windows:
            part = window.where
            rows = np.zeros((window.length, 2), dtype=np.float32)
            rows[part.place : part.place + part.end - part.start] = shares[part.start : part.end]
            if self.student.no_answer:
                rows[0] += np.maximum(0, 1 - rows.sum(axis=0))
            found.append({TAUGHT: rows, CHOICES: part.choices(window.length)})
        return found

    def _shares(self, tokens: ContextTokens, knowledge: Array) -> Array:
        """The probability (tokens, 2) of each of the student's tokens of the context."""
        shares = np.zeros((len(tokens.ids), 2))
        known = knowledge if self.student.no_answer else knowledge[1:]
        choices = np.flatnonzero(tokens.is_choice)
        if not len(known) or not len(choices):
            return shares
        logits = known[:, 2:].astype(np.float64) / self.settings.temperature
        powers = np.exp(logits - logits.max(axis=0))
        certain = (powers / powers.sum(axis=0))[len(known) - len(knowledge) + 1 :]
        characters = knowledge[1:, :2] - (0, 1)  # the first one and the last
        for side in range(2):
            places = tokens.starts[choices].searchsorted(characters[:, side], side="right") - 1
            np.add.at(shares[:, side], choices[np.maximum(0, places)], certain[:, side])
        return shares

    def loss(self, scores: Tensor, targets: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Half the sum for first and last token, over windows; the number of windows."""
        temperature = self.settings.temperature
        is_choice = (targets[CHOICES] == 1).unsqueeze(-1)  # (windows, length, 1)
        ours = (scores.float() / temperature).masked_fill(~is_choice, -torch.inf)
        ours = ours.log_softmax(dim=1).masked_fill(~is_choice, 0.0)  # (windows, length, 2)
        shares = targets[TAUGHT]  # (windows, length, 2)
        held = shares.sum(dim=1, keepdim=True)  # (windows, 1, 2)
        theirs = shares / held.clamp(min=torch.finfo(held.dtype).tiny)
        apart = (torch.xlogy(theirs, theirs) - theirs * ours).sum(dim=1, keepdim=True)
        count = torch.tensor(len(scores), device=scores.device)
        return temperature**2 * (held * apart).sum() / 2, count
