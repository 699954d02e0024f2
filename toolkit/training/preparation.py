"""What is read, filled in and checked before there is a model."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from toolkit.data.text import counted
from toolkit.encoders.base import encoder_of
from toolkit.encoders.loading import tokenizer_in
from toolkit.errors import (
    DataError,
    RecipeError,
    RunError,
    StorageError,
    ToolkitError,
    UnreachableError,
)
from toolkit.models.precision import resolve_precision
from toolkit.recipe.schema import Recipe, Train
from toolkit.runs import files
from toolkit.runs.manifest import hash_of_examples
from toolkit.runs.run import Run
from toolkit.tasks.base import Task
from toolkit.training.batches import Plan
from toolkit.training.cache import Cache, is_own_code, key_of
from toolkit.training.events import Note, Watch
from toolkit.training.optimiser import rate_factor
from toolkit.training.processes import Processes
from toolkit.training.training_split import TrainingSplit, reads_apart

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


def resolved(asked: Train, settled: Train, processes: Processes, tell: Watch) -> Train:
    """With the precision that the hardware has and the micro-batches that the processes make."""
    parts = settled.micro_batches or processes.count
    if parts % processes.count and asked.micro_batches is None:
        tell(Note(f"{parts} micro-batches a step until now, {processes.count} from here on"))
        parts = processes.count
    if parts % processes.count:
        raise RecipeError(
            f"train.micro_batches: {parts} cannot be shared equally by {processes.count} processes"
        )
    if settled.strategy == "fsdp" and processes.count == 1:
        tell(Note("train.strategy: fsdp, on one process, which keeps all weights, as with ddp"))
    precision, threads = resolve_precision(settled.precision, processes.device), settled.threads
    if settled.reproducible == "elastic":
        threads = processes.from_main(threads or torch.get_num_threads())
        _tell_elastic(threads, processes, tell)
    learned = {"precision": precision, "micro_batches": parts, "threads": threads}
    return settled.model_copy(update=learned)


def _tell_elastic(threads: int, processes: Processes, tell: Watch) -> None:
    """Say what the same bits on any number of processes cost here, or cannot promise."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if threads > 1 and threads * processes.count > (cores or 1):
        tell(
            Note(
                f"train.threads: {threads} in each of {processes.count} processes, as the run "
                f"began, on {cores} cores: slow, but other numbers give other bits"
            )
        )
    if processes.device.type != "cpu":
        tell(Note("train.reproducible: elastic is tested on CPUs; a GPU's own sums may differ"))


@contextmanager
def threads_kept() -> Iterator[None]:
    """Torch's number of threads is afterwards what it was."""
    before = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(before)


def read_splits(
    recipe: Recipe, cache: Cache, tell: Watch
) -> tuple[TrainingSplit, dict[str, Sequence[Any]]]:
    """The examples of each split that the recipe names; those to learn from by themselves, too."""
    data, reads = recipe.data, recipe.task.reads
    others = [name for name in data.sources() if name != "train"]
    is_shared = data.train in [data.sources()[name] for name in others]
    if is_shared and not reads_apart(data, recipe.task):  # read once
        readings = data.splits(reads)
        train = readings.pop("train")
        split = TrainingSplit.given(train.examples, train.notes)
    else:
        split = TrainingSplit.of(recipe, cache)
        readings = data.splits(reads, others)
    for note in split.facts.notes:
        tell(Note(f"train: {note}"))
    splits: dict[str, Sequence[Any]] = {"train": split}
    for name, reading in readings.items():
        splits[name] = reading.examples
        for note in reading.notes:
            tell(Note(f"{name}: {note}"))
    return split, splits


def read_sets(recipe: Recipe, tell: Watch) -> dict[str, list[Any]]:
    """The examples of each evaluation set; DataError where one cannot be read."""
    found = {}
    for name, data in recipe.evaluate.sets.items():
        try:
            reading = data.splits(recipe.task.reads, ["test"])["test"]
        except DataError as error:
            raise DataError([f"evaluate.sets.{name}: {fault}" for fault in error.faults]) from None
        for note in reading.notes:
            tell(Note(f"{name}: {note}"))
        found[name] = reading.examples
    return found


def check_blocks(recipe: Recipe) -> None:
    """RecipeError where blocks do not go together; of a file, `load_recipe` said so with lines."""
    if faults := recipe.faults():
        raise RecipeError(f"{key}: {message}" for key, message in faults)


