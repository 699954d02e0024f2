"""A recipe from its file: the blocks as frozen typed objects, or every fault at once."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from toolkit.errors import RecipeError
from toolkit.recipe.block import Block
from toolkit.recipe.check import Checked, check, unknown_key
from toolkit.recipe.find import shipped_recipes as shipped_recipes
from toolkit.recipe.layers import Layers, read_layers
from toolkit.recipe.marks import Fault, Node, Place, ordered, shown
from toolkit.recipe.schema import BLOCKS, Evaluate, Recipe, RunSettings, Train
from toolkit.recipe.select import selected
from toolkit.recipe.sets import check_sets
from toolkit.registry import SELECTOR

_FIXED: dict[str, type[Block]] = {"train": Train, "evaluate": Evaluate, "run": RunSettings}

_OF_LADDERS = ("rungs", "seeds", "workers")  # keys beside the blocks


def load_recipe(source: str | Path, *overrides: str, allow_code: Collection[str] = ()) -> Recipe:
    """The recipe in a file, or of a name such as `ner-bert`, with `train.epochs=5` applied.

    `allow_code` holds the modules whose classes the recipe may name. RecipeError with every fault
    of the file, of the file that it extends and of the overrides.
    """
    layers = read_layers(source, overrides)
    recipe, faults = recipe_of(layers, allow_code)
    if recipe is None:
        raise RecipeError(ordered(faults, layers.sources))
    return recipe


def recipe_of(
    layers: Layers, allow_code: Collection[str] = ()
) -> tuple[Recipe | None, list[Fault]]:
    """The recipe of a tree, or None and everything that is wrong with it."""
    checked = {name: _block(name, layers, allow_code) for name in BLOCKS}
    sets = check_sets(layers.root, allow_code, is_data_wrong=bool(checked["data"].faults))
    found = [fault for each in checked.values() for fault in each.faults] + sets.faults
    found += _not_allowed(checked["evaluate"].block, layers.root, allow_code)
    found += _unknown_blocks(layers.root)
    faults = layers.faults + [each for each in found if not _is_said(each, layers.faults)]
    if not faults:
        blocks: dict[str, Any] = {name: each.block for name, each in checked.items()}
        blocks["evaluate"] = blocks["evaluate"].model_copy(update={"sets": sets.blocks})
        recipe = Recipe(**blocks)
        faults = _between_blocks(recipe, layers.root)
        if not faults:
            return recipe, []
    return None, faults


def _is_said(fault: Fault, earlier: list[Fault]) -> bool:
    """Whether a fault is about a value that was refused already."""
    return any(each.final and fault.path[: len(each.path)] == each.path for each in earlier)


def _block(name: str, layers: Layers, allow_code: Collection[str]) -> Checked:
    file = Place(layers.sources[0])
    node = layers.root.child(name) or Node({}, file)
    if not isinstance(node.value, dict):
        message = f"found {shown(node.plain())}, expected a block of keys"
        return Checked(None, [Fault(node.place, (name,), message)])
    if name in SELECTOR:
        return selected(name, node, file, allow_code)
    if name == "evaluate":  # its sets are blocks whose class a key of theirs names
        keys = {key: child for key, child in node.value.items() if key != "sets"}
        node = node._replace(value=keys)
    if name == "run":
        node = node._replace(value={"name": Node(layers.name, file), **node.value})
    return check(_FIXED[name], node, name, file)


def _not_allowed(evaluate: Any, root: Node, allow_code: Collection[str]) -> list[Fault]:
    """The metrics of a recipe whose code the user has not allowed."""
    path = ("evaluate", "extra")
    return [
        Fault(root.walk((*path, number, "module"))[1].place, (*path, number, "module"), message)
        for number, extra in enumerate(evaluate.extra if isinstance(evaluate, Evaluate) else ())
        if (message := extra.refusal(allow_code))
    ]


def _unknown_blocks(root: Node) -> list[Fault]:
    return [
        Fault(node.key or node.place, (name,), _unknown_block(name))
        for name, node in root.value.items()
        if name not in BLOCKS
    ]


def _unknown_block(name: str) -> str:
    if name == "extends":  # of a file, it is gone from the tree by now
        return "works in a file, not as an override"
    if name in _OF_LADDERS:
        return "a ladder's key: toolkit compare reads ladders"
    homes = [f"{block}.{name}" for block, cls in _FIXED.items() if name in cls.model_fields]
    return unknown_key(name, [*BLOCKS, "extends"], "block", guess=homes[0] if homes else None)


def _between_blocks(recipe: Recipe, root: Node) -> list[Fault]:
    paths = [(tuple(key.split(".")), message) for key, message in recipe.faults()]
    return [Fault(root.walk(path)[1].place, path, message) for path, message in paths]
