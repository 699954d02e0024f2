"""The contract of a task, as a test that anybody can call on a task of their own.

Like scikit-learn's `check_estimator`: an AssertionError says in a sentence what the task breaks.
"""

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from toolkit.encoders.base import Encoder
from toolkit.encoders.recurrent import Lstm
from toolkit.evaluation.predictions import Reader, predict, records_of
from toolkit.models.batch import Batch, collate, padding_of
from toolkit.models.model import Model, build_model, load_model, save_model
from toolkit.models.reading import WindowSize
from toolkit.tasks.base import Task
from toolkit.windows import Window

SMALL = Lstm(
    embedding=24, hidden=24, dropout=0.0, word_dropout=0.0, min_count=1, max_length=24, overlap=0.25
)
MOST_STEPS = 300


def check_task(task: Task, examples: Sequence[Any], encoder: Encoder = SMALL) -> None:
    """Check a task on a few labelled examples (two at least, of different lengths).

    Windows fit; padding changes nothing; loss and count are sums; the examples can be learned by
    heart; the task survives saving; a saved model predicts the same; nothing needs gold; written
    predictions can be shown, and those that are read back (`recorded`) score the same. The encoder
    is a small LSTM unless another one is given, which should be without dropout.
    """
    _require(len(examples) >= 2, "two examples at least are needed to check a task")
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        learned = task.learn(examples)
        _require(
            isinstance(learned, type(task)),
            f"`learn` gives {type(learned).__name__}, expected a copy of the task",
        )
        texts = [text for example in examples for text in learned.texts(example)]
        tokenizer = encoder.tokenizer(texts)
        learned = learned.learn_vocabulary(tokenizer)
        model = build_model(learned, encoder, tokenizer)
        reader = Reader(learned, tokenizer, WindowSize.of(encoder, model.encoder))
        examples = reader.pack(examples).examples
        groups = _check_windows(reader, examples)
        windows = [window for group in groups for window in group]
        _check_fields(learned)
        _check_padding(model.eval(), reader, windows)
        _check_sums(model, reader, groups)
        _check_without_gold(model, reader, examples)
        _check_learning(model.train(), reader, windows)
        _check_records(model.eval(), reader, examples)
        _check_saving(model.eval(), reader, examples, encoder)


def _check_windows(reader: Reader, examples: Sequence[Any]) -> list[list[Window]]:
    groups = []
    for example in examples:
        found = reader.windows(example)
        for window in found:
            _require(
                window.length <= reader.size.max_length,
                f"a window of {window.length} tokens, where {reader.size.max_length} fit",
            )
            _require(window.targets is not None, "a labelled example has a window without targets")
        groups.append(found)
    _require(any(groups), "the examples have no windows")
    return [group for group in groups if group]


def _check_fields(task: Task) -> None:
    again = type(task).model_validate_json(task.model_dump_json())
    _require(again == task, "what the task learned does not survive being written to a recipe")


def _check_padding(model: Model, reader: Reader, windows: Sequence[Window]) -> None:
    together = _scores(model, _collate(reader, windows))
    for window, beside in zip(windows, together, strict=True):
        alone = _scores(model, _collate(reader, [window]))[0]
        cut = tuple(slice(0, size) for size in alone.shape)
        _require(
            np.allclose(alone, beside[cut], atol=1e-4),
            "padding changes the scores: a window alone and beside longer ones differ",
        )


def _check_sums(model: Model, reader: Reader, groups: Sequence[Sequence[Window]]) -> None:
    try:
        whole = _loss(model, _collate(reader, [window for group in groups for window in group]))
    except (TypeError, ValueError) as error:
        what = "expected the sum over targets and how many there are"
        raise AssertionError(f"the loss of the head fails: {error!r}; {what}") from error
    parts = [_loss(model, _collate(reader, group)) for group in groups]
    loss, count = sum(part[0] for part in parts), sum(part[1] for part in parts)
    _require(
        abs(whole[0] - loss) <= 1e-4 * max(1.0, abs(loss)),
        f"the loss is not a sum over examples: {whole[0]:.6f} together, {loss:.6f} one by one",
    )
    _require(
        whole[1] == count,
        f"the count is not a sum over examples: {whole[1]} together, {count} one by one",
    )
    _require(count > 0, "the examples have no targets")


