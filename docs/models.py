"""What the texts on recurrent networks and Transformers claim, measured on this project's own code.

`python docs/models.py` prints the tables of models.md, `python docs/models.py --plots FOLDER` draws
the gradients over distance as SVG. Random weights and made-up data, in double precision.
"""

import argparse
import math
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from toolkit.encoders.gru import GruStack
from toolkit.encoders.lstm import LstmStack
from toolkit.encoders.recurrent import Gru, Lstm, Rnn
from toolkit.encoders.rnn import RnnStack
from toolkit.encoders.stack import Stack
from toolkit.encoders.transformer import Transformer
from toolkit.encoders.words import Words

WIDTH = 64
DISTANCES = (1, 5, 10, 20, 50)
TEXT = ["the", "cat", "that", "the", "dog", "chased", "up", "the", "old", "tree", "slept"]
SHUFFLED = (7, 3, 0, 9, 5, 1, 10, 2, 8, 6, 4)  # where each word of the shuffled text stood


class Arm(NamedTuple):
    """A cell, and the bias at which its gate starts that says how much is kept."""

    name: str
    stack: type[Stack]
    bias: float | None = None

    def layer(self, input_width: int, width: int) -> Stack:
        """One direction with random weights."""
        stack = self.stack(input_width, width, bidirectional=False)
        if self.bias is not None:  # the forget gate of an LSTM, the update gate of a GRU
            cell = next(cell for directions in stack.layers for cell in directions)
            cell.bias.data[width : 2 * width] = self.bias
        return stack


ARMS = (
    Arm("RNN", RnnStack),
    Arm("GRU", GruStack),
    Arm("GRU, update gate +3", GruStack, 3.0),
    Arm("LSTM, forget gate 0", LstmStack, 0.0),
    Arm("LSTM, forget gate +1 (ours)", LstmStack, 1.0),
    Arm("LSTM, forget gate +3", LstmStack, 3.0),
)


def gradient_shares(arm: Arm, steps: int = 60, texts: int = 32) -> list[float]:
    """The norm of a gradient k steps back, for each k below `steps`, as a share of that at the end.

    Of a random projection of the last state that is handed on (h, of an LSTM the cell c), to that
    state at each step: what the cell's equations give, text by text, and the mean of the texts.
    """
    torch.manual_seed(0)
    cell = arm.layer(WIDTH, WIDTH).double().layers[0][0]
    inputs = torch.randn(texts, steps, WIDTH, dtype=torch.float64)
    start = torch.zeros(texts, WIDTH, dtype=torch.float64, requires_grad=True)
    states: Sequence[Tensor] = [start] * arm.stack.kind.states
    kept = []
    for step in range(steps):
        states = cell.step(inputs[:, step], *states)
        states[-1].retain_grad()
        kept.append(states[-1])
    (kept[-1] * torch.randn(kept[-1].shape, dtype=torch.float64)).sum().backward()
    norms = [float(each.grad.norm(dim=1).mean()) for each in kept if each.grad is not None]
    return [norm / norms[-1] for norm in reversed(norms)]


def recalled(arm: Arm, distance: int = 40, steps: int = 150) -> float:
    """The accuracy, after training, of telling the first word of a text from its last state."""
    torch.manual_seed(0)
    words, layer, out = nn.Embedding(10, 16), arm.layer(16, 32), nn.Linear(32, 2)
    parameters = [*words.parameters(), *layer.parameters(), *out.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=1e-2)

    def drawn(texts: int) -> tuple[Tensor, Tensor]:
        ids = torch.randint(2, 10, (texts, distance + 1))  # words that say nothing
        ids[:, 0] = torch.randint(0, 2, (texts,))  # and one of two that do
        states = layer(words(ids), torch.ones_like(ids))  # (texts, distance + 1, 32)
        return out(states[:, -1]), ids[:, 0]

    for _ in range(steps):
        loss = nn.functional.cross_entropy(*drawn(32))
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
    with torch.no_grad():
        scores, answers = drawn(500)
    return float((scores.argmax(1) == answers).double().mean())


def order_change(encoder: Words) -> float:
    """How far the states of shuffled words are from the same words' states, as a share.

    0: an encoder that does not know in which order they stand.
    """
    torch.manual_seed(0)
    tokenizer = encoder.tokenizer([TEXT])
    module = encoder.module(tokenizer).double().eval()

    def states(words: list[str]) -> Tensor:
        ids = tokenizer(words, is_split_into_words=True, return_tensors="pt")
        tokens: Tensor = module({**ids}).tokens[0, 1:-1]  # without the two ends
        return tokens

    with torch.no_grad():
        given, shuffled = states(TEXT), states([TEXT[place] for place in SHUFFLED])
    return float((shuffled - given[list(SHUFFLED)]).norm() / given.norm())


