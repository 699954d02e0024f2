"""A ladder: rungs on the same data, from the lowest up, each trained with several seeds."""

from pathlib import Path
from typing import Any, NamedTuple

from toolkit.recipe.dump import as_yaml, written
from toolkit.recipe.schema import Recipe


class Ladder(NamedTuple):
    """Rungs from the lowest up, and where their runs go."""

    name: str
    folder: Path  # of the whole ladder: the runs' folders lie in it
    rungs: dict[str, tuple[Recipe, ...]]  # a recipe a seed
    workers: int | None  # processes at once; None: one a core, or one a GPU

    @property
    def recipes(self) -> list[Recipe]:
        """The recipes of all runs."""
        return [recipe for recipes in self.rungs.values() for recipe in recipes]

    @property
    def stand_ins(self) -> list[str]:
        """What was replaced, a sentence each."""
        said = (sentence for recipe in self.recipes for sentence in recipe.run.stand_in)
        return list(dict.fromkeys(said))


def dump_ladder(ladder: Ladder) -> str:
    """The ladder with everything written out; `read_ladder` reads an equal one from it."""
    first = ladder.recipes[0]
    seeds = [recipe.train.seed for recipe in next(iter(ladder.rungs.values()))]
    run = {"name": ladder.name, "folder": str(ladder.folder.parent)}
    shared = {name: written(name, first.blocks()[name]) for name in ("data", "evaluate")}
    rungs = {}
    for name, (recipe, *_) in ladder.rungs.items():
        blocks = {key: written(key, recipe.blocks()[key]) for key in ("task", "model", "train")}
        del blocks["train"]["seed"]
        rungs[name] = blocks
    own: dict[str, Any] = {"run": run, "seeds": seeds, "workers": ladder.workers}
    return as_yaml(shared | own | {"rungs": rungs})
