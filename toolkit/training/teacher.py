"""The run that teaches: found, checked against its manifest, and asked about examples once.

What it knows of the examples is kept in the cache, under everything that it depends on, so that a
run that goes on, and other seeds of it, ask nobody.
"""

import hashlib
import json
import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors.numpy import load_file, save_file

from toolkit import registry
from toolkit.data.text import counted, expand
from toolkit.encoders.loading import tokenizer_in
from toolkit.errors import RecipeError, RunError, StorageError
from toolkit.evaluation.predictions import Reader, predict
from toolkit.models.precision import for_prediction
from toolkit.recipe.distill import Distill
from toolkit.recipe.load import load_recipe
from toolkit.recipe.schema import Recipe
from toolkit.runs import files
from toolkit.runs.manifest import hash_of_examples
from toolkit.runs.run import Run
from toolkit.tasks.lessons import Lessons
from toolkit.training.cache import Cache, is_own_code, key_of
from toolkit.training.events import Note, Watch

KEY = "train.distill.teacher"
KNOWLEDGE = "knowledge.safetensors"
_NO_PART = ("README.md",)  # of a model: files that change no score


class Knowledge(NamedTuple):
    """What a teacher knows of examples: rows of numbers, some an example."""

    rows: "np.ndarray[Any, Any]"  # (rows, columns) of float32
    offsets: "np.ndarray[Any, Any]"  # (examples + 1,): where the rows of an example begin

    def of(self, place: int) -> "np.ndarray[Any, Any]":
        """Those of one example."""
        return self.rows[self.offsets[place] : self.offsets[place + 1]]


class Teacher(NamedTuple):
    """A finished run."""

    name: str  # its folder, as the recipe of the student has it
    run: Run
    recipe: Recipe
    files: dict[str, str]  # of its model, with their hashes
    sha256: str  # of its weights

    @classmethod
    def of(cls, settings: Distill, allow_code: Collection[str]) -> "Teacher":
        """ToolkitError where it is not there, not finished, changed, or another than it was."""
        run = _finished(settings.teacher)
        sealed: dict[str, str] = run.manifest().get("model", {})
        weights = {name: sealed[name] for name in sorted(sealed) if name.endswith(".safetensors")}
        if not weights:
            raise RecipeError(f"{KEY}: {settings.teacher} has no weights, so no scores to match")
        for name, sha256 in weights.items():
            if not (run.model / name).is_file() or files.sha256_of(run.model / name) != sha256:
                raise RunError(f"{KEY}: {run.model / name} is not what the run's manifest says")
        sha256 = _one_hash(weights)
        if settings.teacher_sha256 not in (None, sha256):
            raise RecipeError(
                f"{KEY}_sha256: found {settings.teacher_sha256}, but the weights of "
                f"{settings.teacher} are {sha256}: another teacher is another run"
            )
        recipe = load_recipe(run.recipe_file, "evaluate.extra=[]", allow_code=tuple(allow_code))
        if not recipe.model.is_neural:
            raise RecipeError(f"{KEY}: {settings.teacher} has no scores that a student could match")
        scored = {name: sealed[name] for name in sorted(sealed) if name not in _NO_PART}
        return cls(settings.teacher, run, recipe, scored, sha256)

    def loaded(self, device: torch.device) -> tuple[Any, Reader, str]:
        """The model, what reads for it, and the precision that it computes in."""
        load = registry.at(self.recipe.model.loaded_by)
        predictor = load(self.recipe, self.run.model, str(device), None)
        return predictor.model, predictor.reader, predictor.precision

    @property
    def mask(self) -> str:
        """What stands for a hidden word in its texts."""
        return mask_of(tokenizer_in(self.run.model))


def mask_of(tokenizer: Any) -> str:
    """What stands for a hidden word: the tokenizer's own sign, or an unknown word."""
    return str(tokenizer.mask_token or tokenizer.unk_token or "")


def _finished(folder: str) -> Run:
    run = Run(expand(folder))
    if not run.folder.is_dir():
        raise RecipeError(f"{KEY}: there is no run {folder}: make it first with toolkit finetune")
    if not run.recipe_file.is_file():
        raise RecipeError(f"{KEY}: {folder} is no run (it holds no recipe.yaml)")
    if not run.is_finished or not run.model.is_dir():
        raise RecipeError(f"{KEY}: {folder} is not finished: finish it with toolkit finetune")
    return run


def _one_hash(weights: dict[str, str]) -> str:
    """The hash of the weights: the file's own, or one of those of several files."""
    if len(weights) == 1:
        return next(iter(weights.values()))
    return hashlib.sha256(json.dumps(weights).encode()).hexdigest()


class Question(NamedTuple):
    """What a teacher is asked."""

    teacher: Teacher
    lessons: Lessons
    student: Any  # the task, whose labels decide the columns of the answer
    examples: Sequence[Any]  # without gold
    device: torch.device


def knowledge_of(question: Question, cache: Cache, tell: Watch) -> Knowledge:
    """What the teacher knows of the examples: from the cache, or asked now and kept there."""

    def fill(folder: Path) -> None:
        # safetensors writes an array's memory as it lies, and what was indexed lies by columns
        arrays = map(np.ascontiguousarray, _asked(question, tell))
        save_file(dict(zip(Knowledge._fields, arrays, strict=True)), folder / KNOWLEDGE)

    if (key := _key_of(question)) is not None:
        try:
            return _found(cache.entry(f"knowledge-{key}", fill))
        except (OSError, StorageError) as error:
            tell(Note(f"cache: cannot be used, the teacher is asked for this run only ({error})"))
    with tempfile.TemporaryDirectory(prefix="toolkit-knowledge-") as folder:
        fill(Path(folder))
        return _found(Path(folder))


def _found(folder: Path) -> Knowledge:
    return Knowledge(**load_file(folder / KNOWLEDGE))


def _asked(question: Question, tell: Watch) -> Knowledge:
    teacher, examples = question.teacher, question.examples
    tell(Note(f"{teacher.name} is asked about {counted(len(examples), 'example')}, once"))
    model, reader, precision = teacher.loaded(question.device)
    scribe: Any = _Scribe(reader.task, question.lessons)
    settings = teacher.recipe.evaluate
    said = predict(
        model,
        reader._replace(task=scribe),
        examples,
        batch_size=settings.batch_size,
        batch_tokens=settings.batch_tokens,
        precision=precision,
        device=question.device,
    ).predictions
    offsets = np.cumsum([0, *(len(rows) for rows in said)], dtype=np.int64)
    return Knowledge(np.concatenate(said), offsets)


class _Scribe:
    """A teacher's task that writes down what its scores say, where it would predict."""

    def __init__(self, task: Any, lessons: Lessons) -> None:
        self._task = task
        self.decode = lessons.knowledge

    def __getattr__(self, name: str) -> Any:
        return getattr(self._task, name)


def _key_of(question: Question) -> str | None:
    """What an answer depends on; None where that cannot be said (code of a user's own)."""
    recipe = question.teacher.recipe
    if is_own_code(recipe.task, recipe.model, question.student, question.lessons):
        return None
    made_of = {
        "examples": hash_of_examples(question.examples),
        "teacher": question.teacher.files,
        "tasks": [recipe.task.model_dump_json(), question.student.model_dump_json()],
        "model": recipe.model.model_dump_json(),
        "read": [recipe.evaluate.batch_size, recipe.evaluate.batch_tokens],
        "precision": for_prediction(None, None, recipe.train.precision, question.device),
        "device": question.device.type,
        "torch": torch.__version__,
    }
    return key_of(json.dumps(made_of))
