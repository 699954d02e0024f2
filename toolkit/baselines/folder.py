"""The folder of a baseline: its arrays as safetensors, its words and labels as JSON."""

import json
from pathlib import Path

from toolkit.baselines.base import Baseline, Fitted
from toolkit.errors import RunError
from toolkit.registry import name_of
from toolkit.runs import files

WEIGHTS, FACTS = "model.safetensors", "baseline.json"


def save(baseline: Baseline, fitted: Fitted, folder: Path) -> None:
    """Write what a baseline has learned into a folder."""
    import numpy as np
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    arrays = {name: np.ascontiguousarray(array) for name, array in fitted.arrays.items()}
    save_file(arrays, folder / WEIGHTS)
    described = {**_keys(baseline), "facts": fitted.facts}
    text = json.dumps(described, ensure_ascii=False, indent=0) + "\n"
    (folder / FACTS).write_text(text, encoding="utf-8")


def load(baseline: Baseline, folder: Path) -> Fitted:
    """What `save` wrote. RunError where it was damaged, or learned with other keys."""
    from safetensors.numpy import load_file

    if fault := files.fault_of(folder):
        raise RunError(f"{folder}: {fault}")
    described = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    for key, value in _keys(baseline).items():
        if described[key] != value:
            raise RunError(f"{folder}: {key} was {described[key]} in training, {value} now")
    return Fitted(load_file(folder / WEIGHTS), described["facts"])


def _keys(baseline: Baseline) -> dict[str, object]:
    """The keys of the recipe that it learned with."""
    keys = {"type": name_of("model", type(baseline)), **baseline.model_dump(mode="json")}
    return {f"model.{key}": value for key, value in keys.items()}
