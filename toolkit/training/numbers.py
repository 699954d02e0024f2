"""Numbers that are not finite: where they came from, and what a user is told of it.

A step whose loss or gradient is not finite is computed once more, a micro-batch at a time and with
every module watched. What it draws is counted from the same seeds, so it breaks again, and the
first module that broke it is known; then each example by itself, which tells whose fault it is.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from toolkit.data.text import counted
from toolkit.errors import NumericalError
from toolkit.training.sharding import local

MOST_NAMED = 8  # examples in a message
MOST_IN_A_ROW = 5  # steps that may be left out, one behind the other
MOST_OVERFLOWS = 25  # of float16: its scale is halved by each, from 2 ** 8

# The loss of these examples as the micro-batch of this number has it, with its graph.
LossOf = Callable[[int, Sequence[int]], Tensor]


class Finding(NamedTuple):
    """The first thing that was not finite in a micro-batch that was computed again."""

    process: int
    part: int  # the micro-batch
    what: str  # `the output of encoder.base (BertModel)`, `the gradient of …`
    examples: tuple[str, ...]  # ids or places: those that break by themselves, or all of them
    are_alone: bool  # each of the examples breaks by itself
    num_examples: int  # of the micro-batch


class NotFinite(NamedTuple):
    """A step whose loss or gradient was not finite."""

    step: int  # counted from 1
    loss: float
    grad_norm: float
    weight: str | None  # the first weight of the model that was not finite before the step
    finding: Finding | None  # None: every micro-batch by itself was finite

    def sentence(self) -> str:
        """One line: step, numbers, module, examples."""
        found = f"step {self.step}: the loss is {self.loss} and the gradient norm {self.grad_norm}"
        parts = [f"{found}: not finite", self._where()]
        if self.weight is not None:
            parts.append(f"the weight {self.weight} was not finite before the step")
        return "; ".join(parts)

    def record(self) -> dict[str, Any]:
        """As a file of the run has it: numbers that JSON has no word for are text."""
        finding = self.finding._asdict() if self.finding else None
        numbers = {"loss": str(self.loss), "grad_norm": str(self.grad_norm)}
        return {**self._asdict(), **numbers, "finding": finding, "sentence": self.sentence()}

    def _where(self) -> str:
        found = self.finding
        if found is None:
            return "every micro-batch by itself is finite, their sum is too large"
        named = ", ".join(found.examples[:MOST_NAMED]) + ", …" * (len(found.examples) > MOST_NAMED)
        which = counted(len(found.examples), "example")
        if not found.are_alone:
            which = f"the {found.num_examples} examples together" if found.num_examples > 1 else ""
        elif len(found.examples) < found.num_examples:
            which = f"{len(found.examples)} of {found.num_examples} examples"
        which = which and f" ({which})"
        return (
            f"first {found.what}, in micro-batch {found.part + 1} of process {found.process}, "
            f"example{'s' * (len(found.examples) > 1)} {named} of the training split{which}"
        )


class NonFiniteError(NumericalError):
    """A step was not finite, and the optimiser has not made it."""

    def __init__(self, found: NotFinite) -> None:
        super().__init__(found.sentence())
        self.found = found


@torch.no_grad()
def first_not_finite(named: Mapping[str, Tensor]) -> str | None:
    """The name of the first tensor that holds a number that is not finite, here in this process."""
    floats = {name: tensor for name, tensor in named.items() if tensor.is_floating_point()}
    if not floats:
        return None
    # a sum is not finite where a number is not, and quicker to have; a finite one may overflow
    floats = {name: local(tensor) for name, tensor in floats.items()}
    sums = torch.stack([tensor.sum().float().cpu() for tensor in floats.values()])
    for name, is_finite in zip(floats, torch.isfinite(sums).tolist(), strict=True):
        if not is_finite and not bool(torch.isfinite(floats[name]).all()):
            return name
    return None


def check_weights(model: nn.Module, when: str) -> None:
    """NumericalError where a weight of the model is not finite."""
    if name := first_not_finite(dict(model.named_parameters()) | dict(model.named_buffers())):
        raise NumericalError(f"{when}: the weight {name} holds numbers that are not finite")


def findings(
    model: nn.Module,
    loss_of: LossOf,
    parts: Mapping[int, Sequence[int]],
    process: int,
    names: Callable[[Sequence[int]], Sequence[str]],
) -> list[Finding]:
    """What breaks in the micro-batches `parts` of this process, at most one finding.

    Leaves no gradient.
    """
    for part, examples in parts.items():
        what = _first_broken(model, loss_of, part, examples)
        if what is None:
            continue
        alone = [e for e in examples if _first_broken(model, loss_of, part, [e]) is not None]
        named = tuple(names(alone or examples))
        return [Finding(process, part, what, named, bool(alone), len(examples))]
    return []


def _first_broken(
    model: nn.Module, loss_of: LossOf, part: int, examples: Sequence[int]
) -> str | None:
    model.zero_grad(set_to_none=True)
    with _watched(model) as broken:
        loss = loss_of(part, examples)
        if not bool(torch.isfinite(loss.detach())):
            broken.append("the loss, and no output of a module before it")
        elif loss.requires_grad:
            broken.clear()  # such as the mask of a softmax, which is infinite on purpose
            loss.backward()  # type: ignore[no-untyped-call]
            gradients = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
            if name := first_not_finite(gradients):
                broken.append(f"the gradient of {name}, and of no output of a module before it")
            else:
                broken.clear()
    model.zero_grad(set_to_none=True)
    return broken[0] if broken else None


@contextmanager
def _watched(model: nn.Module) -> Iterator[list[str]]:
    """A list of what is not finite, in the order of computing: outputs, then their gradients."""
    broken: list[str] = []

    def watch(name: str, kind: str) -> Callable[..., None]:
        def of_output(_: nn.Module, __: Any, output: Any) -> None:
            for tensor in _floats(output):
                if not bool(torch.isfinite(tensor.detach()).all()):
                    broken.append(f"the output of {name} ({kind})")
                if tensor.requires_grad:
                    tensor.register_hook(of_gradient)  # type: ignore[no-untyped-call]

        def of_gradient(gradient: Tensor) -> None:
            if not bool(torch.isfinite(gradient).all()):
                broken.append(f"the gradient of the output of {name} ({kind})")

        return of_output

    hooks = [
        module.register_forward_hook(watch(name or "the model", type(module).__name__))
        for name, module in model.named_modules()
    ]
    try:
        yield broken
    finally:
        for hook in hooks:
            hook.remove()


def _floats(output: Any) -> Iterator[Tensor]:
    if isinstance(output, Tensor):
        if output.is_floating_point():
            yield output
    elif isinstance(output, (list, tuple, Mapping)):
        for each in output.values() if isinstance(output, Mapping) else output:
            yield from _floats(each)


def is_finite(*numbers: float) -> bool:
    """Whether all of the numbers are."""
    return all(map(math.isfinite, numbers))
