"""The toolkit with one thing wrong in what it computes, or in how it stops: more mutants."""

import contextlib
import os
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from toolkit import stopping
from toolkit.evaluation import predictions
from toolkit.models.batch import collate
from toolkit.tasks.token_classification import TokenClassification
from toolkit.training import finetune, fit, gradients, peers, steps
from toolkit.training.processes import Processes
from torture.mutants import Mutant, _nothing, _set

# evaluation

_merge, _plan = predictions._merge, predictions.plan_batches


def _processes() -> int:
    return int(os.environ.get("WORLD_SIZE", "1"))


def _added_up_by_process(parts: Any, size: int) -> Any:
    """Each process adds its own losses up, in float32; in float64 no order makes a difference."""
    found, loss = _merge(parts, size)
    if loss is not None:
        own = [sum(torch.tensor(part[3]) for part in parts if part[0] % _processes() == rank)
               for rank in range(_processes())]  # fmt: skip
        loss = float(sum(own)) / sum(part[4] for part in parts)
    return found, loss


def _mean_of_means(parts: Any, size: int) -> Any:
    found, loss = _merge(parts, size)
    means = []
    for rank in range(_processes()):
        own = [part for part in parts if part[0] % _processes() == rank]
        if count := sum(part[4] for part in own):
            means.append(sum(part[3] for part in own) / count)
    return found, loss if not means else sum(means) / len(means)


def _larger_batches(windows: Any, most: predictions.Most) -> Any:
    return _plan(windows, most._replace(windows=most.windows * _processes()))


# gradients


def _mean_of_micro_batches(
    loop: Any, wrapped: Any, step: int, micro_batch: Any, totals: Tensor
) -> None:
    """What multiplies the update where a step is cut: each micro-batch divides by its own count."""
    output, num_tokens = gradients.computed(loop, wrapped, step, micro_batch)
    loss = output.loss * micro_batch.weight / output.count
    loss.backward()
    totals[0] += loss.detach()
    totals[1] += micro_batch.weight
    totals[2] += num_tokens * micro_batch.weight


def _divided_by_own_count(self: Processes, tensor: Tensor) -> Tensor:
    return tensor


def _never_exchanged(self: Processes, model: Any) -> Any:
    return model


_gradients = gradients.gradients


def _divided_twice(loop: Any, *others: Any) -> Any:
    """DDP has divided by the number of processes, and nobody multiplies by it."""
    sums: Any = _gradients(loop, *others)
    return sums._replace(num_targets=sums.num_targets * loop.processes.count)


def _counted_by_place(windows: Any, padding: Any, device: Any = "cpu", keys: Any = None) -> Any:
    return collate(windows, padding, device, None if keys is None else range(len(windows)))


def _empty_counts(loop: Any, step: int) -> Any:
    examples = gradients.read(loop, loop.plan.examples(step)[:1])
    return gradients.MicroBatch(examples, 0, weight=1)


# signals


def _heeded_by_none(self: Processes) -> int:
    return 0


def _stopped_unsaved(self: Processes) -> int:
    stopping.heed(stopping.vote() if self.count == 1 else self.votes)
    return 0


def _deaf_to(*names: str) -> Callable[[], None]:
    def apply() -> None:
        for number in [each for each in stopping.CODES if each.name in names]:
            del stopping.CODES[number]

    return apply


def _one_code() -> None:
    for number in stopping.CODES:
        stopping.CODES[number] = stopping.TERMINATED


def _forgets_evaluation() -> None:
    """A stop in an evaluation takes the step for one that was scored."""
    save = fit._save

    def saved(fitting: fit.Fitting, progress: fit.Progress, **keys: Any) -> None:
        save(fitting, progress._replace(is_unscored=False), **keys)

    fit._save = saved


# one of several processes fails


def _not_a_symptom(error: BaseException) -> bool:
    return False


# what a process that begins from nothing does otherwise than another one


def _labels_of_a_set() -> None:
    learn = TokenClassification.learn

    def learned(self: Any, examples: Any) -> Any:
        task = learn(self, examples)
        return task.model_copy(update={"labels": tuple(set(task.labels))})

    TokenClassification.learn = learned


def _seed_of_the_place() -> None:
    seed = finetune.counted_seed
    finetune.counted_seed = lambda *counters: seed(*counters, os.getcwd())


FRESH: dict[str, Callable[[], None]] = {
    "labels stand as a set has them": _labels_of_a_set,
    "the seed is that of the folder": _seed_of_the_place,
}


def _in_fresh_processes(name: str) -> Mutant:
    return Mutant(name, "clean", lambda: os.environ.update(TORTURE_MUTANT=name))


MUTANTS = (
    Mutant("losses are added up process by process", "evaluation",
           _set(predictions, "_merge", _added_up_by_process)),
    Mutant("the loss is the mean over processes", "evaluation",
           _set(predictions, "_merge", _mean_of_means)),
    Mutant("batches grow with the processes", "evaluation",
           _set(predictions, "plan_batches", _larger_batches)),
    Mutant("micro-batches are averaged", "gradient",
           _set(gradients, "_add", _mean_of_micro_batches)),
    Mutant("a process divides by its own targets", "gradient",
           _set(Processes, "sum", _divided_by_own_count)),
    Mutant("gradients are not exchanged", "gradient", _set(Processes, "wrap", _never_exchanged)),
    Mutant("DDP's mean is taken for a sum", "gradient", _set(steps, "gradients", _divided_twice)),
    Mutant("what is computed for others counts", "gradient",
           _set(gradients, "_empty", _empty_counts)),
    Mutant("dropout follows from the place in a micro-batch", "gradient",
           _set(gradients, "collate", _counted_by_place)),
    Mutant("signals end a run at once", "signals",
           _set(stopping, "deferred", contextlib.nullcontext)),
    Mutant("a signal is heeded at the end", "signals", _set(Processes, "stop", _heeded_by_none)),
    Mutant("a stop does not save", "signals", _set(Processes, "stop", _stopped_unsaved)),
    Mutant("SIGUSR1 is not heard", "signals", _deaf_to("SIGUSR1")),
    Mutant("every stop has one exit code", "signals", _one_code),
    Mutant("an evaluation that was stopped is left out", "signals", _forgets_evaluation),
    Mutant("nobody looks after the others", "ranks",
           _set(peers.Peers, "_look_after", _nothing)),
    Mutant("a broken connection is taken for the fault", "ranks",
           _set(peers, "_is_symptom", _not_a_symptom)),
    Mutant("one that hangs is waited for", "ranks", _set(peers.Peers, "_stuck", _nothing)),
    Mutant("hangs before training are waited for", "ranks",
           _set(peers, "PREPARING", float("inf"))),
    Mutant("the exchange of buffers is not taken for waiting", "ranks",
           _set(peers, "WAITING", tuple(each for each in peers.WAITING if "/nn/" not in each))),
    *(_in_fresh_processes(name) for name in FRESH),
)  # fmt: skip
