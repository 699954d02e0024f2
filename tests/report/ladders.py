"""Folders as `toolkit compare` leaves them, of runs that are there already."""

import json
import shutil
from pathlib import Path
from typing import Any


def make_ladder(
    folder: Path, run: Path, names: list[str], num_seeds: int = 2, **figures: Any
) -> Path:
    """A ladder whose rungs are copies of a run; `figures` are put into compare.json."""
    results = json.loads((run / "results.json").read_text(encoding="utf-8"))
    metric, scored = results["best"]["metric"], results["splits"]["test"]
    score = scored["scores"][metric]["value"] or 0.0
    rungs = []
    for number, name in enumerate(names):
        folders = [f"rung{number}-seed{seed + 1}" for seed in range(num_seeds)]
        for each in folders:
            shutil.copytree(
                run, folder / each, ignore=shutil.ignore_patterns("checkpoints", "model")
            )
        rungs.append(_rung(name, number, folders, score, scored))
    folder.mkdir(exist_ok=True)
    content = {
        "ladder": "small", "stand_in": False, "stand_ins": [], "task": "a-task", "metric": metric,
        "split": "test", "about": {"scheme": None, "unit": "span"},
        "examples": scored["examples"], "confidence": 0.95, "resampled": "example",
        "machine": {"processor": "a CPU", "cores": 4}, "rungs": rungs,
        "smallest_difference": {"models": 0.02, "recipes": None, "power": 0.8, "level": 0.05},
        "best": names[-1], "cheapest_within_noise": names[0],
        "sentences": ["The rungs cannot be told apart."],
        **figures,
    }  # fmt: skip
    (folder / "compare.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def _rung(
    name: str, number: int, runs: list[str], score: float, scored: dict[str, Any]
) -> dict[str, Any]:
    test = {"test": "approximate randomisation", "p": 0.04, "p_holm": 0.08, "seed": 1}
    difference = {
        "to": "the one below", "value": 0.01,
        "models": {**test, "interval": [-0.01, 0.03]}, "recipes": None,
    }  # fmt: skip
    labels = next(
        (
            found
            for each in scored["scores"].values()
            for found in (each.get("types") or each.get("per_label"),)
            if found and all(isinstance(row, dict) for row in found.values())
        ),
        None,
    )
    return {
        "name": name, "model": {"type": "lstm"}, "seeds": list(range(1, len(runs) + 1)),
        "runs": runs, "scores": [score + 0.01 * seed for seed in range(len(runs))], "mean": score,
        "std": 0.01 if len(runs) > 1 else None, "interval": [score - 0.05, score + 0.05],
        "dev_scores": [score] * len(runs), "all_scores": {}, "per_label": labels,
        "difference": difference if number else None, "to_best": None,
        "parameters": 10**number, "parameters_trained": 10**number,
        "train_seconds": [2.0 * number] * len(runs), "peak_memory_mb": None,
        "texts_per_second": 100.0, "latency_ms": {"p50": 0.2 + number, "p95": 0.3 + number},
        "batch_latency_ms": None, "size_bytes": 1000 * (number + 1), "pareto": True,
    }  # fmt: skip
