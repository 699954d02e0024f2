"""Predictions and loss over a split, the same numbers on one process or many.

The batches are a function of the examples alone: sorted by length, cut at a number of tokens.
Processes share them out, so that every window is computed in the same company whoever does it.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from toolkit import stopping
from toolkit.data.text import counted
from toolkit.errors import NumericalError
from toolkit.evaluation.extra import Metric
from toolkit.heads.base import Output
from toolkit.metrics.score import Score, normal
from toolkit.models.batch import Batch, collate, padding_of
from toolkit.models.float32 import quick_products
from toolkit.models.precision import reading
from toolkit.models.reading import WindowSize
from toolkit.tasks.base import Packed, Task
from toolkit.windows import Window, know_words

if TYPE_CHECKING:
    from toolkit.training.processes import Processes

_Part = tuple[int, list[int], list[Any], float, int]  # batch, rows, predictions, loss, targets
MOST_TOKENS = 4096  # at a time: the products are fast, and what lies between them still in a cache


class Predicted(NamedTuple):
    """What a model says of a split."""

    predictions: list[Any]  # one an example, in the order of the examples
    loss: float | None  # mean over targets; None without gold
    num_windows: int  # that the examples took
    num_in_several: int  # examples that took more than one window
    num_truncated: int  # examples of which a part was left out, as the recipe says
    precision: str  # of the arithmetic


class Most(NamedTuple):
    """How much is read at once."""

    windows: int
    tokens: int  # padding included; one window may have more

    def of_length(self, length: int) -> int:
        """How many windows of this length are read at once, one at least."""
        return max(1, min(self.windows, self.tokens // max(1, length)))


class Scorer(NamedTuple):
    """What scores predictions, whatever made them."""

    task: Task
    extra: tuple[Metric, ...] = ()  # that the recipe adds to the task's own

    def own_scores(self, examples: Sequence[Any], predictions: Sequence[Any]) -> dict[str, Score]:
        """The task's scores, those that are no finite number undefined."""
        scores = self.task.score(examples, predictions)
        return {name: normal(score) for name, score in scores.items()}

    def scores(self, examples: Sequence[Any], predictions: Sequence[Any]) -> dict[str, Score]:
        """The task's scores, and behind them those of other metrics."""
        scores = self.own_scores(examples, predictions)
        for metric in self.extra:
            for name, score in metric.scores(self.task, examples, predictions).items():
                # a rehearsal found no clash; a metric may still name a score another way later
                scores[name if name not in scores else f"{metric.label}_{name}"] = score
        return scores


class Reader(NamedTuple):
    """What turns examples into windows, and predictions into scores."""

    task: Task
    tokenizer: Any
    size: WindowSize
    extra: tuple[Metric, ...] = ()  # that the recipe adds to the task's own

    def windows(self, example: Any) -> list[Window]:
        """The windows of an example."""
        return self.task.windows(example, self.tokenizer, *self.size)

    def windows_of(self, examples: Sequence[Any]) -> list[list[Window]]:
        """The windows of each example; words are tokenised in one call."""
        texts = (text for example in examples for text in self.task.texts(example))
        know_words(self.tokenizer, texts)
        return [self.windows(example) for example in examples]

    def own_scores(self, examples: Sequence[Any], predictions: Sequence[Any]) -> dict[str, Score]:
        """The task's scores, those that are no finite number undefined."""
        return Scorer(self.task).own_scores(examples, predictions)

    def scores(self, examples: Sequence[Any], predictions: Sequence[Any]) -> dict[str, Score]:
        """The task's scores, and behind them those of other metrics."""
        return Scorer(self.task, self.extra).scores(examples, predictions)

    def pack(self, examples: Sequence[Any]) -> Packed:
        """The examples as the model reads them; most tasks read them one by one."""
        return self.task.pack(examples, self.tokenizer, self.size.max_length)

    def vary(self, window: Window, seed: int) -> Window:
        """A window as a training step reads it."""
        return self.task.vary(window, self.tokenizer, seed)


