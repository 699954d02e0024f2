"""Every shipped recipe twice, each time in a fresh process and another surrounding: the same bits.

What cannot be reached is replaced by stand-ins, and those are cut to a few examples.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torture
from toolkit.recipe.load import load_recipe
from toolkit.standin import sample_folder
from torture.bench import Bench, Ended, Tree, generator_of, last_line, tree, unequal
from torture.goal import Goal

ROOT = Path(torture.__file__).parents[1]
FIRST = ("ner-lstm", "wiki-mlm-tiny", "stsb-minilm", "squad-bert")  # where only a few are run
RECIPES = sorted(
    (path.stem for path in (ROOT / "recipes").glob("*.yaml")),
    key=lambda name: (FIRST.index(name) if name in FIRST else len(FIRST), name),
)
CHANGES = ("train.epochs=1", "evaluate.resamples=20")
SURROUNDINGS = (  # folder, umask, variables of the environment
    ("one", 0o022, {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "TZ": "UTC"}),
    ("eine andere ß", 0o077, {"LC_ALL": "C.UTF-8", "TZ": "FAR-13:45", "COLUMNS": "40"}),
)
NUMBER = 8  # recipes of `make torture`; `--only clean --count 0` runs all of them
NUM_EXAMPLES = {"train": 32, "dev": 8, "test": 8}


def _trials(bench: Bench, count: int) -> Sequence[str]:
    every = [f"clean:{name}" for name in RECIPES]
    return every[:count] if count else every


def _run(bench: Bench, trial: str) -> str | None:
    """In a folder on the disk: a checkpoint of a stand-in is large, and memory is not."""
    name = trial.partition(":")[2]
    with tempfile.TemporaryDirectory(prefix="torture-clean-") as place:
        _write_samples(Path(place) / "samples")
        return _fault_of(Path(place), trial, name)


def _fault_of(place: Path, trial: str, name: str) -> str | None:
    teachers, trees = _teachers(name), []
    for number in range(len(SURROUNDINGS)):
        for each in (*teachers, name):
            ended = _fresh(place, trial, number, ("finetune", each, "--stand-in", *CHANGES))
            if ended.code != 0:
                return f"{each}: exit {ended.code}: {last_line(ended.text)}"
        trees.append(_left(place / SURROUNDINGS[number][0]))
    if fault := unequal(trees[1], trees[0]):
        return fault
    runs = {key.split("/")[1] for key in trees[0]}
    (run,) = (run for run in runs if run.startswith(name))  # a stand-in has more to its name
    again = _fresh(place, trial, 1, ("replay", f"../{SURROUNDINGS[0][0]}/runs/{run}"))
    if again.code != 0 or not last_line(again.text).startswith("IDENTICAL: "):
        return f"replay: exit {again.code}: {last_line(again.text)}"
    return None


def _teachers(name: str) -> list[str]:
    """The recipes whose runs a recipe learns from."""
    distill = load_recipe(name).train.distill
    return [Path(distill.teacher).name] if distill else []


def _left(folder: Path) -> Tree:
    """What a run leaves, its checkpoints by their hashes only."""
    found = tree(folder)
    return {
        key: data
        for key, data in found.items()
        if key.startswith("runs/") and not ("/checkpoints/" in key and key.endswith("safetensors"))
    }


def _fresh(place: Path, trial: str, number: int, words: Sequence[str]) -> Ended:
    """Type a command in a process that begins from nothing."""
    name, umask, variables = SURROUNDINGS[number]
    folder = place / name
    folder.mkdir(exist_ok=True)
    seed = generator_of(f"{trial}:{number}").getrandbits(32)
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("LC_", "LANG"))
    } | {
        "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": str(seed),
        "TORTURE_SAMPLES": str(place / "samples"), "TOOLKIT_DATA": str(place / "no-data"),
        "TOOLKIT_CACHE": str(folder / "cache"), "HF_HOME": str(folder / "hub"),
        "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1",
    } | variables  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "torture.fresh", *words], cwd=folder, env=environment, umask=umask,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip
    return Ended(done.returncode, done.stdout.decode("utf-8", "replace"))


def _write_samples(folder: Path) -> None:
    """The small data sets of the package, with a few examples of each split."""
    for sample in ("ner", "tickets", "texts", "qa"):
        (folder / sample).mkdir(parents=True)
        for path in sorted(sample_folder(sample).glob("*.*")):
            if path.stem in NUM_EXAMPLES:
                cut = _cut(path, NUM_EXAMPLES[path.stem])
                (folder / sample / path.name).write_text(cut, encoding="utf-8")


def _cut(path: Path, number: int) -> str:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        record = json.loads(text)
        for each in record["data"]:
            each["paragraphs"] = each["paragraphs"][:1]
        record["data"] = record["data"][: max(2, number // 4)]
        return json.dumps(record)
    between = "\n\n" if path.suffix == ".conll" else "\n"
    return between.join(text.split(between)[:number]) + "\n"


GOAL = Goal(
    "clean",
    "a shipped recipe, run twice in fresh processes with another folder, locale, time zone, umask "
    "and hash seed, has the same bits; replay says IDENTICAL",
    _trials,
    _run,
    number=NUMBER,
)
