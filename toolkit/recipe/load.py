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
from toolkit.registry import BUILT_IN, SELECTOR, NoSuchClassError, look_up

_FIXED: dict[str, type[Block]] = {"train": Train, "evaluate": Evaluate, "run": RunSettings}


def load_recipe(source: str | Path, *overrides: str, allow_code: Collection[str] = ()) -> Recipe:
    """The recipe in a file, or of a name such as `ner-bert`, with `train.epochs=5` applied.

    `allow_code` holds the modules whose classes the recipe may name. RecipeError with every fault
    of the file, of the file that it extends and of the overrides.
    """
    layers = read_layers(source, overrides)
    checked = {name: _block(name, layers, allow_code) for name in BLOCKS}
    found = [fault for each in checked.values() for fault in each.faults]
    found += _unknown_blocks(layers.root)
    faults = layers.faults + [each for each in found if not _is_said(each, layers.faults)]
    if not faults:
        blocks: dict[str, Any] = {name: each.block for name, each in checked.items()}
        recipe = Recipe(**blocks)
        faults = _between_blocks(recipe, layers.root)
    if faults:
        raise RecipeError(ordered(faults, layers.sources))
    return recipe


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
        return _selected(name, node, file, allow_code)
    if name == "run":
        node = node._replace(value={"name": Node(layers.name, file), **node.value})
    return check(_FIXED[name], node, name, file)


def _selected(name: str, node: Node, file: Place, allow_code: Collection[str]) -> Checked:
    """A block as the class that one of its keys names."""
    key = SELECTOR[name]
    others = {other: child for other, child in node.value.items() if other != key}
    expected = f"expected {', '.join(BUILT_IN[name])} or your own package.module:Name"
    selected = node.child(key)
    if selected is None:
        return Checked(None, [Fault(file, (name, key), f"missing, {expected}")])
    if not isinstance(selected.value, str):
        message = f"found {shown(selected.plain())}, {expected}"
        return Checked(None, [Fault(selected.place, (name, key), message)])
    try:
        cls = look_up(name, selected.value, allow_code)
    except NoSuchClassError as error:
        return Checked(None, [Fault(selected.place, (name, key), str(error))])
    return check(cls, node._replace(value=others), name, file)


def _unknown_blocks(root: Node) -> list[Fault]:
    return [
        Fault(node.key or node.place, (name,), _unknown_block(name))
        for name, node in root.value.items()
        if name not in BLOCKS
    ]


def _unknown_block(name: str) -> str:
    if name == "extends":  # of a file, it is gone from the tree by now
        return "works in a file, not as an override"
    homes = [f"{block}.{name}" for block, cls in _FIXED.items() if name in cls.model_fields]
    return unknown_key(name, [*BLOCKS, "extends"], "block", guess=homes[0] if homes else None)


def _between_blocks(recipe: Recipe, root: Node) -> list[Fault]:
    paths = [(tuple(key.split(".")), message) for key, message in recipe.faults()]
    return [Fault(root.walk(path)[1].place, path, message) for path, message in paths]
