"""A ladder from its file: every rung's recipe, filled and checked, or every fault at once.

A rung is a recipe: the one that it `extends` (or the ladder's own `model` and `train`), over it
what all rungs share (`task`, `data`, `evaluate`), over that the rung's own keys. A recipe alone is
a ladder of one rung.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field

from toolkit.compare.ladder import Ladder
from toolkit.errors import RecipeError, ToolkitError, UnreachableError
from toolkit.recipe.block import Block
from toolkit.recipe.check import check, unknown_key
from toolkit.recipe.dump import written
from toolkit.recipe.find import find
from toolkit.recipe.layers import Layers, merged, overridden, read_layers
from toolkit.recipe.load import recipe_of
from toolkit.recipe.marks import Fault, Node, Place, ordered, shown
from toolkit.recipe.override import Override, parse_override
from toolkit.recipe.schema import BLOCKS, NAME_PATTERN, Positive, Recipe, RunSettings
from toolkit.recipe.strict_yaml import read_file
from toolkit.registry import nearest
from toolkit.standin import SUFFIX, ready

SHARED = ("task", "data", "evaluate")  # what is compared on: laid over every rung
BELOW = ("model", "train")  # what a rung begins with
LONGEST_RUNG = 60  # characters of a name; a seed and a suffix come behind it
ONE = "-seeds"  # behind the name of a recipe that is a ladder of one: its runs lie beside its own
_NAME = re.compile(NAME_PATTERN)
Seed = Annotated[int, Field(ge=0, lt=2**32)]


class LadderSettings(Block):
    """What a ladder says beside its rungs."""

    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] = (1, 2, 3)  # of every rung
    workers: Positive | None = (
        None  # processes at once, of one thread each; null: one a core, or one a GPU
    )

    def faults(self) -> list[tuple[str, str]]:
        """A seed twice is the same run twice."""
        twice = sorted({seed for seed in self.seeds if self.seeds.count(seed) > 1})
        return [("seeds", f"found {twice[0]} twice, expected different seeds")] if twice else []


def read_ladder(
    source: str | Path,
    *overrides: str,
    only: Collection[str] = (),
    allow_code: Collection[str] = (),
    stand_in: bool = False,
) -> Ladder:
    """The ladder in a file or of a name, or a recipe as a ladder of one; RecipeError if wrong.

    `only` names the rungs that are wanted; none: all.

    An override such as `train.epochs=2` is for all rungs, `rungs.lstm.train.epochs=2` for one,
    `seeds=[1,2]` for the ladder. UnreachableError where something is missing and not replaced.
    """
    path = find(source, ladders=True)
    root, faults = _tree(path)
    parsed = [parse_override(text) for text in overrides]
    faults += [fault for override in parsed for fault in override.faults]
    named = [override for override in parsed if override.path]
    for override in named:
        if override.path[0] not in BLOCKS or override.path[0] == "run":
            root = overridden(root, override)
    reading = _Reading(path, root, [each for each in named if each.path[0] in SHARED + BELOW])
    found = reading.ladder(allow_code)
    faults += reading.faults
    if faults or found is None:
        sources = [str(path), *reading.sources, *(each.node.place.source for each in parsed)]
        raise RecipeError(ordered(faults, sources))
    found = found._replace(rungs=_wanted(found, only))
    return _ready(found, stand_in, {override.partition("=")[0] for override in overrides})


def _wanted(ladder: Ladder, only: Collection[str]) -> dict[str, tuple[Recipe, ...]]:
    faults = [
        f"--only: no rung is called {shown(name)}.{nearest(name, ladder.rungs)} "
        f"Known: {', '.join(ladder.rungs)}"
        for name in only
        if name not in ladder.rungs
    ]
    if faults:
        raise RecipeError(faults)
    return {name: each for name, each in ladder.rungs.items() if not only or name in only}


def _tree(path: Path) -> tuple[Node, list[Fault]]:
    """What the file of a ladder holds; of a recipe, a ladder that extends it."""
    root, faults = read_file(path)
    if root is None or not isinstance(root.value, dict):
        if root is not None:
            found = "nothing" if root.value is None else shown(root.plain())
            faults.append(Fault(root.place, (), f"found {found}, expected a ladder or a recipe"))
        raise RecipeError(ordered(faults, [str(path)]))
    if "rungs" in root.value:
        return root, faults
    place = Place(str(path))
    rung = Node({"extends": Node(f"./{path.name}", place)}, place)
    run = Node({"name": Node(path.stem + ONE, place)}, place)
    return Node({"rungs": Node({path.stem: rung}, place), "run": run}, place), []


class _Reading:
    """Reads a ladder's tree; collects what is wrong."""

    def __init__(self, path: Path, root: Node, changes: Sequence[Override]) -> None:
        self.path = path
        self.root = root
        self.changes = changes  # of blocks, for all rungs
        self.faults: list[Fault] = []
        self.sources: list[str] = []

    def ladder(self, allow_code: Collection[str]) -> Ladder | None:
        """The ladder, or None where something is wrong."""
        known = ["seeds", "rungs", "workers", "run", *SHARED, *BELOW]
        for name, node in self.root.value.items():
            if name not in known:
                place = node.key or node.place
                self.faults.append(Fault(place, (name,), unknown_key(name, known)))
        settings, run = self._settings(), self._run()
        recipes = {
            name: recipe
            for name, node in self._rungs().items()
            if (recipe := self._recipe(name, node, allow_code)) is not None
        }
        self._same(recipes)
        if self.faults or settings is None or run is None:
            return None
        folder = Path(run.folder) / run.name
        rungs = {
            name: tuple(_seeded(recipe, name, seed, folder) for seed in settings.seeds)
            for name, recipe in recipes.items()
        }
        return Ladder(run.name, folder, rungs, settings.workers)

    def _settings(self) -> LadderSettings | None:
        keys = {key: self.root.value[key] for key in ("seeds", "workers") if key in self.root.value}
        checked = check(LadderSettings, self.root._replace(value=keys), "ladder", self.root.place)
        self.faults += [fault._replace(path=fault.path[1:]) for fault in checked.faults]
        return checked.block  # type: ignore[return-value]

    def _run(self) -> RunSettings | None:
        node = self.root.value.get("run") or Node({}, self.root.place)
        if not self._is_block(node, ("run",)):
            return None
        name = Node(self.path.stem, Place(str(self.path)))
        node = node._replace(value={"name": name, **node.value})
        checked = check(RunSettings, node, "run", self.root.place)
        self.faults += checked.faults
        return checked.block  # type: ignore[return-value]

    def _rungs(self) -> dict[str, Node]:
        """The rungs whose form is right."""
        node = self.root.value["rungs"]
        if not isinstance(node.value, dict) or not node.value:
            found = "nothing" if not node.value else shown(node.plain())
            message = f"found {found}, expected the names of rungs, a block each"
            self.faults.append(Fault(node.place, ("rungs",), message))
            return {}
        return {name: each for name, each in node.value.items() if self._is_rung(name, each)}

    def _is_rung(self, name: str, node: Node) -> bool:
        path = ("rungs", name)
        if not _NAME.fullmatch(name) or len(name) > LONGEST_RUNG:
            message = f"expected a name of up to {LONGEST_RUNG} letters, digits, '.', '_' and '-'"
            self.faults.append(Fault(node.key or node.place, path, message))
            return False
        if node.value is None:
            node = node._replace(value={})
        if not self._is_block(node, path):
            return False
        known = ("extends", *SHARED, *BELOW)
        for key in (key for key in node.value if key not in known):
            place = node.value[key].key or node.value[key].place
            hint = {"run": "the ladder's own run says where all go", "seeds": "a ladder's key"}
            message = hint.get(key) or unknown_key(key, known)
            self.faults.append(Fault(place, (*path, key), message))
        return True

    def _is_block(self, node: Node, path: tuple[str, ...]) -> bool:
        if isinstance(node.value, dict):
            return True
        message = f"found {shown(node.plain())}, expected a block of keys"
        self.faults.append(Fault(node.place, path, message))
        return False

    def _recipe(self, name: str, rung: Node, allow_code: Collection[str]) -> Recipe | None:
        """The recipe of a rung, with the first seed."""
        tree = self._layered(name, rung._replace(value=rung.value or {}))
        if tree is None:
            return None
        self._refuse_seed(name, tree)
        place = rung.key or rung.place
        run = Node({"name": Node(name, place), "folder": Node("runs", place)}, place)
        tree = tree._replace(value={**tree.value, "run": run})
        layers = Layers(tree, [], [str(self.path), *self.sources], name)
        recipe, faults = recipe_of(layers, allow_code)
        self.faults += [self._placed(fault, name, place) for fault in faults]
        return recipe

    def _layered(self, name: str, rung: Node) -> Node | None:
        """The tree of a rung: the recipe that it extends, what is shared, its own keys."""
        given = self.root.value
        tree = Node({key: given[key] for key in BELOW if key in given}, rung.place)
        extends = rung.value.get("extends")
        if extends is not None:
            base = self._extended(name, extends)
            if base is None:
                return None
            tree = merged(tree, base)
        shared = {key: given[key] for key in SHARED if key in given}
        own = {key: node for key, node in rung.value.items() if key in SHARED + BELOW}
        for layer in (shared, own):
            tree = merged(tree, Node(layer, rung.place))
        for override in sorted(self.changes, key=lambda override: not override.selects):
            tree = overridden(tree, override)
        return tree

    def _extended(self, name: str, extends: Node) -> Node | None:
        """The tree of a shipped recipe or of a file beside the ladder."""
        path = ("rungs", name, "extends")
        if not isinstance(extends.value, str):
            message = f"found {shown(extends.plain())}, expected the name or path of a recipe"
            self.faults.append(Fault(extends.place, path, message))
            return None
        is_name = "/" not in extends.value and not Path(extends.value).suffix
        source = extends.value if is_name else self.path.parent / extends.value
        try:
            layers = read_layers(source, ())
        except RecipeError as error:
            self.faults += [Fault(extends.place, path, fault) for fault in error.faults]
            return None
        self.faults += layers.faults
        self.sources += [each for each in layers.sources if each not in self.sources]
        kept = {key: node for key, node in layers.root.value.items() if key != "run"}
        return layers.root._replace(value=kept)

    def _refuse_seed(self, name: str, tree: Node) -> None:
        """A ladder's own keys give no seed: `seeds` does. A recipe may have one."""
        walked, node = tree.walk(("train", "seed"))
        place = node.key or node.place
        if len(walked) == 2 and place.source not in self.sources:
            fault = Fault(place, walked, "leave it out: the ladder's seeds say it")
            self.faults.append(self._placed(fault, name, place))

    def _placed(self, fault: Fault, name: str, rung: Place) -> Fault:
        """A fault of a rung's recipe, by the path that the ladder has for it."""
        if fault.place.line is None and fault.place.source == str(self.path):
            fault = fault._replace(place=rung)  # a key that is missing is so in this rung
        if fault.place.source != str(self.path) or fault.place.source in self.sources:
            return fault
        walked, node = self.root.walk(fault.path)
        is_shared = walked == fault.path and fault.place in (node.place, node.key)
        return fault if is_shared else fault._replace(path=("rungs", name, *fault.path))

    def _same(self, recipes: Mapping[str, Recipe]) -> None:
        """What is compared has to be the same: data, evaluation, task, and what is scored."""
        first = next(iter(recipes.values()), None)
        for name, recipe in recipes.items():
            assert first is not None
            node = self.root.walk(("rungs", name))[1]
            for block in SHARED:
                one, other = (written(block, each.blocks()[block]) for each in (first, recipe))
                keys = {"task": ["type"], "evaluate": ["metric", "confidence", "resamples"]}
                for key in keys.get(block, dict.fromkeys([*one, *other])):
                    if one.get(key) != other.get(key):
                        message = (
                            f"found {shown(other.get(key))}, but {shown(one.get(key))} in rung "
                            f"{next(iter(recipes))}: give it once, beside the rungs"
                        )
                        path = ("rungs", name, block, key)
                        place = node.key or node.place
                        self.faults.append(Fault(place, path, message))
        if first is not None and first.data.test is None and first.data.dev is None:
            message = "missing, expected what the rungs are compared on"
            self.faults.append(Fault(self.root.place, ("data", "test"), message))


