"""A whole stock job: python -m benchmarks.stock_job FOLDER RECIPE KEY=VALUE...

Reads and windows with the toolkit's code, so that its examples are ours; trains as the scripts do,
each window a row of its own, evaluates on dev after each epoch and on test at the end in order of
arrival, and saves. The scores are the task's own. `train.precision=bf16` sets every switch: B1 of
`stock.py`.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks import stock
from toolkit.encoders.base import encoder_of
from toolkit.models.model import build_model, save_model
from toolkit.models.reading import WindowSize
from toolkit.recipe.load import load_recipe
from toolkit.standin import ready
from toolkit.training.batches import Plan, counted_seed


def main() -> None:
    """Leave `report.json` and the model in FOLDER."""
    folder, recipe = Path(sys.argv[1]), ready(load_recipe(sys.argv[2], *sys.argv[3:]))
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    splits = {name: r.examples for name, r in recipe.data.splits(recipe.task.reads).items()}
    encoder = encoder_of(recipe)
    task, tokenizer = recipe.task.learn(splits["train"]), encoder.tokenizer(())
    torch.manual_seed(counted_seed(recipe.train.seed, "weights"))  # as `toolkit finetune` does
    first = build_model(task, encoder, tokenizer)
    save_model(first, encoder, tokenizer, folder / "start")
    size = WindowSize.of(encoder, first.encoder)
    windows = {
        name: [task.windows(x, tokenizer, *size) for x in each] for name, each in splits.items()
    }
    model = stock.load(folder / "start").to(device)
    rows = [window for group in windows["train"] for window in group]
    train = recipe.train
    plan = Plan(len(rows), train.batch_size, train.epochs, train.seed)
    is_fast = train.precision == "bf16"
    switches = stock.Switches(
        bf16=is_fast,
        fused=is_fast,
        learning_rate=train.learning_rate,
        weight_decay=train.weight_decay,
    )
    batches = [plan.examples(step) for step in range(plan.num_steps)]
    if is_fast:
        lengths, by_epoch = [row.length for row in rows], plan.steps_per_epoch
        starts = range(0, len(batches), by_epoch)
        batches = [
            batch
            for start in starts
            for batch in stock.grouped(batches[start : start + by_epoch], lengths, start)
        ]
    loader = stock.loader_of(stock.dataset_of(rows, tokenizer), tokenizer, batches, switches)
    seconds, found, began = 0.0, {}, time.perf_counter()

    def scored(split: str) -> dict[str, Any]:
        return scores(model, task, tokenizer, splits[split], windows[split], switches, device)

    for step, _ in enumerate(stock.train(model, loader, switches, len(batches), device), start=1):
        if step % plan.steps_per_epoch == 0:
            seconds += time.perf_counter() - began
            if "dev" in splits:
                found = scored("dev")
            model.train()
            began = time.perf_counter()
    if "test" in splits:
        found = scored("test")
    model.save_pretrained(folder / "model")
    report = {"training": seconds, **{name: score.value for name, score in found.items()}}
    (folder / "report.json").write_text(json.dumps(report), encoding="utf-8")


@torch.no_grad()
def scores(
    model: Any, task: Any, tokenizer: Any, examples: Any, windows: Any, switches: Any, device: Any
) -> dict[str, Any]:
    """The task's scores of batches in order of arrival, as the scripts evaluate."""
    model.eval()
    rows = [window for group in windows for window in group]
    batches = [list(range(at, min(at + 8, len(rows)))) for at in range(0, len(rows), 8)]
    found: list[Any] = []
    loader = stock.loader_of(stock.dataset_of(rows, tokenizer), tokenizer, batches, switches)
    for batch in loader:
        inputs = {name: values.to(device) for name, values in batch.items()}
        with torch.autocast(device.type, torch.bfloat16, enabled=switches.bf16):
            found += list(stock.logits_of(model(**inputs)).float().cpu().numpy())
    taken = iter(found)
    predictions = [
        task.decode(example, group, [next(taken) for _ in group])
        for example, group in zip(examples, windows, strict=True)
    ]
    return dict(task.score(examples, predictions))


if __name__ == "__main__":
    main()
