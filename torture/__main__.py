"""`python -m torture`: attack runs in every way that we know, and say how often one was hurt."""

import argparse
import json
import os
import random
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import chain, islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from torture import (
    clean,
    crash,
    damage,
    disk,
    evaluation,
    gradient,
    kills,
    mutants,
    pairs,
    power,
    ranks,
    signals,
    wrong_runs,
)
from torture.bench import Bench, SceneFailed, finish, start
from torture.goal import Goal

GOALS: tuple[Goal, ...] = (  # those of long trials first: no process is left alone with one
    clean.GOAL,
    kills.GOAL,
    ranks.GOAL,
    gradient.GOAL,
    evaluation.GOAL,
    signals.GOAL,
    crash.GOAL,
    disk.GOAL,
    damage.DAMAGE,
    damage.CLOCK,
    pairs.GOAL,
    power.GOAL,
)
MUTANTS = (*mutants.MUTANTS, *wrong_runs.MUTANTS)
BY_NAME = {goal.name: goal for goal in GOALS}
# trials of a goal in which a mutant has to be noticed
ENOUGH = {
    "crash": 200,
    "power": 1500,
    "disk": 160,
    "damage": 60,
    "clock": 20,
    "pairs": 30,
    "kills": 100,
    "signals": 120,
    "ranks": 40,
    "evaluation": 100,
    "gradient": 40,
    "clean": 4,
}
# what goals know of the toolkit as it was before a mutant
MEMORIES: tuple[dict[Any, Any], ...] = (
    crash._points,
    power._recordings,
    disk._operations,
    signals._whole,
    ranks._left,
    kills._whole,
)


class Result(NamedTuple):
    """A trial and what went wrong in it."""

    trial: str
    fault: str | None
    seconds: float


def main(words: Sequence[str] | None = None) -> int:
    """Run what is asked for; 0 where every trial, and every mutant, went as promised."""
    options = _parser().parse_args(words)
    options.out.parent.mkdir(parents=True, exist_ok=True)
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
    if options.mutants is not None:
        return int(bool(_mutants(bench, options)))
    chosen = [goal for goal in GOALS if goal.name in options.only]
    # all of them before the first trial: what goals remember then is in every process
    trials = [trials_of(bench, goal, options.count) for goal in chosen]
    results = _in_parallel(trial_of, bench, chain.from_iterable(trials), options.jobs)
    failed = 0
    with options.out.open("a", encoding="utf-8", buffering=1) as file:
        for goal, names in zip(chosen, trials, strict=True):
            failed += _goal(goal, islice(results, len(names)), file)
    return int(bool(failed))


def trials_of(bench: Bench, goal: Goal, count: int | None) -> Sequence[str]:
    """So many trials; for 0 all there are, the usual number where they are drawn without end."""
    trials = goal.trials(bench, goal.number if count is None else count)
    return trials or goal.trials(bench, goal.number)


def _goal(goal: Goal, results: Iterable[Result], file: TextIO) -> int:
    """Write down what came of a goal's trials; how many failed."""
    done = []
    for result in results:
        file.write(json.dumps(result._asdict()) + "\n")
        done.append(result)
    faults = [result for result in done if result.fault]
    seconds = sum(result.seconds for result in done)
    for result in faults[:10]:
        print(f"  {result.trial}: {result.fault}")
    print(f"{goal.name:10} {len(done):5} trials, {len(faults)} failed, {seconds:.0f} s of work: "
          f"{goal.promise}", flush=True)  # fmt: skip
    return len(faults)


def _mutants(bench: Bench, options: argparse.Namespace) -> int:
    """How many mutants nothing noticed."""
    chosen = [
        number
        for number, each in enumerate(MUTANTS)
        if each.goal in options.only and (not options.mutants or each.name in options.mutants)
    ]
    survived = 0
    for number, fault in _in_parallel(try_mutant, bench, chosen, options.jobs):
        mutant = MUTANTS[number]
        print(f"{mutant.goal:7} {mutant.name}: {fault or 'SURVIVED'}", flush=True)
        survived += fault is None
    print(f"{len(chosen)} mutants, {survived} survived")
    return survived


def try_mutant(bench: Bench, number: int) -> tuple[int, str | None]:
    """Put a mutant in force in a process of its own, and try its goal until it fails."""
    mutant, goal = MUTANTS[number], BY_NAME[MUTANTS[number].goal]
    told = bench.folder / f"mutant-{number}"

    def act() -> None:
        bench.forget(bench.folder / f"trials-{number}")
        for memory in MEMORIES:
            memory.clear()
        mutant.apply()
        try:
            trials = list(goal.trials(bench, ENOUGH[goal.name]))
            random.Random(mutant.name).shuffle(trials)
            for trial in trials:
                if fault := goal.run(bench, trial):
                    told.write_text(f"{trial}: {fault}", encoding="utf-8")
                    return
        except SceneFailed as failed:
            told.write_text(str(failed), encoding="utf-8")

    log = bench.folder / f"mutant-{number}.log"
    ended = finish(start(act, log), log)
    shutil.rmtree(bench.folder / f"trials-{number}", ignore_errors=True)
    if told.exists():
        return number, told.read_text(encoding="utf-8")
    if ended.code != 0:  # the attack itself broke: that proves nothing
        print(f"{mutant.name}: the attack broke: {ended.text}", flush=True)
    return number, None


def _in_parallel(
    act: Callable[[Bench, Any], Any], bench: Bench, things: Iterable[Any], jobs: int
) -> Iterator[Any]:
    if jobs == 1:
        yield from (act(bench, thing) for thing in things)
        return
    global _work
    _work = partial(act, bench)  # the workers are forked, and have it, too
    with ProcessPoolExecutor(jobs, mp_context=get_context("fork")) as pool:
        yield from pool.map(_in_worker, things)


_work: Callable[[Any], Any]


def _in_worker(thing: Any) -> Any:
    return _work(thing)


def trial_of(bench: Bench, trial: str) -> Result:
    """Run one trial."""
    began = time.monotonic()
    fault = BY_NAME[trial.partition(":")[0]].run(bench, trial)
    return Result(trial, fault, round(time.monotonic() - began, 3))


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m torture", description=__doc__)
    made.add_argument("--only", nargs="+", choices=list(BY_NAME), default=list(BY_NAME))
    made.add_argument("--count", type=int, help="trials of each goal, 0: all that are not drawn")
    made.add_argument("--trial", nargs="+", help="only these, by their names")
    made.add_argument("--mutants", nargs="*", help="let defects be noticed instead: these, or all")
    made.add_argument("--jobs", type=int, default=min(4, os.cpu_count() or 1))
    made.add_argument("--out", type=Path, default=Path("build/torture.jsonl"))
    return made


if __name__ == "__main__":
    sys.exit(main())
