"""The main job: from a recipe to a finished run."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch

from toolkit import registry
from toolkit.data.text import counted
from toolkit.encoders.base import encoder_of
from toolkit.evaluation.extra import load_metrics
from toolkit.evaluation.predictions import Predicted, Reader, predict
from toolkit.models.batch import padding_of
from toolkit.models.float32 import quick_products
from toolkit.models.freezing import freeze
from toolkit.models.model import Model, build_model, count_parameters, save_model
from toolkit.models.reading import WindowSize
from toolkit.models.recompute import recompute_layers
from toolkit.models.vocabulary import Vocabulary, compact
from toolkit.recipe.schema import Recipe
from toolkit.runs import manifest
from toolkit.runs.run import Run, folder_of
from toolkit.standin import ready
from toolkit.training import numbers
from toolkit.training.batches import Plan, counted_seed
from toolkit.training.budget import resolved_budget
from toolkit.training.cache import Cache, cache_folder
from toolkit.training.distillation import Distillation, Pupil, with_teacher
from toolkit.training.ending import Say, finish, rehearse, score, tuned
from toolkit.training.events import Note, Started, Watch
from toolkit.training.fit import Progress, fit, new_scaler
from toolkit.training.job import Finished as Finished
from toolkit.training.job import Job, begin
from toolkit.training.optimiser import build_optimiser
from toolkit.training.peers import forget
from toolkit.training.preparation import (
    check_blocks,
    check_rates,
    check_same_data,
    check_splits,
    ids_of,
    read_sets,
    read_splits,
    resolved,
    tell_strategy,
    threads_kept,
    tokenizer_of,
)
from toolkit.training.processes import Processes
from toolkit.training.sharding import Sharding
from toolkit.training.steps import Loop, check_targets
from toolkit.training.tracking import check_trackers, tracked
from toolkit.training.training_windows import training_windows
from toolkit.training.unfreezing import Unfreezing
from toolkit.training.window_store import Windows


def finetune(
    recipe: Recipe,
    *,
    fresh: bool = False,
    stand_in: bool = False,
    allow_code: Collection[str] = (),
    watch: Watch | None = None,
) -> Finished:
    """Run a recipe to its end, or on from where its run stands.

    `fresh` starts over, `stand_in` replaces what cannot be reached, `watch` is called with every
    event in the main process. Raises a ToolkitError for everything that a user can mend. Leaves
    torch's random state and threads as they were.
    """
    recipe = ready(recipe, stand_in=stand_in)
    check_blocks(recipe)
    check_trackers(recipe.run.track)
    processes = Processes()
    tell: Watch = watch if watch and processes.is_main else lambda event: None
    devices = [processes.device] if processes.device.type == "cuda" else []
    with (
        torch.random.fork_rng(devices),
        threads_kept(),
        quick_products(),
        processes.guarded(folder_of(recipe)),
        _opened(recipe, processes, fresh) as run,
    ):
        settled = run.settle(recipe, allow_code)
        if run.is_finished:
            return Finished(run.folder, run.results(), settled.task, was_finished=True)
        train, teacher = settled.train, None
        if settled.model.is_neural:
            settled, teacher = with_teacher(settled, allow_code)
            train = resolved(recipe.train, settled.train, processes, tell)
        model = processes.from_main(settled.model.pinned() if processes.is_main else None)
        settled = settled.model_copy(update={"train": train, "model": model})
        if train.threads is not None:
            torch.set_num_threads(train.threads)
        cache = Cache(cache_folder(), lambda sentence: tell(Note(sentence)))
        train_split, splits = read_splits(settled, cache, tell)
        sets = read_sets(settled, tell)
        task = train_split.learned(settled.task)
        check_splits(task, splits, sets)
        train_split.remember(settled.task, task, cache)
        learned = settled.model_copy(update={"task": task})
        distillation = None if teacher is None else Distillation.of(teacher, learned, tell)
        make_run: Callable[[Job], Finished] = registry.at(model.trained_by)
        with tracked(learned, run.folder, tell, is_main=processes.is_main) as told:
            job = Job(run, learned, splits, sets, processes, told, cache, distillation)
            return make_run(job)


@contextmanager
def _opened(recipe: Recipe, processes: Processes, fresh: bool) -> Iterator[Run]:
    if processes.is_main:
        with Run.opened(recipe, fresh=fresh) as run:
            forget(run.folder)
            processes.wait()
            yield run
    else:
        processes.wait()  # until the main process has the lock
        yield Run(folder_of(recipe))


def train_model(job: Job) -> Finished:
    """Train an encoder and the task's head in steps, on from where the run stands."""
    run, recipe, processes = job.run, job.recipe, job.processes
    tokenizer = tokenizer_of(run, recipe, job.splits["train"], processes, job.cache)
    recipe = recipe.model_copy(update={"task": recipe.task.learn_vocabulary(tokenizer)})
    torch.manual_seed(counted_seed(recipe.train.seed, "weights"))
    encoder = encoder_of(recipe)
    model = build_model(recipe.task, encoder, tokenizer).to(processes.device)
    numbers.check_weights(model, "before the first step")
    if model.encoder.note is not None:
        job.tell(Note(model.encoder.note))
    freeze(model, recipe.train.freeze)
    if recipe.train.gradient_checkpointing:
        recompute_layers(model)
    size, metrics = WindowSize.of(encoder, model.encoder), load_metrics(recipe.evaluate.extra)
    reader = Reader(recipe.task, tokenizer, size, metrics)
    splits = job.splits | (job.distillation.splits if job.distillation else {})
    record = manifest.describe(recipe, splits, job.sets, processes.count)
    check_same_data(run, record)
    tell_strategy(run, record, job.tell)
    job = _packed(job._replace(recipe=recipe), reader)
    _tell_new_head(job, model)
    rehearse(job, _saying(job, model), reader)
    num_parameters, num_trained = count_parameters(model)
    loop = _budgeted(job, _loop(job, model, reader))
    recipe = recipe.model_copy(update={"train": loop.train})
    job = job._replace(recipe=recipe)
    record = begin(job, record | manifest.recipe_of(recipe))
    job.tell(
        Started(
            num_steps=loop.plan.num_steps,
            num_parameters=num_parameters,
            num_trained=num_trained,
            num_processes=processes.count,
            strategy=recipe.train.strategy,
            device=processes.device.type,
            precision=recipe.train.precision,
            max_length=reader.size.max_length,
        )
    )
    fitted = fit(run, recipe, loop, model, reader, job.splits.get("dev"), job.tell)
    numbers.check_weights(model, "at the end")
    say = _remembering(_saying(job, model), reader, job.splits.get("dev"), fitted.on_dev)
    job, reader = tuned(job, say, reader)
    results = score(job, say, reader, _found(job, fitted.progress), record)
    if processes.is_main:
        save = partial(save_model, model, encoder, tokenizer)
        finish(job, save, results, record, is_native=model.is_native)
    processes.wait()
    return Finished(run.folder, results, job.recipe.task)


