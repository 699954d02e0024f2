"""The consumer of the loop: evaluates, keeps the best, saves, logs, stops early."""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch

from toolkit import stopping
from toolkit.errors import NumericalError, RunError, StorageError
from toolkit.evaluation.predictions import Predicted, Reader, predict
from toolkit.models.freezing import frozen_hash
from toolkit.models.model import Model, load_weights, put_weights, weights_of
from toolkit.recipe.schema import Recipe
from toolkit.runs import files
from toolkit.runs.checkpoints import Checkpoint
from toolkit.runs.run import Run
from toolkit.runs.saving import Saving
from toolkit.training import numbers
from toolkit.training.events import Evaluation, Note, Resumed, Watch
from toolkit.training.memory import SharedMemoryError
from toolkit.training.optimiser import give_state, restore_state, state_of
from toolkit.training.steps import Loop, Step, steps

METRICS, TIMING = "metrics.jsonl", "timing.jsonl"
NOT_FINITE = "not-finite.jsonl"  # a line a step whose loss or gradient was not finite


class Progress(NamedTuple):
    """Where a run stands: what a checkpoint holds beside the tensors."""

    step: int = 0
    best_step: int | None = None
    best_score: float | None = None
    num_without_gain: int = 0  # evaluations since the best one
    is_done: bool = False
    num_left_out: int = 0  # steps that were not finite
    num_in_a_row: int = 0  # of them, up to this step
    is_unscored: bool = False  # stopped while the step's evaluation was at work


class Fitted(NamedTuple):
    """Where training ended, and what it knows of the weights that it leaves."""

    progress: Progress
    on_dev: Predicted | None  # what they say of the development split, where they were scored here


class Fitting(NamedTuple):
    """What training needs around its loop."""

    run: Run
    recipe: Recipe
    loop: Loop
    model: Model
    reader: Reader
    dev: Sequence[Any] | None
    watch: Watch
    saving: Saving

    def is_evaluated(self, step: int) -> bool:
        """Whether the development split is scored behind a step; behind the last one always."""
        plan = self.loop.plan
        every = self.recipe.train.evaluate_every or plan.steps_per_epoch
        return step == plan.num_steps or step % every == 0

    def is_saved(self, step: int) -> bool:
        """Whether a run that nobody stops has a checkpoint behind a step."""
        every = self.recipe.train.checkpoint_every
        return self.is_evaluated(step) or (every is not None and step % every == 0)


def fit(
    run: Run,
    recipe: Recipe,
    loop: Loop,
    model: Model,
    reader: Reader,
    dev: Sequence[Any] | None,
    watch: Watch,
) -> Fitted:
    """Train to the end from wherever the run stands; leaves the best weights in `model`.

    Where a signal asks to stop, all processes do behind the same step, which is saved.
    """
    progress, keep = _resume(run, loop, model), recipe.train.keep_checkpoints
    if loop.processes.is_main:
        run.checkpoints.rotate(keep, progress.best_step)  # a kill came before
    logs = (METRICS, TIMING, NOT_FINITE)
    saving = Saving(run, keep, logs, lambda sentence: watch(Note(sentence)))
    if progress.step:
        watch(Resumed(progress.step))
    with stopping.deferred():
        fitting = Fitting(run, recipe, loop, model, reader, dev, watch, saving)
        fitted = _train(fitting, progress)
    if loop.sharding is not None:
        loop.sharding.finish()
    if loop.vocabulary is not None:
        loop.vocabulary.finish()
    best_step = fitted.progress.best_step
    if best_step is not None:
        run.checkpoints.check(best_step)
        load_weights(model, run.checkpoints.weights(best_step), without=model.frozen)
    return fitted


def _train(fitting: Fitting, progress: Progress) -> Fitted:
    loop, on_dev = fitting.loop, None
    if progress.is_unscored:
        progress, on_dev = _scored(fitting, progress._replace(is_unscored=False), on_dev)
        _save(fitting, progress)
    began = time.monotonic()
    for step in () if progress.is_done else _steps(fitting, progress.step):
        number, seconds = step.number, time.monotonic() - began
        _log_step(fitting, step, seconds)
        progress = _counted(fitting, step, progress._replace(step=number))
        progress = progress._replace(is_done=number == loop.plan.num_steps)
        began = time.monotonic()
        fitting.watch(step)
        is_saved = fitting.is_saved(number)
        if is_saved:  # so that the newest checkpoint is always one to go on from
            _check_finite(loop, f"after step {number}")
        if fitting.is_evaluated(number):
            try:
                progress, on_dev = _scored(fitting, progress, on_dev)
            except stopping.Stopped as stopped:
                _save(fitting, progress._replace(is_unscored=True), is_end=True)
                raise _behind(step, stopped.exit_code) from None
        stop = loop.processes.stop()
        if stop and not is_saved:
            _check_finite(loop, f"after step {number}")
        if is_saved or stop:
            _save(fitting, progress, is_end=bool(stop), is_between=not is_saved)
            began = time.monotonic()
        if stop:
            raise _behind(step, stop)
        if progress.is_done:
            break
    if progress.num_left_out:
        fitting.watch(Note(_left_out(progress)))
    return Fitted(progress, on_dev)


