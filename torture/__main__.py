"""`python -m torture`: attack runs in every way that we know, and say how often one was hurt."""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

from torture import crash, damage, disk, kills, pairs, power
from torture.bench import Bench
from torture.goal import Goal

GOALS: tuple[Goal, ...] = (
    crash.GOAL,
    power.GOAL,
    disk.GOAL,
    damage.DAMAGE,
    damage.CLOCK,
    pairs.GOAL,
    kills.GOAL,
)
BY_NAME = {goal.name: goal for goal in GOALS}


class Result(NamedTuple):
    """A trial and what went wrong in it."""

    trial: str
    fault: str | None
    seconds: float


def main(words: Sequence[str] | None = None) -> int:
    """Run what is asked for; 0 where every trial, and every mutant, went as promised."""
    options = _parser().parse_args(words)
    bench = Bench()
    owner = os.getpid()
    try:
        return _attack(bench, options)
    finally:
        if os.getpid() == owner:
            bench.close()


def _attack(bench: Bench, options: argparse.Namespace) -> int:
    if options.trial:
        faults = [trial_of(bench, name).fault for name in options.trial]
        for name, fault in zip(options.trial, faults):
            print(f"{name}: {fault or 'as promised'}")
        return int(any(faults))
    failed = 0
    for goal in GOALS:
        if goal.name in options.only:
            failed += _goal(bench, goal, options)
    return int(bool(failed))


def _goal(bench: Bench, goal: Goal, options: argparse.Namespace) -> int:
    began = time.monotonic()
    trials = goal.trials(bench, goal.count if options.count is None else options.count)
    results = list(_results(bench, trials, options.jobs))
    with options.out.open("a", encoding="utf-8") as file:
        for result in results:
            file.write(json.dumps(result._asdict()) + "\n")
    faults = [result for result in results if result.fault]
    for result in faults[:10]:
        print(f"  {result.trial}: {result.fault}")
    seconds = time.monotonic() - began
    print(f"{goal.name:8} {len(results):5} trials, {len(faults)} failed, {seconds:.0f} s: "
          f"{goal.promise}", flush=True)  # fmt: skip
    return len(faults)


def _results(bench: Bench, trials: Iterable[str], jobs: int) -> Iterator[Result]:
    if jobs == 1:
        yield from (trial_of(bench, trial) for trial in trials)
        return
    global _bench
    _bench = bench  # the workers are forked, and have it, too
    with ProcessPoolExecutor(jobs, mp_context=get_context("fork")) as pool:
        yield from pool.map(_in_worker, trials, chunksize=4)


_bench: Bench


def _in_worker(trial: str) -> Result:
    return trial_of(_bench, trial)


def trial_of(bench: Bench, trial: str) -> Result:
    """Run one trial."""
    began = time.monotonic()
    fault = BY_NAME[trial.partition(":")[0]].run(bench, trial)
    return Result(trial, fault, round(time.monotonic() - began, 3))


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m torture", description=__doc__)
    made.add_argument("--only", nargs="+", choices=list(BY_NAME), default=list(BY_NAME))
    made.add_argument("--count", type=int, help="trials of each goal, 0: all there are")
    made.add_argument("--trial", nargs="+", help="only these, by their names")
    made.add_argument("--jobs", type=int, default=min(4, os.cpu_count() or 1))
    made.add_argument("--out", type=Path, default=Path("build/torture.jsonl"))
    return made


if __name__ == "__main__":
    sys.exit(main())
