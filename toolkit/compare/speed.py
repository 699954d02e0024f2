"""How quickly a model predicts on this machine: one text at a time, in batches, all at once.

On one thread, or one GPU, one model after the other, while nothing of the ladder trains. What was
measured is kept beside the run, and measured again where the machine is another or it is asked.
"""

import json
import platform
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from toolkit.compare.worker import Said
from toolkit.recipe.load import load_recipe
from toolkit.runs import files
from toolkit.runs.run import Run

if TYPE_CHECKING:
    from toolkit.evaluation.predictor import Predictor

SPEED = "speed.json"
BATCH = 32
SECONDS = 3.0  # of each of the three measurements, or so
MOST_SINGLE = 200  # texts, one at a time
LOOK = 0.3  # seconds of a look at who else computes
FEWEST = 5  # timings of each kind, however long they take


def speed_of(folder: Path) -> dict[str, Any] | None:
    """What was measured of a run on this machine; None where nothing was."""
    path = folder / SPEED
    if not path.is_file():
        return None
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    here = {"processor": processor(), "has_gpu": has_gpu()}
    return found if {"has_gpu": False, **found}.items() >= here.items() else None


def measure(
    tell: Callable[[Said], None], folder: Path, split: str, allow_code: Sequence[str]
) -> None:
    """Measure the model of a run on the texts of a split, and write it into the run."""
    from toolkit.predict import load

    run = Run(folder)
    recipe = load_recipe(run.recipe_file, allow_code=allow_code)
    reading = recipe.data.splits(recipe.task.reads, [split])[split]
    texts = [example.without_gold() for example in reading.examples]
    predictor = load(folder, allow_code=allow_code)
    predictor.predict(texts[:BATCH])  # what is loaded on first use is no part of it
    found = _measured(predictor, texts)
    files.write_json(folder / SPEED, found)
    tell(Said(f"measured, {found['latency_ms']['p50']:.3g} ms a text"))


def _measured(predictor: "Predictor", texts: Sequence[Any]) -> dict[str, Any]:
    busy = psutil.cpu_percent(LOOK) / 100
    single = _timings(predictor, [[text] for text in _spread(texts, MOST_SINGLE)])
    batches = [texts[start : start + BATCH] for start in range(0, len(texts), BATCH)]
    batched = _timings(predictor, batches[:-1] or batches)
    return {
        "texts_per_second": round(_throughput(predictor, texts), 3),
        "latency_ms": _quantiles(single),
        "batch_latency_ms": {"batch": min(BATCH, len(texts)), **_quantiles(batched)},
        "precision": predictor.precision,
        "device": predictor.device.type,
        "processor": processor(),
        "has_gpu": has_gpu(),
        "busy": busy,  # the share of the machine that others had when it began
    }


def _timings(predictor: "Predictor", parts: Sequence[Sequence[Any]]) -> list[float]:
    """Seconds of each part, until the time is up; parts are taken again where there are few."""
    seconds: list[float] = []
    began = time.perf_counter()
    while len(seconds) < FEWEST or (
        len(seconds) < len(parts) and time.perf_counter() - began < SECONDS
    ):
        part = parts[len(seconds) % len(parts)]
        before = time.perf_counter()
        predictor.predict(part)
        seconds.append(time.perf_counter() - before)
    return seconds


def _throughput(predictor: "Predictor", texts: Sequence[Any]) -> float:
    """Texts a second, many given at once, so that the predictor sorts and cuts them itself."""
    done, size, began = 0, 8 * BATCH, time.perf_counter()
    while not done or (done < len(texts) and time.perf_counter() - began < SECONDS):
        part = texts[done : done + size]
        predictor.predict(part)
        done += len(part)
    return done / (time.perf_counter() - began)


def _quantiles(seconds: Sequence[float]) -> dict[str, Any]:
    import numpy as np

    middle, high = np.quantile(seconds, [0.5, 0.95])
    return {"p50": round(1000 * float(middle), 4), "p95": round(1000 * float(high), 4)}


def _spread(texts: Sequence[Any], most: int) -> list[Any]:
    """So many texts, evenly from the whole split."""
    step = max(1, len(texts) // most)
    return list(texts[::step][:most])


def has_gpu() -> bool:
    """Whether this machine has a GPU that a model could be on."""
    import torch

    return torch.cuda.device_count() > 0


def processor() -> str:
    """The name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine()
