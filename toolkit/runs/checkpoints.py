"""Checkpoints of a run: complete or absent, the newest whole one is the one that counts."""

import json
import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from toolkit.errors import StorageError
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

    def copy(self) -> "Checkpoint":
        """With tensors of its own, which training does not change."""
        weights, optimiser = (
            {name: tensor.clone() for name, tensor in tensors.items()}
            for tensors in (self.weights, self.optimiser)
        )
        return Checkpoint(weights, optimiser, dict(self.state))


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

        files.commit_folder(self.path(step), fill)

    def newest(self) -> Checkpoint | None:
        """The newest checkpoint whose files are as they were written; others are passed over.

        So is one whose best checkpoint is damaged: the run would end without the best weights.
        """
        for step in reversed(self.steps()):
            fault = files.fault_of(self.path(step)) or self._fault_of_best(step)
            if fault is None:
                return self.load(step)
            log.warning("%s is passed over: %s", self.path(step), fault)
        return None

    def _fault_of_best(self, step: int) -> str | None:
        state = json.loads((self.path(step) / STATE).read_text(encoding="utf-8"))
        best = state.get("best_step")
        fault = None if best in (None, step) else files.fault_of(self.path(best))
        return fault and f"of the best one, {self.path(best).name}: {fault}"

    def load(self, step: int) -> Checkpoint:
        """The checkpoint of a step."""
        from safetensors.torch import load_file

        folder = self.path(step)
        return Checkpoint(
            load_file(folder / WEIGHTS),
            load_file(folder / OPTIMISER),
            json.loads((folder / STATE).read_text(encoding="utf-8")),
        )

    def check(self, step: int) -> None:
        """StorageError where the checkpoint of a step is not as it was written."""
        if fault := files.fault_of(self.path(step)):
            raise StorageError(
                f"{self.path(step)}: {fault}: type the same command again, to train it anew"
            )

    def weights(self, step: int) -> Path:
        """The file of the weights of a step."""
        return self.path(step) / WEIGHTS

    def forget_after(self, step: int) -> None:
        """Remove what was passed over, which would count as the newest in a rotation."""
        with files.storage_errors(self.folder):
            for each in self.steps():
                if each > step:
                    files.remove(self.path(each))

    def rotate(self, keep: int, best: int | None) -> None:
        """Remove all but the newest `keep` and the best one."""
        with files.storage_errors(self.folder):
            files.sweep(self.folder)  # what a disk did not let go of before
            for step in self.steps()[:-keep]:
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
