"""FSDP2: each process keeps a share of every weight, of its gradient and of its moments.

There are two models of the same modules. The weights of the one that is trained are shares; layer
by layer they are brought together for a pass. The plain one has its weights only inside `whole`:
what evaluates, saves, fills and exports it is the same code as without shares, and gives the same.
"""

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeGuard

import torch
from torch import Tensor
from torch.distributed.device_mesh import init_device_mesh

from toolkit.errors import ToolkitError
from toolkit.models.model import Model
from toolkit.models.vocabulary import Vocabulary
from toolkit.recipe.schema import Train
from toolkit.training.elastic import check_equal
from toolkit.training.memory import MemoryLimitError, is_out_of_memory
from toolkit.training.processes import Processes

if TYPE_CHECKING:  # loading it takes half as long as loading torch
    from torch.distributed.tensor import DTensor


class Sharding:
    """A model whose weights are shared out over the processes, and its plain twin."""

    def __init__(self, plain: Model, processes: Processes, vocabulary: Vocabulary | None) -> None:
        """Share out the weights of `plain`, which has none from here on.

        ToolkitError where a weight cannot be shared out.
        """
        self.plain = plain
        self.model = _twin(plain, vocabulary)  # what is trained
        _share_out(self.model, processes)
        self._pairs = list(zip(plain.parameters(), self.model.parameters(), strict=True))
        self._empty()

    @classmethod
    def of(
        cls, model: Model, train: Train, processes: Processes, vocabulary: Vocabulary | None
    ) -> "Sharding | None":
        """As the recipe says; None where each process has all weights.

        RunError where processes begin with different weights.
        """
        if train.strategy != "fsdp" or processes.count == 1:
            return None
        check_equal(model, processes)
        return cls(model, processes, vocabulary)

    @contextmanager
    def whole(self) -> Iterator[None]:
        """The plain model with all of its weights, in each process; what is changed stays changed.

        All processes begin together; none waits for another inside or at the end.
        """
        self._fill()
        try:
            yield
        finally:
            self._take_over()
            self._empty()

    def finish(self) -> None:
        """Give the plain model its weights for good."""
        self._fill()

    @torch.no_grad()
    def _fill(self) -> None:
        try:
            for parameter, share in self._pairs:
                parameter.data = gathered(share.detach())
                parameter.requires_grad_(share.requires_grad)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            raise MemoryLimitError(
                "memory does not hold all weights beside this process's share of them and of their "
                "moments, which an evaluation needs with train.strategy: fsdp, too"
            ) from None

    @torch.no_grad()
    def _take_over(self) -> None:
        for parameter, share in self._pairs:
            local(share).copy_(local(shared_as(share, parameter.detach())))

    def _empty(self) -> None:
        for parameter, _ in self._pairs:
            parameter.data = parameter.data.new_empty(0)


@torch.no_grad()
def local(tensor: Tensor) -> Tensor:
    """What this process has of a tensor, the same memory: its share, or all of it."""
    return tensor.to_local() if _is_shared(tensor) else tensor


def gathered(tensor: Tensor) -> Tensor:
    """All of a tensor; where it is shared out, all processes call it."""
    return tensor.full_tensor() if _is_shared(tensor) else tensor


def shared_as(like: Tensor, tensor: Tensor) -> Tensor:
    """A tensor that each process has, shared out as another one is."""
    if not _is_shared(like):
        return tensor
    from torch.distributed.tensor import distribute_tensor

    # no source: each process cuts its own, and nothing is sent
    return distribute_tensor(tensor, like.device_mesh, like.placements, src_data_rank=None)


def _is_shared(tensor: Tensor) -> "TypeGuard[DTensor]":
    return hasattr(tensor, "full_tensor")


def norm_of(gradients: Sequence[Tensor], sharers: Processes | None) -> Tensor:
    """The norm of gradients, of which other processes may have the other shares."""
    norm = torch.nn.utils.get_total_norm(gradients)
    if sharers is None:
        return norm
    # in float64, where the square of no float32 overflows
    return sharers.sum(norm.double().square()).sqrt().float()


def _twin(plain: Model, vocabulary: Vocabulary | None) -> Model:
    """Other modules over the very same tensors."""
    tensors = [*plain.parameters(), *plain.buffers()]
    if vocabulary is not None:  # a hook of the embedding knows it
        tensors += [vocabulary.table, vocabulary.used, vocabulary.place]
    return copy.deepcopy(plain, {id(tensor): tensor for tensor in tensors})


def _share_out(model: Model, processes: Processes) -> None:
    from torch.distributed.fsdp import FSDPModule, fully_shard

    for name, parameter in model.named_parameters():
        if parameter.dim() == 0:
            raise ToolkitError(
                f"train.strategy: fsdp cannot share out {name}, which is a single number: make it "
                "a vector of one, or set ddp"
            )
    # nobody reads the scores of a training pass, and FSDP warns of what is a view
    model.register_forward_hook(
        lambda _, __, output: output._replace(scores=output.scores.detach())
    )
    mesh = init_device_mesh(processes.device.type, (processes.count,))
    for module in (*model.encoder.parts(), model):
        shared: FSDPModule = fully_shard(module, mesh=mesh)
        shared.set_gradient_divide_factor(1.0)  # a loss is a sum, and so is its gradient
        shared.set_force_sum_reduction_for_comms(True)  # gloo can do nothing else
    whole = [name for name, p in model.named_parameters() if not _is_shared(p)]
    if whole:
        raise ToolkitError(f"train.strategy: fsdp, but every process has all of {whole[0]}")
