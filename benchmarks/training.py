"""Training: arms take turns, step by step, and a table says how long each took."""

import os
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import NamedTuple

import torch

from benchmarks.arms import Arm, Window, arms_of, difference
from benchmarks.peak import Peak, useful_work
from benchmarks.settings import Setting, prepare
from benchmarks.table import Table, spread

COLUMNS = (
    "arm", "real tokens/s", "ms a step", "x B0", "x B1", "tokens with padding",
    "useful share of peak", "steps as B0's",
)  # fmt: skip


class Timed(NamedTuple):
    """An arm over the measured steps."""

    arm: Arm
    seconds: list[float]
    tokens: list[int]  # of each step, without padding
    padded: int  # tokens with padding, over all steps
    work: float  # useful operations over all steps
    is_same: bool  # each step had the windows of B0's
    is_same_together: bool  # all steps together had them

    @property
    def speed(self) -> float:
        """Real tokens a second over the whole window of steps."""
        return sum(self.tokens) / sum(self.seconds)


def measure(
    setting: Setting, folder: Path, window: Window, peak: Peak, device: torch.device
) -> Table:
    """The table of a setting; UnreachableError where its data or model is not there."""
    ground = prepare(setting, folder, window.total, device)
    arms = arms_of(ground, window)
    times = take_turns(arms, window, device)
    timed = [_timed(arm, arms[0], window, seconds) for arm, seconds in zip(arms, times)]
    notes = _notes(timed, ground.train.batch_size, window)
    if setting.is_about_vocabulary:
        notes += [_about_vocabulary(timed, precision) for precision in ("fp32", "bf16")]
    b1 = next(each for each in timed if each.arm.name == "B1")
    return Table(setting.title, COLUMNS, [_row(each, timed[0], b1, peak) for each in timed], notes)


def take_turns(arms: Sequence[Arm], window: Window, device: torch.device) -> list[list[float]]:
    """Seconds of each arm's steps: A B C, A B C, …; the warm-up is not in them."""
    times: list[list[float]] = [[] for _ in arms]
    for _ in range(window.total):
        for arm, seconds in zip(arms, times, strict=True):
            start = time.perf_counter()
            next(arm.steps)
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            seconds.append(time.perf_counter() - start)
    return [seconds[window.warmup :] for seconds in times]


def _timed(arm: Arm, first: Arm, window: Window, seconds: list[float]) -> Timed:
    measured = range(window.warmup, window.total)
    witness, other = arm.witness, first.witness
    lengths = [witness.lengths(step) for step in measured]
    return Timed(
        arm,
        seconds,
        tokens=[sum(each) for each in lengths],
        padded=sum(witness.size(step) for step in measured),
        work=sum(useful_work(_config(arm), each) for each in lengths),
        is_same=all(witness.digest(step) == other.digest(step) for step in range(window.total)),
        is_same_together=witness.digest_of_all(window.warmup, window.total)
        == other.digest_of_all(window.warmup, window.total),
    )


def _config(arm: Arm) -> object:
    return arm.model.config if arm.loop is None else arm.loop.model.encoder.base.config


def _row(each: Timed, b0: Timed, b1: Timed, peak: Peak) -> list[str]:
    share = each.work / sum(each.seconds) / peak.of(each.arm.precision)
    is_flat = each.arm.loop is not None and _is_flat(each.arm)
    return [
        each.arm.name,
        f"{each.speed:,.0f}",
        spread([1e3 * seconds for seconds in each.seconds], 0),
        _ratio(each, b0),
        f"{each.speed / b1.speed:.2f}",
        "left out" if is_flat else f"x{each.padded / sum(each.tokens):.2f}",
        f"{share:.0%} of {each.arm.precision}",
        "yes" if each.is_same else "same windows, grouped" if each.is_same_together else "NO",
    ]


def _ratio(each: Timed, b0: Timed) -> str:
    """By pairs of neighbouring steps where they are the same, else over the whole window."""
    if not each.is_same:
        return f"{each.speed / b0.speed:.2f} over all"
    return spread([b / a for a, b in zip(each.seconds, b0.seconds, strict=True)])


def _is_flat(arm: Arm) -> bool:
    assert arm.loop is not None
    reader = arm.loop.model.encoder.reader
    return reader is not None and bool(reader.is_flat)


def _notes(timed: Sequence[Timed], batch_size: int, window: Window) -> list[str]:
    tokens = timed[0].tokens
    return [
        f"{window.measured} steps of {batch_size} examples after {window.warmup} to warm up, "
        f"{median(tokens):.0f} real tokens a step, dropout as configured, load {_load()}",
    ]


def _load() -> str:
    return f"{os.getloadavg()[0]:.1f}"


def _about_vocabulary(timed: Sequence[Timed], precision: str) -> str:
    """What leaving out the rows that no text has gains, and what it changes."""
    pair = [each for each in timed if each.arm.loop and each.arm.precision == precision]
    gains = [whole / part for part, whole in zip(*(each.seconds for each in pair), strict=True)]
    apart = [difference(a.arm, b.arm) for a, b in pairwise(pair)]
    return (
        f"{precision}: leaving out rows of the vocabulary gains x{spread(gains)}; after as many "
        f"steps the weights differ by {max(apart):.1e} at most"
    )