def _packed(job: Job, reader: Reader) -> Job:
    """With the examples as the model reads them."""
    splits = {}
    for name, examples in job.splits.items():
        packed = reader.pack(examples)
        splits[name] = packed.examples
        if packed.note:
            job.tell(Note(f"{name}: {packed.note}"))
    sets = {name: list(reader.pack(examples).examples) for name, examples in job.sets.items()}
    return job._replace(splits=splits, sets=sets)


def _tell_new_head(job: Job, model: Model) -> None:
    """Say that a head is random which checkpoints usually bring along."""
    standard = job.recipe.task.standard_head()
    new = getattr(getattr(model.head, "scorer", None), "new", ())
    if standard and standard.comes_along and new:
        job.tell(
            Note(
                f"the checkpoint lacks {len(new)} weights of this head ({new[0]}, …): "
                "they begin at random"
            )
        )


def _loop(job: Job, model: Model, reader: Reader) -> Loop:
    train, examples = job.recipe.train, job.splits["train"]
    if job.distillation is None:
        windows = training_windows(reader, examples, job.cache, job.tell)
    else:
        pupil = Pupil(reader, examples, train.seed, job.processes.device, job.cache, job.tell)
        head: Any = model.head
        examples, windows, head.loss = job.distillation.taught(pupil, head.loss)
    _tell_windows(job, windows)
    plan = Plan(len(examples), train.batch_size, train.epochs, train.seed)
    check_rates(train, plan)
    padding = padding_of(reader.tokenizer)
    vocabulary = _compacted(job, model, np.union1d(windows.used, [padding["input_ids"]]))
    unfreezing = Unfreezing.of(model, train, plan)
    if unfreezing is not None and (num := unfreezing.left_out(plan)):
        job.tell(Note(f"train.unfreeze_every: the run ends before the lowest {num} are trained"))
    sharding = Sharding.of(model, train, job.processes, vocabulary)
    trained = model if sharding is None else sharding.model
    loop = Loop(
        model=trained,
        optimiser=build_optimiser(trained, train),
        scaler=new_scaler(train.precision),
        train=train,
        plan=plan,
        windows=windows.of,
        padding=padding,
        processes=job.processes,
        unfreezing=unfreezing,
        vocabulary=vocabulary,
        vary=reader.vary if reader.task.varies else None,
        ids=lambda places: ids_of(examples, places),
        sharding=sharding,
    )
    check_targets(loop)
    return loop


