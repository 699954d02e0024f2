"""Whole processes, from their start to their end: a job, predictions, growing data, recurrence."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any, NamedTuple

from benchmarks.table import Table
from toolkit.errors import ToolkitError
from toolkit.recipe.load import load_recipe
from toolkit.standin import ready

RECIPE, SEEDS = "wnut17-minilm", (1, 2, 3)
ARMS = {"B0": ("fp32", "stock"), "B1": ("bf16", "stock"), "ours fp32": ("fp32", "ours"),
        "ours bf16": ("bf16", "ours")}  # fmt: skip


class Ended(NamedTuple):
    """A process that came to its end."""

    seconds: float  # from its start
    peak: float  # megabytes of memory, at most
    output: str


def run(*words: str) -> Ended:
    """Run a process of this Python to its end; ToolkitError with its last lines where it fails."""
    with tempfile.TemporaryFile() as file:
        start = time.perf_counter()
        process = subprocess.Popen([sys.executable, *words], stdout=file, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)  # of this process alone
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        file.seek(0)
        output = file.read().decode("utf-8", errors="replace")
    if process.returncode:
        raise failure(words, process.returncode, output)
    return Ended(seconds, usage.ru_maxrss / 1024, output)


def failure(words: Sequence[str], code: int, output: str) -> ToolkitError:
    """The error for a process that failed, with its last lines."""
    tail = " / ".join(output.strip().splitlines()[-3:])
    return ToolkitError(f"{' '.join(words)}: exit code {code}: {tail}")


def whole_job(*, scores: bool) -> Table:
    """Fine-tuning from the start of the process: read, train, evaluate each epoch, test, save."""
    recipe = ready(load_recipe(RECIPE))
    epochs = recipe.train.epochs if scores else 1
    seeds = SEEDS if scores else SEEDS[:1]
    done: dict[str, list[tuple[Ended, dict[str, float]]]] = {name: [] for name in ARMS}
    for seed in seeds:  # arms take turns
        for name, (precision, whose) in ARMS.items():
            done[name].append(_job(precision, whose, seed, epochs))
    rows, stock = [], mean(result["training"] for _, result in done["B0"])
    for name, each in done.items():
        found = [result["f1"] for _, result in each]
        spread = f" ± {stdev(found):.3f}" if len(found) > 1 else ""
        seconds = mean(ended.seconds for ended, _ in each)
        rows.append([
            name,
            f"{seconds:.1f}",
            f"{mean(result['training'] for _, result in each):.1f}",
            f"{stock / seconds:.2f}",
            f"{max(ended.peak for ended, _ in each):,.0f}",
            f"{mean(found):.3f}{spread}",
        ])  # fmt: skip
    columns = ("arm", "whole process, s", "training loop alone, s",
               "B0's training loop / whole process", "peak memory, MB", "test F1")  # fmt: skip
    note = (
        f"{RECIPE}, {epochs} epochs, {len(seeds)} seeds; the same first weights and examples in "
        "every step, scored by the same code: B0 and B1 (grouped) as they are behind the last "
        "epoch, ours as they were best on dev"
    )
    return Table("Whole job", columns, rows, [note])


def _job(precision: str, whose: str, seed: int, epochs: int) -> tuple[Ended, dict[str, float]]:
    with tempfile.TemporaryDirectory() as folder:
        changes = [f"train.epochs={epochs}", f"train.seed={seed}", f"train.precision={precision}"]
        if whose == "stock":
            ended = run("-m", "benchmarks.stock_job", f"{folder}/out", RECIPE, *changes)
            return ended, json.loads((Path(folder) / "out" / "report.json").read_text("utf-8"))
        ended = run("-m", "toolkit", "finetune", RECIPE, *changes, f"run.folder={folder}")
        (results,) = Path(folder).glob("*/results.json")
        scores = json.loads(results.read_text("utf-8"))["splits"]["test"]["scores"]
        timing = (results.parent / "timing.jsonl").read_text("utf-8").splitlines()
        seconds = sum(json.loads(line).get("seconds", 0.0) for line in timing)
        return ended, {"f1": scores["f1"]["value"], "training": seconds}


def prediction(count: int) -> Table:
    """`toolkit predict` over a file, against `pipeline` one sentence after the other."""
    recipe = ready(load_recipe(RECIPE))
    splits = recipe.data.splits(recipe.task.reads)
    sentences = [" ".join(x.words) for reading in splits.values() for x in reading.examples]
    rows: list[list[str]] = []
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / "sentences.txt"
        chosen = [" ".join(sentence.split()) for sentence in sentences][:count]
        text.write_text("\n".join(chosen) + "\n", encoding="utf-8")
        runs = {precision: _small_run(Path(folder), precision) for precision in ("fp32", "bf16")}
        theirs = run("-m", "benchmarks.one_by_one", str(runs["fp32"] / "model"), str(text))
        rows.append(_predicted("pipeline, one by one", theirs, theirs, len(chosen)))
        for precision, made in runs.items():
            ours = run(*_predict(made, text))
            rows.append(_predicted(f"toolkit predict, {precision}", ours, theirs, len(chosen)))
        ours = run(*_predict(runs["fp32"], text), "--precision", "int8")
        rows.append(_predicted("toolkit predict, int8", ours, theirs, len(chosen)))
    columns = ("arm", "whole process, s", "sentences/s", "times faster", "peak memory, MB")
    note = f"{len(chosen)} sentences of WNUT-17, start of the process and loading included"
    return Table("Prediction", columns, rows, [note])


def _predict(made: Path, text: Path) -> list[str]:
    return ["-m", "toolkit", "predict", str(made), "--words", "--file", str(text)]


def _small_run(folder: Path, precision: str) -> Path:
    """A finished run; what it learned in a few steps does not matter here."""
    train = _repeated(folder / f"{precision}.conll", 64, 1)
    run(*_finetune(train, folder, f"run.name={precision}", f"train.precision={precision}"))
    return folder / precision


def _predicted(name: str, ended: Ended, theirs: Ended, count: int) -> list[str]:
    faster = theirs.seconds / ended.seconds
    speed = count / ended.seconds
    return [name, f"{ended.seconds:.1f}", f"{speed:,.0f}", f"{faster:.2f}", f"{ended.peak:,.0f}"]


def growth(count: int) -> Table:
    """The whole job on 1, 2, 4 and 8 times the sentences."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for times in (1, 2, 4, 8):
            train = _repeated(Path(folder) / f"{times}.conll", count, times)
            ended = run(*_finetune(train, Path(folder), f"run.name=x{times}"))
            row = (f"{times * count:,}", f"{ended.seconds:.1f}", f"{ended.peak:,.0f}")
            rows.append(list(row))
    note = f"{RECIPE}, 1 epoch; the sentences are the first {count} of WNUT-17, repeated"
    return Table("Growth", ("sentences", "whole process, s", "peak memory, MB"), rows, [note])


