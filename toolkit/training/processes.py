"""One process or many, through Accelerate: where this one stands and what it tells the others."""

import atexit
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import psutil
import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list, gather_object
from torch import Tensor, nn
from torch.distributed import P2POp, ReduceOp, all_reduce, batch_isend_irecv, irecv, isend
from torch.nn.parallel import DistributedDataParallel

from toolkit import stopping
from toolkit.errors import ToolkitError
from toolkit.training.peers import Peers

# how `accelerate launch` tells its processes what it was asked for
_OTHER_WAYS = {
    "ACCELERATE_USE_FSDP": "--use_fsdp",
    "ACCELERATE_USE_DEEPSPEED": "--use_deepspeed",
    "ACCELERATE_USE_MEGATRON_LM": "--use_megatron_lm",
}


class Processes:
    """The processes of a run, seen from one of them."""

    def __init__(self) -> None:
        self.votes = 0.0  # of all processes in the last step: whether to stop behind it
        asked = asked_processes()
        check_launcher()
        # unless told so, Accelerate takes each of several processes without a GPU for the only one
        is_launched = int(os.environ.get("WORLD_SIZE", "1")) > 1
        with stopping.at_once() if is_launched else nullcontext(), warnings.catch_warnings():
            # it may wait for the others; that it shares out the cores is no warning, and the first
            # line of standard error is for the cause of a failure
            warnings.filterwarnings("ignore", "OMP_NUM_THREADS/MKL_NUM_THREADS unset")
            self.accelerator = Accelerator(cpu=is_launched and not torch.cuda.is_available())
        if self.count > 1:
            atexit.register(_part)
        if asked is not None and asked != self.count:
            raise ToolkitError(
                f"the launcher was asked for {asked} processes and started {self.count}: on a CPU "
                "use torchrun --nproc_per_node N -m toolkit …, or accelerate launch --multi_gpu"
            )

    @contextmanager
    def guarded(self, folder: Path) -> Iterator[None]:
        """End all processes where one fails, is killed or hangs; say which, there and in a file."""
        if not torch.distributed.is_initialized() or self.count == 1:
            yield
            return
        peers = Peers(self.rank, self.count, folder)
        try:
            yield
        except BaseException as error:
            peers.end(error)
            raise
        peers.part()

    @property
    def count(self) -> int:
        """How many there are."""
        return int(self.accelerator.num_processes)

    @property
    def rank(self) -> int:
        """Which one this is, from 0."""
        return int(self.accelerator.process_index)

    @property
    def is_main(self) -> bool:
        """Whether this one writes files and talks."""
        return self.rank == 0

    @property
    def device(self) -> torch.device:
        """Where this one computes."""
        return torch.device(self.accelerator.device)

    def wrap(self, model: nn.Module) -> nn.Module:
        """The model on this device, and under DDP where there are others.

        DDP waits for the gradients of exactly what is trained now: wrap again when that changes.
        """
        self.accelerator.free_memory()  # it would keep an earlier wrapper, and its buckets
        prepared: nn.Module = self.accelerator.prepare_model(model)
        if self.count > 1 and not isinstance(prepared, DistributedDataParallel):
            kind = type(prepared).__name__
            raise ToolkitError(f"train.strategy: ddp, but Accelerate made a {kind} of the model")
        return prepared

    def alone(self, wrapped: nn.Module, is_last: bool) -> AbstractContextManager[Any]:
        """Keep gradients local, except at the last micro-batch of a step."""
        if is_last or self.count == 1:
            return nullcontext()
        context: AbstractContextManager[Any] = self.accelerator.no_sync(wrapped)
        return context

    def go_on(self, wrapped: nn.Module) -> None:
        """Go on with a wrapped model whose forward failed; not with one whose backward did.

        DDP sends its buffers around before the first forward of a step, and notes so behind it.
        """
        if isinstance(wrapped, DistributedDataParallel):
            wrapped.require_forward_param_sync = False

    def sum(self, tensor: Tensor) -> Tensor:
        """The sum over the processes, the same in each."""
        if self.count == 1:
            return tensor
        summed: Tensor = self.accelerator.reduce(tensor, reduction="sum")
        return summed

    def most(self, number: int) -> int:
        """The largest of what the processes have, the same in each."""
        if self.count == 1:
            return number
        found = torch.tensor(number, device=self.device)
        all_reduce(found, ReduceOp.MAX)
        return int(found)

    def swap(self, own: Tensor, other: int) -> Tensor:
        """What another process gives for one's own; both call it with each other's rank."""
        theirs = torch.empty_like(own)
        sent = [P2POp(isend, own, other), P2POp(irecv, theirs, other)]
        for work in batch_isend_irecv(sent):
            work.wait()
        return theirs

    def gather(self, objects: Sequence[Any]) -> list[Any]:
        """The objects of all processes, those of the first process first."""
        return list(objects) if self.count == 1 else list(gather_object(list(objects)))

    def from_main(self, thing: Any) -> Any:
        """What the first process has, in each."""
        return thing if self.count == 1 else broadcast_object_list([thing])[0]

    def stop(self) -> int:
        """The exit code to stop with behind this step, the same in each process; 0: go on."""
        return stopping.outcome(stopping.vote() if self.count == 1 else self.votes)

    def wait(self) -> None:
        """Until all are here."""
        self.accelerator.wait_for_everyone()


def _part() -> None:
    """Leave the group before the interpreter goes.

    The threads of gloo would be running still when they are destroyed, and abort the process.
    """
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def asked_processes() -> int | None:
    """How many processes a launcher above this one was asked for; None where none can be seen.

    `accelerate launch --cpu --num_processes 2` starts one process and says nothing.
    """
    if "WORLD_SIZE" in os.environ:
        return int(os.environ["WORLD_SIZE"])
    if int(os.environ.get("SLURM_STEP_NUM_TASKS", "1")) > 1:
        return int(os.environ["SLURM_STEP_NUM_TASKS"])
    for parent in psutil.Process().parents()[:3]:
        try:
            words = parent.cmdline()
        except psutil.Error:
            continue
        if "launch" in words and any(word.endswith("accelerate") for word in words):
            return _after(words, "--num_processes", "--num-processes")
    return None


def check_launcher() -> None:
    """ToolkitError where `accelerate launch` would share out the model in a way of its own."""
    for variable, option in _OTHER_WAYS.items():
        if os.environ.get(variable, "").lower() in ("true", "1", "yes"):
            raise ToolkitError(
                f"the launcher was asked for {option}: leave that out; weights are shared out by "
                "train.strategy: fsdp in the recipe"
            )


def _after(words: Sequence[str], *options: str) -> int | None:
    for place, word in enumerate(words):
        name, _, value = word.partition("=")
        if name in options:
            value = value or words[place + 1]
            return int(value) if value.isdecimal() else None
    return None
