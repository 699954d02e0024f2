"""What a model was given to read, taken down by a hook, so that no arm can say so of itself."""

import hashlib
from typing import Any

from torch import Tensor, nn


class Witness:
    """The batches that a model read, in order."""

    def __init__(self, model: nn.Module) -> None:
        self.seen: list[tuple[Tensor, Tensor]] = []  # ids and mask, kept as they are: no sync
        model.register_forward_pre_hook(self._see, with_kwargs=True)

    def _see(self, _: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        inputs = kwargs if "input_ids" in kwargs else args[0]
        self.seen.append((inputs["input_ids"], inputs["attention_mask"]))

    def lengths(self, step: int) -> list[int]:
        """The tokens of each window of a step (counted from 0), without padding."""
        counts: list[int] = self.seen[step][1].sum(1).tolist()
        return counts

    def size(self, step: int) -> int:
        """Tokens of a step with padding."""
        return self.seen[step][0].numel()

    def texts(self, step: int) -> list[bytes]:
        """The tokens of each window of a step, in an order that says nothing of the batch's."""
        ids, mask = (tensor.cpu().numpy() for tensor in self.seen[step])
        return sorted(row[kept == 1].tobytes() for row, kept in zip(ids, mask, strict=True))

    def digest(self, step: int) -> str:
        """A hash of what a step had, whatever its order and padding."""
        return _hash(self.texts(step))

    def digest_of_all(self, first: int, last: int) -> str:
        """A hash of what steps `first` to `last` (exclusive) had together."""
        return _hash(sorted(text for step in range(first, last) for text in self.texts(step)))


def _hash(texts: list[bytes]) -> str:
    digest = hashlib.sha256()
    for text in texts:
        digest.update(len(text).to_bytes(8, "big") + text)
    return digest.hexdigest()