def check_splits(
    task: Any, splits: Mapping[str, Sequence[Any]], sets: Mapping[str, Sequence[Any]]
) -> None:
    """RecipeError where keys do not fit what was learned, DataError where examples do not.

    Examples that were found without fault before are not read for it again.
    """
    between = [f"task.{key}: {message}" for key, message in task.faults()]
    if between:
        raise RecipeError(between)
    named = {
        f"data.{name}": examples
        for name, examples in splits.items()
        if not (isinstance(examples, TrainingSplit) and examples.facts.task is not None)
    }
    named |= {f"evaluate.sets.{name}": examples for name, examples in sets.items()}
    if faults := task.faults_of_splits(named):
        raise DataError(faults)


def check_rates(train: Train, plan: Plan) -> None:
    """RecipeError where the learning rate would be 0 in every step."""
    factors = (
        rate_factor(train.schedule, train.warmup, step, plan.num_steps)
        for step in range(plan.num_steps)
    )
    if not any(factors):
        raise RecipeError(
            f"train.warmup: found {train.warmup}, but with {counted(plan.num_steps, 'step')} in "
            "all the learning rate would never leave 0: expected 0.0, or more steps"
        )


def ids_of(examples: Sequence[Any], places: Sequence[int]) -> list[str]:
    """What training examples are called: their ids, or their places where they have none.

    Examples that were let go of are walked once more.
    """
    wanted, named = set(places), {}
    with suppress(DataError, UnreachableError):  # no longer where they were read from
        named = {
            place: getattr(example, "id", "")
            for place, example in enumerate(examples)
            if place in wanted
        }
    return [named.get(place) or str(place) for place in places]


def check_same_data(run: Run, record: dict[str, Any]) -> None:
    """RunError where a split is another one than when the run began."""
    before = run.manifest()
    odd = [
        f"{key}.{name}"
        for key, there in (("data", "data"), ("evaluate.sets", "sets"))
        for name, split in record[there].items()
        if before.get(there, {}).get(name, split) != split
    ]
    if odd:
        raise RunError(
            f"{run.folder}: {', '.join(odd)} changed since this run began: --fresh starts over"
        )


def tell_strategy(run: Run, record: dict[str, Any], tell: Watch) -> None:
    """Say where processes share the model in another way than when the run was last started."""
    before, now = run.manifest().get("strategy"), record["strategy"]
    if None not in (before, now) and before != now:
        tell(Note(f"train.strategy: {before} until now, {now} from here on"))


class _Texts:
    """The texts of examples, for whoever walks over them more than once."""

    def __init__(self, task: Task, examples: Sequence[Any]) -> None:
        self.task = task
        self.examples = examples

    def __iter__(self) -> Iterator[str | Sequence[str]]:
        return (text for example in self.examples for text in self.task.texts(example))


def tokenizer_of(
    run: Run, recipe: Recipe, examples: Sequence[Any], processes: Processes, cache: Cache
) -> "PreTrainedTokenizerFast":
    """The tokenizer, from the run's folder or the cache where it is kept there.

    One that took long to learn is learned once, by the first process: a run goes on, and others
    read, with the very same one.
    """
    texts, encoder = _Texts(recipe.task, examples), encoder_of(recipe)
    if not encoder.keeps_tokenizer:
        return _known_tokenizer(recipe, examples, cache) or encoder.tokenizer(texts)
    kept = run.folder / "tokenizer"
    if processes.is_main and files.fault_of(kept) is not None:
        learned = encoder.tokenizer(texts)
        files.commit_folder(kept, lambda folder: learned.save_pretrained(folder) and None)
    processes.wait()
    return tokenizer_in(kept)


def _known_tokenizer(
    recipe: Recipe, examples: Sequence[Any], cache: Cache
) -> "PreTrainedTokenizerFast | None":
    """A tokenizer that is learned from these examples once; None where none is kept."""
    task, model = recipe.task, encoder_of(recipe)
    vocabulary = model.vocabulary_key()
    if is_own_code(task, model) or vocabulary is None or not getattr(examples, "source", None):
        return None
    parts = [type(model).__qualname__, vocabulary, type(task).__qualname__, task.model_dump_json()]

    def fill(folder: Path) -> None:
        model.tokenizer(_Texts(task, examples)).save_pretrained(folder)

    try:
        place = cache.entry(f"words-{key_of(hash_of_examples(examples), *parts)}", fill)
    except (OSError, StorageError):  # said where windows are to be stored
        return None
    try:
        return tokenizer_in(place)
    except (OSError, ToolkitError):
        if place.is_dir():
            raise
        return None  # another process has removed it to make room
