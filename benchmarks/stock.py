"""The baselines: what the stock scripts do, with nothing of the toolkit in the loop.

Source: examples/pytorch/{token-classification/run_ner,text-classification/run_glue,
question-answering/run_qa}_no_trainer.py of `transformers`, written anew. B0 is their default:
`DataLoader` over a `datasets.Dataset`, a collator that pads to the longest of the batch, float32,
`AdamW` in two groups, `model(**batch)` with the attention that `from_pretrained` chooses,
backward, step of the optimiser and of the schedule, `zero_grad`. The switches are those that users
of the scripts and of `Trainer` have. `accelerator.prepare` is left out: on one process it adds
nothing but microseconds, and Accelerate allows one precision in a process. Rows are the windows
that ours reads, so that both do the same work: the scripts would cut a long text at its first.
"""

import random
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from typing import Any, NamedTuple

import torch
from torch.utils.data import DataLoader

from toolkit.windows import Window

MEGA = 50  # batches that are sorted by length together, as in `Trainer`'s LengthGroupedSampler


class Switches(NamedTuple):
    """What users of the scripts may set."""

    bf16: bool = False
    fused: bool = False
    pad_to: int | None = None  # every window to this length: the default of run_glue and run_qa
    learning_rate: float = 5e-5
    weight_decay: float = 0.0


def dataset_of(windows: Sequence[Window], tokenizer: Any, pad_to: int | None = None) -> Any:
    """Windows as the scripts' `map` leaves them: a row of lists each."""
    from datasets import Dataset

    rows = [_row(window, tokenizer) for window in windows]
    if pad_to is not None:
        for row in rows:
            _pad(row, tokenizer, pad_to)
    return Dataset.from_list(rows)


def grouped(batches: Sequence[Sequence[int]], lengths: Sequence[int], seed: int) -> list[list[int]]:
    """The same rows in as many batches, of similar length: shuffled, cut up, each part sorted."""
    rows = [row for batch in batches for row in batch]
    random.Random(seed).shuffle(rows)
    found = []
    for first in range(0, len(batches), MEGA):
        last = min(first + MEGA, len(batches))
        start, *ends = (len(rows) * number // len(batches) for number in range(first, last + 1))
        mega = sorted(rows[start : ends[-1]], key=lambda row: -lengths[row])
        for end in ends:
            found.append(mega[: end - start])
            mega, start = mega[end - start :], end
    return found


def loader_of(
    dataset: Any, tokenizer: Any, batches: Sequence[list[int]], switches: Switches
) -> Any:
    """The scripts' `DataLoader`, except that the rows of each batch are given."""
    import transformers

    if switches.pad_to is not None:
        collator: Any = transformers.default_data_collator
    else:
        is_token = isinstance(dataset[0].get("labels"), list)
        name = "DataCollatorForTokenClassification" if is_token else "DataCollatorWithPadding"
        multiple = 8 if switches.bf16 else None  # as the scripts do under mixed precision
        collator = getattr(transformers, name)(tokenizer, pad_to_multiple_of=multiple)
    return DataLoader(dataset, batch_sampler=batches, collate_fn=collator)


def optimiser_of(model: Any, switches: Switches) -> torch.optim.AdamW:
    """AdamW in the scripts' two groups."""
    kept = ("bias", "LayerNorm.weight")
    named = list(model.named_parameters())
    groups = [
        {
            "params": [p for name, p in named if any(part in name for part in kept) == is_kept],
            "weight_decay": 0.0 if is_kept else switches.weight_decay,
        }
        for is_kept in (False, True)
    ]
    fused = True if switches.fused else None
    return torch.optim.AdamW(groups, lr=switches.learning_rate, fused=fused)


def train(
    model: Any, loader: Any, switches: Switches, num_steps: int, device: torch.device
) -> Iterator[torch.Tensor]:
    """The scripts' loop; yields the loss of each step, which it does not read."""
    from transformers import get_scheduler

    optimizer = optimiser_of(model, switches)
    schedule = get_scheduler("linear", optimizer, num_warmup_steps=0, num_training_steps=num_steps)
    model.train()
    for batch in loader:
        batch = {name: values.to(device, non_blocking=True) for name, values in batch.items()}
        with torch.autocast(device.type, torch.bfloat16) if switches.bf16 else nullcontext():
            loss = model(**batch).loss
        loss.backward()
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        yield loss.detach()


def load(folder: Any) -> Any:
    """A folder's model as the class that its configuration names, in float32."""
    import transformers

    config = transformers.AutoConfig.from_pretrained(folder)
    return getattr(transformers, config.architectures[0]).from_pretrained(folder)


def logits_of(output: Any) -> torch.Tensor:
    """What a model scores; of an answer's start and end, the last axis."""
    if "start_logits" in output:
        return torch.stack([output.start_logits, output.end_logits], dim=-1)
    found: torch.Tensor = output.logits
    return found


def _row(window: Window, tokenizer: Any) -> dict[str, Any]:
    ids = list(window.inputs["input_ids"])
    row: dict[str, Any] = {name: list(values) for name, values in window.inputs.items()}
    if "token_type_ids" in tokenizer.model_input_names:
        row.setdefault("token_type_ids", [0] * len(ids))
    row["attention_mask"] = [1] * len(ids)
    targets = dict(window.targets or {})
    if "span" in targets:  # of an answer; without one, the first token, as the script has it
        first, last = targets["span"]  # type: ignore[misc]
        row["start_positions"], row["end_positions"] = max(0, first), max(0, last)
    elif targets:
        row["labels"] = targets["labels"] if "labels" in targets else next(iter(targets.values()))
    return row


def _pad(row: dict[str, Any], tokenizer: Any, length: int) -> None:
    fillers = {"input_ids": tokenizer.pad_token_id, "labels": -100}
    for name, values in row.items():
        if isinstance(values, list):
            row[name] = values + [fillers.get(name, 0)] * (length - len(values))
