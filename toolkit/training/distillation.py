"""Training by a teacher: its examples, the windows with what it knows of them, and the loss.

Only training sees any of it. The gold of development and test, the tokenizer, the labels and the
scores are those of the run without a teacher.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from toolkit import registry
from toolkit.data.suffix import reader_of
from toolkit.data.text import counted, lines_of
from toolkit.errors import DataError, RecipeError, ToolkitError
from toolkit.evaluation.predictions import Reader
from toolkit.heads.base import Loss, Targets
from toolkit.recipe.distill import Distill
from toolkit.recipe.schema import Recipe
from toolkit.tasks.base import Task
from toolkit.tasks.lessons import TAUGHT, Lessons
from toolkit.training.batches import counted_seed
from toolkit.training.cache import Cache
from toolkit.training.events import Note, Watch
from toolkit.training.teacher import KEY, Knowledge, Question, Teacher, knowledge_of, mask_of
from toolkit.training.training_windows import kept_windows
from toolkit.training.window_store import Windows
from toolkit.windows import IGNORED, Window

HAS_GOLD = "has_gold"  # 1 for a window whose targets are gold, 0 for one that has none
TEXTS = (".txt", ".text", "")  # suffixes of files that hold a text a line


class Pupil(NamedTuple):
    """Who is taught, and where."""

    reader: Reader
    examples: Sequence[Any]  # of the training split
    seed: int
    device: torch.device
    cache: Cache
    tell: Watch


class Taught(NamedTuple):
    """What a run with a teacher trains on."""

    examples: Sequence[Any]
    windows: Windows
    loss: Loss


class Distillation(NamedTuple):
    """A teacher for a run, and the examples that it adds."""

    teacher: Teacher
    settings: Distill  # with the teacher's hash
    transfer: Sequence[Any]  # examples without gold

    @classmethod
    def of(cls, teacher: Teacher, recipe: Recipe, tell: Watch) -> "Distillation":
        """For a recipe whose task has learned. ToolkitError where it cannot learn from this one."""
        settings = recipe.train.distill
        assert settings is not None, "a teacher without settings"
        transfer: Sequence[Any] = ()
        if settings.transfer is not None:
            transfer = _bare_examples(settings.transfer, recipe, tell)
        found = cls(teacher, settings, transfer)
        found.lessons(recipe.task)
        return found

    @property
    def splits(self) -> dict[str, Sequence[Any]]:
        """What the manifest holds the hash of beside the splits of the recipe."""
        return {"transfer": self.transfer} if self.transfer else {}

    def described(self) -> dict[str, Any]:
        """What the results say of it."""
        return {"teacher": {"run": self.settings.teacher, "sha256": self.teacher.sha256}}

    def lessons(self, task: Task) -> Lessons:
        """What the teacher teaches a learned task; RecipeError where it cannot."""
        settings, other = self.settings, self.teacher.recipe.task
        where = f"{KEY}: {settings.teacher}"
        if type(task) is not type(other):
            found, expected = (registry.name_of("task", type(each)) for each in (other, task))
            raise RecipeError(f"{where} has task.type: {found}, expected {expected}")
        lessons = task.lessons(other, settings)
        if lessons is None:
            name = registry.name_of("task", type(task))
            raise RecipeError(f"train.distill: {name} does not say how a teacher's scores teach")
        faults = lessons.faults()
        if settings.augment and not lessons.augments:
            message = f"found {settings.augment}, but only texts to classify can be changed"
            faults.append(("augment", message))
        if faults:
            raise RecipeError(f"train.distill.{name}: {message}" for name, message in faults)
        return lessons

    def taught(self, pupil: Pupil, gold_loss: Loss) -> Taught:
        """The training split and what goes beside it, as the teacher teaches it."""
        reader, tell, transfer = pupil.reader, pupil.tell, self.transfer
        lessons = self.lessons(reader.task)
        copies, asked = self._copies(lessons, pupil)
        examples = [*pupil.examples, *copies, *transfer]
        bare = [example.without_gold() for example in pupil.examples]
        question = Question(
            self.teacher, lessons, reader.task, [*bare, *asked, *transfer], pupil.device
        )
        knowledge = knowledge_of(question, pupil.cache, tell)
        windows = kept_windows(reader, examples, tell)
        weight = self.settings.weight
        lesson = Lesson(lessons, knowledge, windows, keeps_gold=weight < 1)
        return Taught(
            examples, windows._replace(of=lesson.of), mixed(gold_loss, lessons.loss, weight)
        )

    def _copies(self, lessons: Lessons, pupil: Pupil) -> tuple[list[Any], list[Any]]:
        """Changed copies of the training examples, for the student and for the teacher.

        Those that are the same as another, or as an example, are left out and counted.
        """
        number = self.settings.augment
        if not number:
            return [], []
        task, masks = pupil.reader.task, (mask_of(pupil.reader.tokenizer), self.teacher.mask)
        seen = {_spelled(task, example) for example in pupil.examples}
        ours, theirs, num_same = [], [], 0
        for place, example in enumerate(pupil.examples):
            for copy in range(number):
                drawn = counted_seed(pupil.seed, "augment", place, copy)
                mine, other = (lessons.varied(example, copy, mask, drawn) for mask in masks)
                if (spelled := _spelled(task, mine)) in seen:
                    num_same += 1
                    continue
                seen.add(spelled)
                ours.append(mine)
                theirs.append(other)
        same = f", without {num_same:,} that were the same as another text" if num_same else ""
        told = f"train: and {len(ours):,} changed copies of its {len(pupil.examples):,} examples"
        pupil.tell(Note(told + same))
        return ours, theirs


def with_teacher(recipe: Recipe, allow_code: Collection[str]) -> tuple[Recipe, Teacher | None]:
    """The recipe with its teacher's hash, and the teacher; None where the recipe names none."""
    settings = recipe.train.distill
    if settings is None:
        return recipe, None
    teacher = Teacher.of(settings, allow_code)
    settings = settings.model_copy(update={"teacher_sha256": teacher.sha256})
    train = recipe.train.model_copy(update={"distill": settings})
    return recipe.model_copy(update={"train": train}), teacher