def padding_changes(arm: Arm, padding: int) -> tuple[float, float]:
    """How far padding moves the states of a text of 8 words, as a share: packed, and read along.

    In both directions; padding has a vector, as it has in a vocabulary.
    """
    torch.manual_seed(0)
    stack = arm.stack(WIDTH, WIDTH).double()
    inputs = torch.randn(1, 8, WIDTH, dtype=torch.float64)
    vector = torch.randn(WIDTH, dtype=torch.float64)
    padded = torch.cat((inputs, vector.expand(1, padding, WIDTH)), dim=1)
    mask = torch.arange(8 + padding)[None] < 8
    with torch.no_grad():
        alone = stack(inputs, torch.ones(1, 8))
        packed, along = (stack(padded, each)[:, :8] for each in (mask, torch.ones_like(mask)))
    change, more = (float((each - alone).norm() / alone.norm()) for each in (packed, along))
    return change, more


def tables() -> list[str]:
    """The tables of the guide, in its order."""
    shares = [
        [arm.name, *(f"{gradient_shares(arm)[distance]:.0e}" for distance in DISTANCES),
         _told(recalled(arm))]
        for arm in ARMS
    ]  # fmt: skip
    small = {"embedding": 32, "min_count": 1}
    encoders = {
        "Transformer without positions": Transformer.model_validate(small | {"positions": "none"}),
        "Transformer, sinusoidal positions": Transformer.model_validate(small),
        "RNN": Rnn.model_validate(small),
        "GRU": Gru.model_validate(small),
        "LSTM": Lstm.model_validate(small),
    }
    orders = [[name, _share(order_change(encoder))] for name, encoder in encoders.items()]
    plain = [ARMS[0], ARMS[1], ARMS[4]]
    paddings = [
        [str(number), *(_share(each) for arm in plain for each in padding_changes(arm, number))]
        for number in (1, 5, 20)
    ]
    heads = [
        f"{arm.name.split(',')[0]}, {how}" for arm in plain for how in ("packed", "read along")
    ]
    return [
        _table(["", *(f"{distance} back" for distance in DISTANCES), "recalls 40 back"], shares),
        _table(["", "states differ by"], orders),
        _table(["padding behind 8 words", *heads], paddings),
    ]


def _told(accuracy: float) -> str:
    return "yes" if accuracy > 0.95 else "no" if accuracy < 0.65 else f"{accuracy:.0%}"


def _share(value: float) -> str:
    return "0" if value < 1e-12 else f"{value:.2f}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def plot(folder: Path) -> Path:
    """Draw the shares of `gradient_shares` over distance, on a logarithmic scale."""
    width, height, left, floor = 640, 360, 60, -20  # floor: the power of ten at the bottom
    most = 59
    colours = ("#d62728", "#9467bd", "#8c564b", "#1f77b4", "#2ca02c", "#17becf")

    def at(distance: float, power: float) -> str:
        across = left + distance / most * (width - left - 10)
        return f"{across:.1f},{20 + max(power, floor) / floor * (height - 60):.1f}"

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width + 220} {height}" '
        'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>',
        f'<text x="{left}" y="{height - 6}">steps back</text>',
    ]
    for distance in range(10, most, 10):
        across = at(distance, 0).split(",")[0]
        parts.append(f'<text x="{across}" y="{height - 22}">{distance}</text>')
    for power in range(0, floor - 1, -4):
        start = at(0, power)
        parts.append(f'<text x="4" y="{start.split(",")[1]}">1e{power}</text>')
        parts.append(f'<path d="M{start} H{width - 10}" stroke="#ccc"/>')
    for number, (arm, colour) in enumerate(zip(ARMS, colours, strict=True)):
        points = " ".join(at(k, math.log10(v)) for k, v in enumerate(gradient_shares(arm)))
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
        )
        parts.append(f'<text x="{width}" y="{30 + 20 * number}" fill="{colour}">{arm.name}</text>')
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "gradients.svg"
    file.write_text("\n".join([*parts, "</svg>"]) + "\n", encoding="utf-8")
    return file


def main() -> None:
    """Print the tables, or draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plots", type=Path, help="draw into this folder instead")
    folder = parser.parse_args().plots
    if folder is not None:
        sys.stdout.write(f"{plot(folder)}\n")
    else:
        sys.stdout.write("\n".join(tables()))


if __name__ == "__main__":
    main()
