"""Our LSTM against `torch.nn.LSTM` over packed sequences: forward and backward, same weights.

    python benchmarks/recurrence.py [--conll FILE] [--threads N ...]

Batches are drawn from the sentence lengths of a CoNLL file, as they are and three times as long;
in batches of equal lengths all have the mean of them, or three times that. Both read the same
padded batch and return a padded one, and time includes packing. The two take turns (A B A B), and
a row tells the median of their ratios with the quartiles. Prints Markdown, and the load of the
machine, which both share.
"""

import argparse
import os
import random
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from toolkit.encoders.lstm import LstmStack

BATCHES, TURNS = 4, 5  # different batches in a row of the table, and turns on each
Run = Callable[[Tensor, Tensor], Tensor]  # inputs (batch, length, width), lengths (batch,)


class Row(NamedTuple):
    """One setting, and what it gave."""

    threads: int
    lengths: str  # drawn or equal, and times how much
    width: int
    batch: int
    ours: float  # milliseconds, median
    theirs: float
    faster: tuple[float, float, float]  # theirs / ours: median and quartiles

    def __str__(self) -> str:
        middle, low, high = self.faster
        return (
            f"| {self.threads} | {self.lengths} | {self.width} | {self.batch} | {self.ours:.1f} "
            f"| {self.theirs:.1f} | {middle:.2f} ({low:.2f} to {high:.2f}) |"
        )


def main() -> None:
    """Print one row a setting."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--conll", type=Path, default=default_file(), help="a file of sentences")
    parser.add_argument("--threads", type=int, nargs="+", default=[1])
    options = parser.parse_args()
    if not options.conll.is_file():
        parser.error(f"no file {options.conll}: name one with --conll, or set TOOLKIT_DATA")
    lengths = sentence_lengths(options.conll)
    print(f"{len(lengths)} sentences, {statistics.mean(lengths):.1f} words on average; ", end="")
    print(f"bidirectional, one layer, float32, torch {torch.__version__}; ", end="")
    print(f"load {os.getloadavg()[0]:.1f} of {os.cpu_count()} cores.\n")
    print("| threads | lengths | width | batch | ours, ms | torch.nn.LSTM, ms | times faster |")
    print("|---|---|---|---|---|---|---|")
    for row in rows(lengths, options.threads):
        print(row, flush=True)


def rows(lengths: list[int], threads: Iterable[int] = (1,)) -> Iterator[Row]:
    """Every setting, measured when it is asked for; torch's number of threads stays as it was."""
    before = torch.get_num_threads()
    mean = round(statistics.mean(lengths))
    try:
        for number in threads:
            torch.set_num_threads(number)
            for kind, base in (("drawn", lengths), ("equal", [mean] * len(lengths))):
                for times in (1, 3):
                    drawn = [length * times for length in base]
                    for width in (128, 256):
                        for batch in (8, 32, 64):
                            measured = compare(drawn, width, batch)
                            yield Row(number, f"{kind} x{times}", width, batch, *measured)
    finally:
        torch.set_num_threads(before)


def default_file() -> Path:
    """The training file of WNUT-17, where the data sets are."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    return Path(os.environ.get("TOOLKIT_DATA", beside)) / "wnut17" / "wnut17train.conll"


def sentence_lengths(file: Path) -> list[int]:
    """Words of each sentence; a line of white space (a lone tab, in WNUT-17) ends one."""
    lengths, length = [], 0
    for line in [*file.read_text(encoding="utf-8").split("\n"), ""]:
        if line.strip():
            length += 1
        elif length:
            lengths.append(length)
            length = 0
    return lengths


def compare(
    lengths: list[int], width: int, batch: int
) -> tuple[float, float, tuple[float, float, float]]:
    """Milliseconds of ours and theirs, and the ratio with its quartiles."""
    torch.manual_seed(0)
    ours, theirs = pair(width)
    times = []
    for inputs, drawn in batches(lengths, width, batch):
        agree(ours(inputs, drawn), theirs(inputs, drawn))
        timed(ours, inputs, drawn), timed(theirs, inputs, drawn)  # warm up
        times += [(timed(ours, inputs, drawn), timed(theirs, inputs, drawn)) for _ in range(TURNS)]
    low, middle, high = statistics.quantiles([b / a for a, b in times], n=4)
    mine, other = (statistics.median(column) * 1e3 for column in zip(*times, strict=True))
    return mine, other, (middle, low, high)


def pair(width: int) -> tuple[Run, Run]:
    """Both implementations with the same weights."""
    stack = LstmStack(width, width)
    lstm = nn.LSTM(width, width, batch_first=True, bidirectional=True)
    with torch.no_grad():
        for layer, suffix in zip(stack.layers[0].children(), ("", "_reverse"), strict=True):
            getattr(lstm, f"weight_ih_l0{suffix}").copy_(layer.weight_input)
            getattr(lstm, f"weight_hh_l0{suffix}").copy_(layer.weight_hidden)
            getattr(lstm, f"bias_ih_l0{suffix}").copy_(layer.bias)
            getattr(lstm, f"bias_hh_l0{suffix}").zero_()

    def ours(inputs: Tensor, lengths: Tensor) -> Tensor:
        output: Tensor = stack(inputs, torch.arange(inputs.shape[1]) < lengths[:, None])
        return output

    def theirs(inputs: Tensor, lengths: Tensor) -> Tensor:
        packed = nn.utils.rnn.pack_padded_sequence(
            inputs, lengths, batch_first=True, enforce_sorted=False
        )
        return nn.utils.rnn.pad_packed_sequence(lstm(packed)[0], batch_first=True)[0]

    return ours, theirs


def batches(lengths: list[int], width: int, batch: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Random inputs of lengths drawn from the data."""
    draw = random.Random(0)
    for _ in range(BATCHES):
        drawn = torch.tensor(draw.sample(lengths, batch))
        yield torch.randn(batch, int(drawn.max()), width, requires_grad=True), drawn


def agree(ours: Tensor, theirs: Tensor) -> None:
    """Stop where what is timed is not the same function."""
    assert torch.allclose(ours, theirs, atol=1e-5), "the two disagree"


def timed(run: Run, inputs: Tensor, lengths: Tensor) -> float:
    """Seconds of one forward and backward pass."""
    inputs.grad = None
    start = time.perf_counter()
    output = run(inputs, lengths)
    torch.autograd.backward(output, torch.ones_like(output))
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
