"""Loading a stranger's files: bounded in size, and a line for whatever the libraries raise."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import nn
from torch.nn.modules.module import (
    register_module_buffer_registration_hook,
    register_module_parameter_registration_hook,
)

from toolkit.encoders.tokenizer_file import check_tokenizer, panics
from toolkit.encoders.vetting import Weights, check_folder
from toolkit.errors import ToolkitError

# what a module may have beside the weights of its file: a new head, masks, tables of positions
SPARE_NUMBERS = 1 << 26
SPARE_TENSORS = 10_000
# a weight is registered when the module is made, when it is loaded and when it is tied or moved
TIMES = 4


@contextmanager
def loading(place: str, weights: Weights) -> Iterator[None]:
    """ToolkitError, in a line, for what cannot be loaded or is far larger than its weights.

    A family's classes make whatever a configuration asks for; they make it without memory at
    first, and are stopped as soon as it is too much.
    """
    with _bounded(place, weights):
        try:
            yield
        except ToolkitError:
            raise
        except Exception as error:  # the classes of hundreds of families raise what they like
            said = " ".join(str(error).split())[:300]
            raise ToolkitError(
                f"{place}: cannot be loaded by transformers ({type(error).__name__}: {said})"
            ) from error


@contextmanager
def _bounded(place: str, weights: Weights) -> Iterator[None]:
    numbers, tensors = 0, 0
    most_numbers = TIMES * weights.numbers + SPARE_NUMBERS
    most_tensors = TIMES * weights.tensors + SPARE_TENSORS

    def count(_: nn.Module, __: str, tensor: Any) -> None:
        nonlocal numbers, tensors
        numbers += 0 if tensor is None else tensor.numel()
        tensors += 1
        if numbers > most_numbers or tensors > most_tensors:
            raise ToolkitError(
                f"{place}/config.json: describes a model that is far larger than its weights "
                f"({weights.numbers:,} numbers in {weights.tensors:,} tensors)"
            )

    hooks = [
        register_module_parameter_registration_hook(count),
        register_module_buffer_registration_hook(count),
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def tokenizer_in(folder: Path, **options: Any) -> Any:
    """The tokenizer that a folder holds. ToolkitError where it may not or cannot be loaded."""
    from transformers import AutoTokenizer  # here: models that count need none of it

    check_folder(folder, is_checkpoint=False)
    with panics(folder):
        tokenizer = AutoTokenizer.from_pretrained(folder, **options)
    for key in ("is_local", "local_files_only"):  # how it was loaded, which would be saved with it
        tokenizer.init_kwargs.pop(key, None)
    if (backend := getattr(tokenizer, "backend_tokenizer", None)) is not None:
        check_tokenizer(backend, folder)
    return tokenizer