def recurrence(threads: int) -> Table:
    """The table that `recurrence.py` prints."""
    ended = run(str(Path(__file__).with_name("recurrence.py")), "--threads", str(threads))
    lines = [line for line in ended.output.splitlines() if line.startswith("|")]
    cells: Sequence[list[str]] = [
        [cell.strip() for cell in line.strip("| ").split("|")] for line in lines
    ]
    return Table("Recurrence against packed torch.nn.LSTM", cells[0], cells[2:])


def _repeated(file: Path, count: int, times: int) -> Path:
    """The first sentences of WNUT-17, so many times, as a file."""
    recipe: Any = ready(load_recipe(RECIPE))
    examples = recipe.data.read(recipe.data.train).examples[:count]
    text = "".join(
        "".join(f"{word}\t{tag}\n" for word, tag in zip(x.words, x.tags, strict=True)) + "\n"
        for x in examples
    )
    file.write_text(text * times, encoding="utf-8")
    return file


def _finetune(train: Path, folder: Path, *changes: str) -> list[str]:
    small = str(_repeated(folder / "small.conll", 64, 1))
    data = [f"data.train={train}", f"data.dev={small}", "data.test=null", "task.allow_unseen=true"]
    words = ["-m", "toolkit", "finetune", RECIPE, "train.epochs=1", f"run.folder={folder}"]
    return [*words, *data, *changes]
