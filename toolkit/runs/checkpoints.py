"""Checkpoints of a run: complete or absent, the newest whole one is the one that counts."""

import json
import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from toolkit.runs import files

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)
_STEP = re.compile(r"step-(\d{8})")
WEIGHTS, OPTIMISER, STATE = "weights.safetensors", "optimiser.safetensors", "state.json"


class Checkpoint(NamedTuple):
    """Everything that training needs to go on from a step."""

    weights: "dict[str, torch.Tensor]"
    optimiser: "dict[str, torch.Tensor]"
    state: dict[str, Any]


class Checkpoints:
    """The folder of a run's checkpoints, ordered by step and by nothing else."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(self, step: int, checkpoint: Checkpoint) -> None:
        """Commit a checkpoint."""
        from safetensors.torch import save_file

        def fill(folder: Path) -> None:
            save_file(checkpoint.weights, folder / WEIGHTS)
            save_file(checkpoint.optimiser, folder / OPTIMISER)
            files.write_json(folder / STATE, checkpoint.state)

        with files.storage_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        files.commit_folder(self.path(step), fill)

    def newest(self) -> Checkpoint | None:
        """The newest checkpoint whose files are as they were written; others are passed over."""
        for step in reversed(self.steps()):
            fault = files.fault_of(self.path(step))
            if fault is None:
                return self.load(step)
            log.warning("%s is passed over: %s", self.path(step), fault)
        return None

    def load(self, step: int) -> Checkpoint:
        """The checkpoint of a step."""
        from safetensors.torch import load_file

        folder = self.path(step)
        return Checkpoint(
            load_file(folder / WEIGHTS),
            load_file(folder / OPTIMISER),
            json.loads((folder / STATE).read_text(encoding="utf-8")),
        )

    def weights(self, step: int) -> Path:
        """The file of the weights of a step."""
        return self.path(step) / WEIGHTS

    def rotate(self, keep: int, best: int | None) -> None:
        """Remove all but the newest `keep` and the best one."""
        steps = self.steps()
        for step in steps[:-keep]:
            if step != best:
                files.remove(self.path(step))

    def steps(self) -> list[int]:
        """The steps that have a checkpoint, in order."""
        if not self.folder.is_dir():
            return []
        names = (_STEP.fullmatch(path.name) for path in self.folder.iterdir())
        return sorted(int(name[1]) for name in names if name)

    def path(self, step: int) -> Path:
        """The folder of a step's checkpoint."""
        return self.folder / f"step-{step:08d}"
