"""Saving while a run trains: a disk that refuses for a while costs a checkpoint, not the run."""

from collections.abc import Callable, Sequence

from toolkit.errors import StorageError
from toolkit.runs import files
from toolkit.runs.checkpoints import Checkpoint
from toolkit.runs.run import Run


class Saving:
    """Commits checkpoints, each behind everything that it leans on, and says what was refused."""

    def __init__(
        self, run: Run, keep: int, logs: Sequence[str], say: Callable[[str], None]
    ) -> None:
        self.run = run
        self.keep = keep  # newest checkpoints, beside the best one
        self.logs = logs  # that a checkpoint at a step holds all lines up to it of
        self.say = say
        self._owed: tuple[int, Checkpoint] | None = None  # the best one, which was refused

    def save(self, step: int, checkpoint: Checkpoint, *, best: int | None, is_last: bool) -> None:
        """Commit a checkpoint and remove what it replaces.

        Where the disk refuses, that is said, and the next call tries again; StorageError at the
        last one. The checkpoints of before are whole either way.
        """
        if self._owed is not None and self._owed[0] != best:
            self._owed = None
        try:
            self._commit(step, checkpoint)
            self.run.checkpoints.rotate(self.keep, best)
        except StorageError as error:
            if is_last:
                raise
            refused = str(error).removesuffix(files.FREE_SPACE)
            if step in self.run.checkpoints.steps():
                self.say(f"step {step} is saved, older checkpoints stay: {refused}")
                return
            if best == step:
                self._owed = step, checkpoint.copy()
            self.say(f"no checkpoint of step {step}: {refused}; training goes on to the next one")

    def _commit(self, step: int, checkpoint: Checkpoint) -> None:
        for name in self.logs:
            self.run.lines(name).sync()
        if self._owed is not None:
            self.run.checkpoints.save(*self._owed)
            self._owed = None
        self.run.checkpoints.save(step, checkpoint)