def _seeded(recipe: Recipe, rung: str, seed: int, folder: Path) -> Recipe:
    """The recipe of a rung's run."""
    train = recipe.train.model_copy(update={"seed": seed})
    return _moved(recipe.model_copy(update={"train": train}), folder, name=f"{rung}-seed{seed}")


def _ready(ladder: Ladder, stand_in: bool, overridden_keys: Collection[str]) -> Ladder:
    """The ladder as it can run here; UnreachableError with all that is missing.

    RecipeError where a rung names what can be nowhere.
    """
    missing: list[str] = []
    wrong: list[str] = []
    rungs: dict[str, tuple[Recipe, ...]] = {}
    for name, recipes in ladder.rungs.items():
        keys = {key.removeprefix(f"rungs.{name}.") for key in overridden_keys}
        try:
            here = [ready(each, stand_in=stand_in, overridden=keys) for each in recipes]
        except UnreachableError as error:
            missing += error.faults
        except ToolkitError as error:
            wrong += [f"rungs.{name}.{fault}" for fault in error.faults]
        else:
            rungs[name] = tuple(here)
    if wrong:
        raise RecipeError(wrong)
    if missing:
        raise UnreachableError(missing)
    found = ladder._replace(rungs=rungs)
    if not found.stand_ins:
        return found
    folder = found.folder.with_name(found.name + SUFFIX)
    moved = {name: tuple(_moved(each, folder) for each in runs) for name, runs in rungs.items()}
    return found._replace(name=folder.name, folder=folder, rungs=moved)


def _moved(recipe: Recipe, folder: Path, **keys: str) -> Recipe:
    """The recipe with its run in another folder."""
    run = recipe.run.model_copy(update={"folder": str(folder), **keys})
    return recipe.model_copy(update={"run": run})
