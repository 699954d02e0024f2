"""What memory holds: its errors, and how many tokens are computed at once."""

from typing import NamedTuple

import torch

from toolkit.errors import ToolkitError
from toolkit.recipe.schema import Train

# what torch says besides OutOfMemoryError: the allocators of a CPU, of CUDA, of its libraries
_SIGNS = (
    "DefaultCPUAllocator: ",
    "std::bad_alloc",
    "CUDA error: out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
)


class Refused(NamedTuple):
    """A micro-batch that memory did not hold."""

    examples: int
    tokens: int  # that would have been computed


class MemoryLimitError(ToolkitError):
    """Memory does not hold what cannot be cut any further."""


class SharedMemoryError(MemoryLimitError):
    """Memory ran out while gradients were exchanged: the other processes wait for them in vain."""

    def __init__(self, step: int, refused: Refused) -> None:
        super().__init__(
            f"step {step + 1}: memory ran out over {refused.tokens:,} tokens while the processes "
            "exchanged gradients, which cannot be taken back: type the same command again, and it "
            f"goes on with {refused.tokens // 2:,} tokens at a time"
        )
        self.step, self.refused = step, refused


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that there is no memory left."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in _SIGNS)


def let_go(device: torch.device) -> None:
    """Give back what a computation that failed has left with the allocator."""
    if device.type == "cuda":
        torch.cuda.empty_cache()


def too_large(where: str, refused: Refused, train: Train) -> MemoryLimitError:
    """What to say where memory does not hold a single example."""
    ways = ["lower model.max_length", "train on less of the model (train.freeze)"]
    if not train.gradient_checkpointing:
        ways.insert(0, "set train.gradient_checkpointing: true")
    return MemoryLimitError(
        f"{where}: memory does not hold one example of {refused.tokens:,} tokens: "
        f"{', '.join(ways)}, or use a machine with more memory"
    )