def _budgeted(job: Job, loop: Loop) -> Loop:
    """With the tokens that are computed at once, and what the run has learned of them already."""
    tokens = resolved_budget(loop)
    if loop.train.tokens_per_micro_batch == "auto" and job.processes.device.type == "cuda":
        job.tell(Note(f"{tokens:,} tokens at once fit into memory"))
    train = loop.train.model_copy(update={"tokens_per_micro_batch": tokens})
    smaller = job.processes.from_main(job.run.budgets() if job.processes.is_main else {})
    return loop._replace(train=train, smaller=smaller)


def _compacted(job: Job, model: Model, used: "np.ndarray[Any, Any]") -> Vocabulary | None:
    if job.recipe.task.varies or not job.recipe.train.compact_vocabulary:
        return None
    vocabulary = compact(model, used)
    if vocabulary is not None:
        trained, total = len(vocabulary.rows), len(vocabulary.table)
        job.tell(
            Note(f"train: has {trained:,} of the vocabulary's {total:,} rows; trains only these")
        )
    return vocabulary


def _tell_windows(job: Job, windows: Windows) -> None:
    if long := windows.num_in_several:
        job.tell(
            Note(
                f"train: {counted(long, 'example')} in more than a window, "
                f"{windows.total:,} windows in all"
            )
        )
    if cut := windows.num_truncated:
        job.tell(Note(f"train: {counted(cut, 'example')} truncated, as the recipe says"))


def _saying(job: Job, model: Model) -> Say:
    """The predictions of a model."""

    def say(reader: Reader, examples: Sequence[Any]) -> Predicted:
        return predict(
            model,
            reader,
            examples,
            batch_size=job.recipe.evaluate.batch_size,
            batch_tokens=job.recipe.evaluate.batch_tokens,
            precision=job.recipe.train.precision,
            device=job.processes.device,
            processes=job.processes,
        )

    return say


def _remembering(say: Say, known: Reader, dev: Any, on_dev: Predicted | None) -> Say:
    """What the same weights and task said of the development split is not computed again."""

    def remember(reader: Reader, examples: Sequence[Any]) -> Predicted:
        if on_dev is not None and examples is dev and reader is known:
            return on_dev
        return say(reader, examples)

    return remember


def _found(job: Job, progress: Progress) -> dict[str, Any]:
    """How the best weights were found, as the results have it."""
    return {
        "best": {
            "step": progress.best_step or progress.step,
            "metric": job.recipe.evaluate.metric or job.recipe.task.metric,
            "value": progress.best_score,
            "split": "dev" if progress.best_step else None,
        },
        "steps_left_out": progress.num_left_out,  # because they were not finite
        **(job.distillation.described() if job.distillation else {}),
    }