def _scored(
    fitting: Fitting, progress: Progress, on_dev: Predicted | None
) -> tuple[Progress, Predicted | None]:
    """Behind an evaluation: the progress, and what the best weights so far predicted."""
    loop, dev = fitting.loop, fitting.dev
    if dev is None:
        return progress, on_dev
    with loop.whole():
        evaluation, predicted = evaluate(
            fitting.recipe, loop, fitting.model, fitting.reader, dev, progress
        )
    _log_evaluation(fitting, evaluation)
    fitting.watch(evaluation)
    progress = _after(evaluation, progress, fitting.recipe.train.patience)
    return progress, predicted if evaluation.is_best else on_dev


def _steps(fitting: Fitting, done: int) -> Iterator[Step]:
    """The steps. What stops them for not being finite is left in the run.

    What memory did not hold is kept there, so that the run goes on as it went.
    """
    run, loop = fitting.run, fitting.loop
    smaller = dict(loop.smaller)
    try:
        for step in steps(loop, done):
            if isinstance(step, Step):
                yield step
                continue
            smaller[step.number] = step.most
            if loop.processes.is_main:
                run.write_budgets(smaller)
            fitting.watch(
                Note(
                    f"step {step.number}: memory does not hold {step.tokens:,} tokens at once: "
                    f"it is computed again, at most {step.most:,} at once from here on"
                )
            )
    except numbers.NonFiniteError as error:
        if loop.processes.is_main:
            run.log(NOT_FINITE, error.found.record())
        raise NumericalError(f"{error} ({run.folder / NOT_FINITE})") from error
    except SharedMemoryError as error:
        run.write_budgets(smaller | {error.step + 1: error.refused.tokens // 2})
        raise


def _behind(step: Step, exit_code: int) -> stopping.Stopped:
    return stopping.stopped(exit_code, f"step {step.number} is saved")


def evaluate(
    recipe: Recipe,
    loop: Loop,
    model: Model,
    reader: Reader,
    dev: Sequence[Any],
    progress: Progress,
) -> tuple[Evaluation, Predicted]:
    """Score the development split, and what was predicted; the same in every process."""
    predicted = predict(
        model,
        reader,
        dev,
        batch_size=recipe.evaluate.batch_size,
        batch_tokens=recipe.evaluate.batch_tokens,
        precision=recipe.train.precision,
        device=loop.processes.device,
        processes=loop.processes,
    )
    metric = recipe.evaluate.metric or reader.task.metric
    scores = {}
    if loop.processes.is_main:
        scored = reader.scores(dev, predicted.predictions)
        scores = {name: score.value for name, score in scored.items()}
        scores.setdefault(metric, None)  # of a metric that failed on these predictions
    scores = loop.processes.from_main(scores)
    score = scores[metric]
    is_best = score is not None and (progress.best_score is None or score > progress.best_score)
    return Evaluation(progress.step, scores, predicted.loss, metric, is_best), predicted


def _after(evaluation: Evaluation, progress: Progress, patience: int | None) -> Progress:
    if evaluation.is_best:
        return progress._replace(
            best_step=evaluation.step,
            best_score=evaluation.scores[evaluation.metric],
            num_without_gain=0,
        )
    waited = progress.num_without_gain + 1
    return progress._replace(
        num_without_gain=waited,
        is_done=progress.is_done or (patience is not None and waited >= patience),
    )


def _save(
    fitting: Fitting, progress: Progress, *, is_end: bool = False, is_between: bool = False
) -> None:
    """Save a checkpoint. StorageError where the disk refuses one behind which the process ends.

    `is_between`: a run that nobody stopped would have none here.
    """
    loop, model = fitting.loop, fitting.model
    checkpoint = None
    # in every process: shares of weights are brought together, and decay is rounded where it is
    # made up for
    with loop.whole(decayed=not is_between):
        if loop.processes.is_main:
            scaler = loop.scaler.state_dict() if loop.scaler else None
            state = progress._asdict() | {"scaler": scaler, "frozen": frozen_hash(model)}
            state["share_left"] = loop.vocabulary.share_left if loop.vocabulary else 1.0
            checkpoint = Checkpoint(weights_of(model, without=model.frozen), {}, state)
    if checkpoint is not None:
        checkpoint = checkpoint._replace(optimiser=state_of(loop.optimiser, loop.model))
        is_last = is_end or progress.is_done
        fitting.saving.save(progress.step, checkpoint, best=progress.best_step, is_last=is_last)
    elif loop.sharding is not None:
        give_state(loop.optimiser, loop.model)
    loop.processes.wait()


def _resume(run: Run, loop: Loop, model: Model) -> Progress:
    # the main process decides which checkpoint counts, the others read the same one
    newest = run.checkpoints.newest() if loop.processes.is_main else None
    step = loop.processes.from_main(newest.state["step"] if newest else 0)
    if loop.processes.is_main:
        run.checkpoints.forget_after(step)
        is_unscored = newest is not None and newest.state.get("is_unscored", False)
        run.rewind(step, METRICS, TIMING, NOT_FINITE, is_unscored=is_unscored)
    if not step:
        return Progress()
    checkpoint = newest or run.checkpoints.load(step)
    state, source = dict(checkpoint.state), run.checkpoints.weights(step)
    with loop.whole():
        if state.pop("frozen") != frozen_hash(model):
            raise RunError(
                f"{run.folder}: the frozen weights are not those that this run began with "
                "(did the checkpoint change?): --fresh starts over"
            )
        put_weights(model, checkpoint.weights, source, without=model.frozen)
    restore_state(loop.optimiser, loop.model, checkpoint.optimiser)
    _check_finite(loop, f"{run.checkpoints.path(step)}")
    scaler = state.pop("scaler")
    if loop.scaler and scaler:
        loop.scaler.load_state_dict(scaler)
    share_left = state.pop("share_left", 1.0)
    if loop.vocabulary is not None:
        loop.vocabulary.share_left = share_left
    return Progress(**state)


def _counted(fitting: Fitting, step: Step, progress: Progress) -> Progress:
    """The progress with a step that was left out, or that was not.

    NumericalError where so many are left out, one behind the other, that nothing is learned.
    """
    if step.left_out is None:
        return progress._replace(num_in_a_row=0)
    loop = fitting.loop
    # float16 overflows until its scale fits: that is its way, and no line of its own
    is_overflow = loop.scaler is not None and step.left_out.finding is None
    if not is_overflow:
        if loop.processes.is_main:
            fitting.run.log(NOT_FINITE, step.left_out.record())
        fitting.watch(Note(f"left out: {step.left_out.sentence()}"))
    progress = progress._replace(
        num_left_out=progress.num_left_out + 1, num_in_a_row=progress.num_in_a_row + 1
    )
    most = numbers.MOST_OVERFLOWS if is_overflow else numbers.MOST_IN_A_ROW
    if progress.num_in_a_row >= most or progress.num_left_out == loop.plan.num_steps:
        which = f"{progress.num_in_a_row} steps in a row were"
        raise NumericalError(f"{which} not finite, the last {step.left_out.sentence()}")
    return progress


def _left_out(progress: Progress) -> str:
    return f"train: {progress.num_left_out} of {progress.step} steps left out: not finite"


def _check_finite(loop: Loop, when: str) -> None:
    model = loop.model
    weights = dict(model.named_parameters()) | dict(model.named_buffers())
    held = {f"the weight {name}": tensor for name, tensor in weights.items()}
    held |= {
        f"the optimiser's {kind} of {name}": tensor
        for name, parameter in model.named_parameters()
        for kind, tensor in loop.optimiser.state.get(parameter, {}).items()
    }
    found = [numbers.first_not_finite(held)]
    if loop.sharding is not None:  # each process has looked at its shares
        found = loop.processes.gather(found)
    if name := next(filter(None, found), None):
        raise NumericalError(f"{when}: {name} holds numbers that are not finite")


def _log_step(fitting: Fitting, step: Step, seconds: float) -> None:
    if fitting.loop.processes.is_main:
        # what was computed and how long it took are kept apart: the first is the same in every run
        record = _plain(_without(step, "number", "left_out"))
        left_out = {} if step.left_out is None else {"left_out": True}
        _log(fitting, METRICS, {"step": step.number, **record, **left_out})
        _log(fitting, TIMING, {"step": step.number, "seconds": round(seconds, 6)})


def _log_evaluation(fitting: Fitting, evaluation: Evaluation) -> None:
    if fitting.loop.processes.is_main:
        _log(fitting, METRICS, {**_plain(evaluation._asdict()), "split": "dev"})


def _log(fitting: Fitting, name: str, record: dict[str, Any]) -> None:
    run = fitting.run
    was_behind = run.lines(name).is_behind
    try:
        run.log(name, record)
    except StorageError as error:  # the line is kept, and the next checkpoint waits for it
        if not was_behind:
            fitting.watch(Note(f"{str(error).removesuffix(files.FREE_SPACE)}; its lines wait"))


def _plain(record: Mapping[str, Any]) -> dict[str, Any]:
    """With null for numbers that JSON has no word for."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in record.items()
    }


def _without(step: Step, *names: str) -> dict[str, Any]:
    return {name: value for name, value in step._asdict().items() if name not in names}


def new_scaler(precision: str) -> "torch.amp.GradScaler | None":
    """The loss scaler that fp16 needs. It starts low, since losses are sums."""
    return torch.amp.GradScaler("cuda", init_scale=2.0**8) if precision == "fp16" else None