def _check_without_gold(model: Model, reader: Reader, examples: Sequence[Any]) -> None:
    bare = [example.without_gold() for example in examples]
    told = _predict(model, reader, examples)
    try:
        windows = [window for example in bare for window in reader.windows(example)]
        blind = _predict(model, reader, bare)
    except (TypeError, AttributeError) as error:
        raise AssertionError(f"an example without gold cannot be predicted: {error!r}") from error
    _require(
        all(window.targets is None for window in windows),
        "an example without gold has a window with targets",
    )
    _require(
        blind == [reader.task.blind(each) for each in told],
        "the prediction changes when the gold is taken away",
    )
    scores = reader.own_scores(examples, told)
    _require(
        reader.task.metric in scores,
        f"`score` gives {', '.join(scores) or 'nothing'}, and not the metric {reader.task.metric}",
    )


def _check_records(model: Model, reader: Reader, examples: Sequence[Any]) -> None:
    """Written predictions can be shown, and what is read back of them scores the same."""
    predictions = _predict(model, reader, examples)
    task = reader.task
    _check_cases(task, examples, predictions)
    pairs = zip(examples, predictions, strict=True)
    written = json.loads(json.dumps([task.record(each, told) for each, told in pairs]))
    read = [task.recorded(record) for record in written]
    if None in read:  # they are predicted again where they are needed
        return
    one, other = (
        reader.own_scores(examples, told)[task.metric].value for told in (predictions, read)
    )
    _require(
        one == other or (one is not None and other is not None and abs(one - other) < 1e-4),
        f"predictions that were written and read back score {other} instead of {one}",
    )


def _check_learning(model: Model, reader: Reader, windows: Sequence[Window]) -> None:
    batch = _collate(reader, windows)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)
    first = last = 0.0
    for step in range(MOST_STEPS):
        output = model(batch.inputs, batch.targets)
        last = float(output.loss.detach() / output.count)
        first = first or last
        if last < 0.05 * first:
            return
        optimiser.zero_grad()
        (output.loss / output.count).backward()
        missing = [name for name, p in model.named_parameters() if step == 0 and p.grad is None]
        _require(not missing, f"weights that take no part in the loss: {', '.join(missing)}")
        optimiser.step()
    raise AssertionError(
        f"the examples cannot be learned by heart: the loss went from {first:.4f} only to "
        f"{last:.4f} in {MOST_STEPS} steps"
    )


def _check_saving(model: Model, reader: Reader, examples: Sequence[Any], encoder: Encoder) -> None:
    with tempfile.TemporaryDirectory() as name:
        save_model(model, encoder, reader.tokenizer, Path(name))
        loaded = load_model(reader.task, encoder, reader.tokenizer, Path(name)).eval()
    before, after = _predict(model, reader, examples), _predict(loaded, reader, examples)
    _require(before == after, "a model that was saved and loaded predicts something else")
    reader.task.score(examples, before)


def _check_cases(task: Task, examples: Sequence[Any], predictions: Sequence[Any]) -> None:
    for record in records_of(task, examples, predictions):
        try:
            case = task.case(json.loads(json.dumps(record)))
        except (KeyError, TypeError, ValueError, IndexError) as error:
            what = f"a line of predictions cannot be written and read again by `case`: {error!r}"
            raise AssertionError(what) from error
        for passage in case.passages:
            _require(
                all(0 <= mark.start < mark.end <= len(passage.text) for mark in passage.marks),
                "`case` marks what is not in its text",
            )


def _collate(reader: Reader, windows: Sequence[Window]) -> Batch:
    return collate(windows, padding_of(reader.tokenizer))


@torch.no_grad()
def _scores(model: Model, batch: Batch) -> "np.ndarray[Any, Any]":
    scores: np.ndarray[Any, Any] = model(batch.inputs).scores.numpy()
    return scores


@torch.no_grad()
def _loss(model: Model, batch: Batch) -> tuple[float, int]:
    output = model(batch.inputs, batch.targets)
    return float(output.loss), int(output.count)


def _predict(model: Model, reader: Reader, examples: Sequence[Any]) -> list[Any]:
    return predict(
        model, reader, examples, batch_size=8, precision="fp32", device=torch.device("cpu")
    ).predictions


def _require(holds: bool, sentence: str) -> None:
    if not holds:
        raise AssertionError(sentence)
