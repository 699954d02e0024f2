"""What the name of a weight says, and the hash of many."""

import hashlib
from collections.abc import Iterable

import torch
from torch import Tensor


def is_part(name: str) -> bool:
    """Whether a parameter of that name belongs to an adapter."""
    return any(part.startswith(("lora_", "ia3_")) for part in name.split("."))


def hash_of(tensors: Iterable[tuple[str, Tensor]]) -> str:
    """The sha256 of named tensors."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype} ".encode())
        digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