def predict(
    model: Any,
    reader: Reader,
    examples: Sequence[Any],
    *,
    batch_size: int,
    batch_tokens: int = MOST_TOKENS,
    precision: str,
    device: torch.device,
    processes: "Processes | None" = None,
) -> Predicted:
    """Predict every example once; changes no model state.

    At most `batch_size` windows and `batch_tokens` tokens with padding are read at a time. Stops
    between batches where that was asked. NumericalError where scores are not finite: a prediction
    made of them would mean nothing.
    """
    windows = reader.windows_of(examples)
    most = Most(batch_size, batch_tokens)
    batches = plan_batches(windows, most)
    rank, count = (processes.rank, processes.count) if processes else (0, 1)
    was_training = model.training
    model.eval()
    mine: list[tuple[int, list[int], list[Any], float, int]] = []
    with quick_products(), reading(model, precision, device):
        for number in range(rank, len(batches), count):
            if stopping.vote():
                break
            rows = batches[number]
            scores, loss, targets = _compute(
                model, reader, [windows[row] for row in rows], most, device
            )
            if odd := [row for row, table in zip(rows, scores, strict=True) if _is_broken(table)]:
                mine.append((number, odd, [], loss, targets))
                continue
            predictions = [
                reader.task.decode(examples[row], windows[row], table)
                for row, table in zip(rows, scores, strict=True)
            ]
            mine.append((number, rows, predictions, loss, targets))
    model.train(was_training)
    parts = _shared(mine, processes)
    if broken := sorted(row for _, rows, found, *_ in parts if rows and not found for row in rows):
        raise NumericalError(
            f"the model's scores of {counted(len(broken), 'example')} are not finite "
            f"(first: example {getattr(examples[broken[0]], 'id', '') or broken[0]})"
        )
    predictions, mean = _merge(parts, len(examples))
    return Predicted(
        predictions,
        mean,
        num_windows=sum(map(len, windows)),
        num_in_several=sum(len(group) > 1 for group in windows),
        num_truncated=sum(reader.task.num_left_out(group) > 0 for group in windows),
        precision=precision,
    )


def _is_broken(scores: Sequence["np.ndarray[Any, Any]"]) -> bool:
    # minus infinity is what must not be, and everything must not be nowhere
    return not all(bool((table < np.inf).all() and np.isfinite(table).any()) for table in scores)


def _shared(mine: list[_Part], processes: "Processes | None") -> list[_Part]:
    """What all processes predicted; Stopped in each of them where one was asked to stop."""
    told = [(stopping.vote(), mine)]
    told = processes.gather(told) if processes else told
    stopping.heed(sum(votes for votes, _ in told))
    return [part for _, parts in told for part in parts]


def plan_batches(windows: Sequence[Sequence[Window]], most: Most) -> list[list[int]]:
    """Examples of similar length together, as many as are read at once, or one that has more."""
    longest = [max((window.length for window in group), default=0) for group in windows]
    batches: list[list[int]] = []
    used = 0
    for row in sorted(range(len(windows)), key=lambda row: (longest[row], row)):
        if not batches or used + len(windows[row]) > most.of_length(longest[row]):
            batches.append([])
            used = 0
        batches[-1].append(row)
        used += len(windows[row])
    return batches


def records_of(
    task: Task, examples: Sequence[Any], predictions: Sequence[Any]
) -> Iterator[dict[str, Any]]:
    """Predictions beside their gold, as a file holds them, one an example."""
    for number, (example, prediction) in enumerate(zip(examples, predictions, strict=True)):
        identity = getattr(example, "id", "") or str(number)
        yield {"id": identity, "gold": task.gold(example), **task.record(example, prediction)}


@torch.inference_mode()
def _compute(
    model: Any,
    reader: Reader,
    windows: Sequence[Sequence[Window]],
    most: Most,
    device: torch.device,
) -> tuple[list[list["np.ndarray[Any, Any]"]], float, int]:
    """The scores of each example's windows, the summed loss and its count."""
    flat = [window for group in windows for window in group]
    if not flat:
        return [[] for _ in windows], 0.0, 0
    padding = padding_of(reader.tokenizer)
    at_once = most.of_length(max(window.length for window in flat))
    if len(flat) <= at_once:
        batch = collate(flat, padding, device)
        output: Output = model(batch.inputs, batch.targets, batch.lengths)
    else:  # one example of many windows, whose loss may be of all of them together
        output = _in_parts(model, collate(flat, padding), at_once, device)
    loss = 0.0 if output.loss is None else float(output.loss)
    count = 0 if output.count is None else int(output.count)
    taken: Iterator[np.ndarray[Any, Any]] = iter(output.scores.float().cpu().numpy())
    return [[next(taken) for _ in group] for group in windows], loss, count


def _in_parts(model: Any, batch: Batch, at_once: int, device: torch.device) -> Output:
    """What the model says of a batch that is read some windows at a time, its loss as of one."""
    parts = []
    for start in range(0, len(batch.inputs["input_ids"]), at_once):
        end = start + at_once
        inputs = {name: rows[start:end].to(device) for name, rows in batch.inputs.items()}
        parts.append(model(inputs, lengths=batch.lengths[start:end]).scores)
    scores = torch.cat(parts)
    if batch.targets is None:
        return Output(scores)
    targets = {name: rows.to(device) for name, rows in batch.targets.items()}
    return Output(scores, *model.head.loss(scores, targets))


def _merge(parts: Sequence[_Part], size: int) -> tuple[list[Any], float | None]:
    """The predictions in the order of the examples, and the mean loss."""
    found: dict[int, Any] = {}
    loss, count = 0.0, 0
    for _, rows, predictions, part_loss, part_count in sorted(parts, key=lambda part: part[0]):
        found.update(zip(rows, predictions, strict=True))
        loss += part_loss
        count += part_count
    assert sorted(found) == list(range(size)), "an example without a prediction"
    return [found[row] for row in range(size)], loss / count if count else None