def _bare_examples(source: str, recipe: Recipe, tell: Watch) -> list[Any]:
    """The examples of a source without gold. DataError where they are none of the task's."""
    task = recipe.task
    reads: Any = task.reads
    key = "train.distill.transfer"
    if Path(source).suffix in TEXTS:
        lines = [line.strip() for line in lines_of(source)]
        two = len(task.typed) == 2
        try:
            found = [reads.of(line.split("\t") if two else line) for line in lines if line]
        except ToolkitError as error:
            raise DataError(f"{key}: {source}: {error.faults[0]}") from None
        notes: Sequence[str] = [counted(len(found), "line")]
    else:
        found, notes = reader_of(recipe.data, source, reads).read_bare(source, reads)
    if not found:
        raise DataError(f"{key}: no examples in {source}, expected some")
    if misfits := task.misfits(found):
        raise DataError(f"{key}: {misfit}" for misfit in misfits)
    for note in notes:
        tell(Note(f"transfer: {note}"))
    return found


def _spelled(task: Task, example: Any) -> str:
    texts = (text if isinstance(text, str) else " ".join(text) for text in task.texts(example))
    return "\n".join(" ".join(text.split()) for text in texts)


class Lesson:
    """The windows of examples with what they are taught, put together when they are read."""

    def __init__(
        self, lessons: Lessons, knowledge: Knowledge, windows: Windows, *, keeps_gold: bool
    ) -> None:
        self.lessons, self.knowledge, self.windows = lessons, knowledge, windows.of
        self.keeps_gold = keeps_gold
        self.form: Mapping[str, Any] = {}  # targets of some window with gold
        if keeps_gold:
            examples = range(len(knowledge.offsets) - 1)
            groups = (self.windows(place) for place in examples)
            found = (window.targets for group in groups for window in group)
            self.form = next((targets for targets in found if targets is not None), {})

    def of(self, place: int) -> list[Window]:
        """The windows of an example."""
        windows = self.windows(place)
        known = self.lessons.targets(windows, self.knowledge.of(place))
        return [
            window._replace(targets={**self._gold(window), **more})
            for window, more in zip(windows, known, strict=True)
        ]

    def _gold(self, window: Window) -> dict[str, Any]:
        if not self.keeps_gold or not self.form:
            return {}
        if window.targets is not None:
            return {**window.targets, HAS_GOLD: 1.0}
        blank = {name: _blank(value, window.length) for name, value in self.form.items()}
        return {**blank, HAS_GOLD: 0.0}


def _blank(value: Any, length: int) -> Any:
    """A target of the same form that is never read."""
    if isinstance(value, (list, np.ndarray)):
        return [IGNORED] * length
    if isinstance(value, tuple):
        return tuple(type(each)(0) for each in value)
    return type(value)(0)


def mixed(gold_loss: Loss, teachers_loss: Loss, weight: float) -> Loss:
    """`weight` of the teacher's sum and the rest of the gold's, over what the teacher teaches.

    What has no gold adds nothing to the gold's sum. Without a teacher's targets, as in evaluation,
    it is the gold's loss.
    """

    def loss(scores: Tensor, targets: Targets) -> tuple[Tensor, Tensor]:
        if TAUGHT not in targets:
            return gold_loss(scores, targets)
        found, count = teachers_loss(scores, targets)
        if weight == 1 or HAS_GOLD not in targets:
            return found * weight, count
        return weight * found + (1 - weight) * _of_gold(gold_loss, scores, targets), count

    return loss


def _of_gold(gold_loss: Loss, scores: Tensor, targets: Targets) -> Tensor:
    rows = targets[HAS_GOLD] > 0  # (windows,)
    if not bool(rows.any()):
        return scores.sum() * 0.0  # every weight keeps its part in the loss, as DDP wants it
    if bool(rows.all()):
        return gold_loss(scores, targets)[0]
    return gold_loss(scores[rows], {name: values[rows] for name, values in targets.items()})[0]
