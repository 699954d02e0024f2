"""Markdown: tables, and what a reader must know of the machine to believe them."""

import os
import platform
import statistics
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import torch

PACKAGES = ("torch", "transformers", "tokenizers", "datasets", "accelerate", "numpy")


class Table(NamedTuple):
    """A section of the report."""

    title: str
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    notes: Sequence[str] = ()  # sentences below the table

    def markdown(self) -> str:
        """The section, with a heading."""
        lines = [f"## {self.title}", ""]
        if self.rows:
            lines += [_line(self.columns), "|" + "---|" * len(self.columns)]
            lines += [_line(row) for row in self.rows]
            lines.append("")
        lines += [f"- {note}" for note in self.notes]
        return "\n".join(lines).rstrip() + "\n"


def skipped(title: str, why: str) -> Table:
    """A section that says why it was not measured."""
    return Table(title, notes=[f"not measured: {why}"])


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def spread(values: Sequence[float], digits: int = 2) -> str:
    """The median, and the quartiles behind it where there are enough values."""
    middle = f"{statistics.median(values):.{digits}f}"
    if len(values) < 4:
        return middle
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return f"{middle} ({low:.{digits}f} to {high:.{digits}f})"


def machine(device: torch.device, threads: int) -> Table:
    """Where and with what the figures below were taken."""
    notes = [
        f"processor: {processor()}, {os.cpu_count()} cores seen, {threads} threads used",
        f"load average before the measurements: {' '.join(f'{x:.1f}' for x in os.getloadavg())}",
        f"python {platform.python_version()}, "
        + ", ".join(f"{name} {version(name)}" for name in PACKAGES),
    ]
    if device.type == "cuda":
        notes.insert(1, f"GPU: {torch.cuda.get_device_name(device)}")
    return Table("Machine", notes=notes)


def processor() -> str:
    """The processor's own name, with its instructions for bfloat16."""
    name, flags = platform.processor() or platform.machine(), ""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        lines = info.read_text(encoding="utf-8").splitlines()
        known = {key.strip(): value.strip() for key, _, value in (x.partition(":") for x in lines)}
        name, flags = known.get("model name", name), known.get("flags", "")
    has = [each for each in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if each in flags.split()]
    return f"{name} ({', '.join(has) or 'no wide vectors known'})"
