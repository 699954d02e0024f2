"""`python -m benchmarks`: measure, print Markdown and write it to a file."""

import argparse
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch

from benchmarks import commands
from benchmarks.arms import Window
from benchmarks.peak import Peak, measure_peak
from benchmarks.settings import SETTINGS, Setting
from benchmarks.start import start
from benchmarks.table import Table, machine, skipped
from benchmarks.training import measure
from toolkit.errors import ToolkitError

SECTIONS = ("training", "job", "start", "prediction", "growth", "recurrence")


def main(words: Sequence[str] | None = None) -> None:
    """Run the sections that are asked for, each written as soon as it is measured."""
    options = parser().parse_args(words)
    beside = Path(__file__).parents[2] / "shared" / "data"
    os.environ.setdefault("TOOLKIT_DATA", str(beside))
    torch.set_num_threads(options.threads)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):  # of the processes that are started
        os.environ[name] = str(options.threads)
    _quiet()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    with options.out.open("w", encoding="utf-8") as file:
        for table in tables(options):
            text = table.markdown()
            print(text, flush=True)
            file.write(text + "\n")
            file.flush()


def parser() -> argparse.ArgumentParser:
    """The options; their defaults are what `make bench` takes."""
    made = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    made.add_argument("--only", nargs="+", choices=SECTIONS, default=SECTIONS)
    names = [setting.name for setting in SETTINGS]
    made.add_argument("--setting", nargs="+", choices=names, help="of the training section")
    made.add_argument("--steps", type=int, default=20, help="measured, after --warmup")
    made.add_argument("--warmup", type=int, default=3, help="steps before those measured")
    made.add_argument("--threads", type=int, default=torch.get_num_threads())
    made.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    made.add_argument("--scores", action="store_true", help="jobs of all epochs, with 3 seeds")
    made.add_argument("--quick", action="store_true", help="3 steps, 1 to warm up, little data")
    made.add_argument("--out", type=Path, default=Path("build/benchmarks.md"))
    return made


def tables(options: argparse.Namespace) -> Iterator[Table]:
    """The sections, one after the other; what cannot be measured here says why."""
    device = torch.device(options.device)
    yield machine(device, options.threads)
    if "training" in options.only:
        yield from _training(options, device)
    jobs: dict[str, Callable[[], Table]] = {
        "job": lambda: commands.whole_job(scores=options.scores),
        "start": lambda: start(2 if options.quick else 5),
        "prediction": lambda: commands.prediction(500 if options.quick else 5000),
        "growth": lambda: commands.growth(100 if options.quick else 800),
        "recurrence": lambda: commands.recurrence(options.threads),
    }
    for name, job in jobs.items():
        if name in options.only:
            try:
                yield job()
            except ToolkitError as error:
                yield skipped(name.capitalize(), " ".join(error.lines()))


def _training(options: argparse.Namespace, device: torch.device) -> Iterator[Table]:
    peak = measure_peak(device, 1.0 if options.quick else 20.0)
    yield Table(
        "Peak of matrix products",
        ("fp32, GFLOP/s", "bf16, GFLOP/s"),
        [[f"{peak.fp32 / 1e9:,.0f}", f"{peak.bf16 / 1e9:,.0f}"]],
    )
    window = Window(1, 3) if options.quick else Window(options.warmup, options.steps)
    for setting in SETTINGS:
        if not options.setting or setting.name in options.setting:
            is_asked = bool(options.setting)
            yield _setting(setting, window, peak, device, is_asked=is_asked)


def _setting(
    setting: Setting, window: Window, peak: Peak, device: torch.device, *, is_asked: bool
) -> Table:
    if setting.needs_gpu and device.type != "cuda" and not is_asked:
        return skipped(setting.title, f"for a GPU; on a CPU with --setting {setting.name}")
    try:
        with tempfile.TemporaryDirectory() as folder:
            return measure(setting, Path(folder), window, peak, device)
    except ToolkitError as error:
        return skipped(setting.title, " ".join(error.lines()))


def _quiet() -> None:
    import datasets
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    datasets.disable_progress_bars()


if __name__ == "__main__":
    main()
