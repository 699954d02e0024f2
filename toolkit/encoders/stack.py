"""Recurrent layers on top of each other, in one or two directions, whatever their cell."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar, NamedTuple, cast

import torch
from torch import Tensor, nn

from toolkit.dropout import CountedDropout
from toolkit.encoders.cell import Cell
from toolkit.encoders.packing import Packing, packing_of
from toolkit.encoders.recurrence import Direction, Steps, run
from toolkit.errors import RecipeError

if TYPE_CHECKING:
    from toolkit.encoders.recurrent import Engine


# cells of one layer, packed inputs (tokens, input_width) -> states (tokens, width * directions)
Run = Callable[[Sequence[Cell], Tensor, Packing], Tensor]


class Kind(NamedTuple):
    """A kind of recurrent layer."""

    name: str
    cell: type[Cell]  # its weights and equations
    steps: Steps | None = None  # the same through packed time; None: the equations are followed
    torch: Callable[..., Sequence[Tensor]] | None = None  # what torch's layer calls, if it has one
    states: int = 1  # tensors that pass from step to step


class Level(nn.ModuleList):
    """The directions of one layer, a cell each."""

    def forward(self, run: Run, packed: Tensor, packing: Packing) -> Tensor:
        """(tokens, input_width) -> (tokens, width * directions)."""
        return run(cast("Sequence[Cell]", self), packed, packing)


class Stack(nn.Module):
    """Layers of one or two directions; each reads what both directions of the last one wrote."""

    kind: ClassVar[Kind]

    def __init__(
        self,
        input_width: int,
        width: int,
        layers: int = 1,
        bidirectional: bool = True,
        dropout: float = 0.0,
        engine: "Engine" = "own",
    ) -> None:
        super().__init__()
        if engine == "torch" and self.kind.torch is None:
            raise RecipeError(f"model.engine: torch has no layer of the kind {self.kind.name!r}")
        self.run = partial(run_torch if engine == "torch" else run_own, self.kind)
        directions = 2 if bidirectional else 1
        self.width = width * directions
        self.between = CountedDropout(dropout)  # between layers
        self.layers = nn.ModuleList(
            Level(
                self.kind.cell(self.width if layer else input_width, width)
                for _ in range(directions)
            )
            for layer in range(layers)
        )

    def forward(self, inputs: Tensor, mask: Tensor) -> Tensor:
        """(batch, length, input_width) -> (batch, length, width * directions), 0 on padding.

        `mask` is (batch, length), true on tokens. The second direction starts at each sequence's
        own last token.
        """
        packing = packing_of(mask)
        return packing.unpack(self.read(packing.pack(inputs), packing))

    def read(self, packed: Tensor, packing: Packing, rows: Tensor | None = None) -> Tensor:
        """(tokens, input_width) -> (tokens, width * directions), for who has packed already.

        `rows` (tokens,) is what dropout counts from.
        """
        for number, level in enumerate(self.layers):
            if number:
                packed = self.between(packed, rows)
            packed = level(self.run, packed, packing)
        return packed


def run_own(kind: Kind, cells: Sequence[Cell], inputs: Tensor, packing: Packing) -> Tensor:
    """Packed inputs (tokens, input_width) -> hidden states (tokens, width * directions)."""
    if kind.steps is None:
        return run_cells(kind, cells, inputs, packing)
    return run(kind.steps, [cell.weights() for cell in cells], inputs, packing)


def run_cells(kind: Kind, cells: Sequence[Cell], inputs: Tensor, packing: Packing) -> Tensor:
    """What `run_own` gives, by the equations of the cell as they are written, step by step."""
    outputs = []
    for number, cell in enumerate(cells):
        inputs = inputs.to(cell.bias.dtype)
        read = inputs.index_select(0, packing.mirror) if number else inputs
        states = (inputs.new_zeros(packing.sizes[0], cell.width),) * kind.states
        hidden = []
        for x in torch.split(read, packing.sizes):
            states = cell.step(x, *(state[: len(x)] for state in states))
            hidden.append(states[0])
        output = torch.cat(hidden)  # (tokens, width)
        outputs.append(output.index_select(0, packing.mirror) if number else output)
    return torch.cat(outputs, dim=1)


def run_torch(kind: Kind, cells: Sequence[Cell], inputs: Tensor, packing: Packing) -> Tensor:
    """What `run_own` gives, by what torch's layer calls (on a GPU cuDNN), with our weights.

    Packed rows are those of a `PackedSequence`. A second bias that we do not have is zero.
    """
    assert kind.torch is not None
    directions = [cell.weights() for cell in cells]
    width = directions[0].hidden.shape[1]
    parameters = [each for one in directions for each in (*one[:3], _second_bias(one))]
    inputs = inputs.to(parameters[0].dtype)
    start = inputs.new_zeros(len(directions), packing.sizes[0], width)  # before the text
    output = kind.torch(
        inputs,
        torch.tensor(packing.sizes),
        start if kind.states == 1 else (start,) * kind.states,
        parameters,
        has_biases=True,
        num_layers=1,
        dropout=0.0,  # between layers it is counted, outside
        train=torch.is_grad_enabled(),
        bidirectional=len(directions) == 2,
    )[0]
    return output.to(parameters[0].dtype)


def _second_bias(one: Direction) -> Tensor:
    """(G w,): zeros, and the bias of U h in the last gates."""
    if one.bias_hidden is None:
        return torch.zeros_like(one.bias)
    none = one.bias.new_zeros(len(one.bias) - len(one.bias_hidden))
    return torch.cat((none, one.bias_hidden))
