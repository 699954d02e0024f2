"""From what a user names to one tree: the file, the file it extends, the overrides, in this order.

Every value keeps the place it came from. What the keys mean is not known here, but for the keys
that name a block's class: another class brings other keys, so it starts from an empty block.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from toolkit.errors import RecipeError
from toolkit.recipe.find import find, no_such_file
from toolkit.recipe.marks import Fault, KeyPath, Node, ordered, shown
from toolkit.recipe.override import Override, parse_override
from toolkit.recipe.schema import BLOCKS
from toolkit.recipe.strict_yaml import read_file
from toolkit.registry import SELECTOR


class Layers(NamedTuple):
    """The tree that was found, and what is wrong with the form of its files."""

    root: Node
    faults: list[Fault]
    sources: list[str]  # the order in which faults are told
    name: str  # of the file, without its suffix


def read_layers(source: str | Path, overrides: Iterable[str]) -> Layers:
    """The tree of a recipe. RecipeError where there is none: no file, or not YAML."""
    path = find(source)
    root, faults = _blocks_of(path)
    sources = [str(path)]
    if "extends" in root.value:
        root, base, more = _extended(root, path)
        sources += base
        faults += more
    parsed = [parse_override(text) for text in overrides]
    for override in sorted(parsed, key=lambda override: not override.selects):
        faults += override.faults
        root = overridden(root, override) if override.path else root
    return Layers(root, faults, [*sources, *(each.node.place.source for each in parsed)], path.stem)


def _blocks_of(path: Path) -> tuple[Node, list[Fault]]:
    """What a file holds; a block with nothing in it is a block without keys."""
    root, faults = read_file(path)
    if root is not None and not isinstance(root.value, dict):
        found = "nothing" if root.value is None else shown(root.plain())
        message = f"found {found}, expected the blocks {', '.join(BLOCKS)}"
        faults.append(Fault(root.place, (), message))
    if root is None or not isinstance(root.value, dict):
        raise RecipeError(ordered(faults, [str(path)]))
    blocks = {
        name: node._replace(value={}) if name in BLOCKS and node.value is None else node
        for name, node in root.value.items()
    }
    return root._replace(value=blocks), faults


def _extended(root: Node, path: Path) -> tuple[Node, list[str], list[Fault]]:
    """The tree laid over the one that it extends, and that one's source and faults."""
    root, extends = _without(root, "extends")
    if not isinstance(extends.value, str):
        message = f"found {shown(extends.plain())}, expected the path of a recipe"
        return root, [], [Fault(extends.place, ("extends",), message)]
    base_path = path.parent / extends.value
    if not os.path.exists(base_path):
        message = f"found {shown(extends.value)}, {no_such_file(base_path)}"
        return root, [], [Fault(extends.place, ("extends",), message)]
    base, faults = _blocks_of(base_path)
    if "extends" in base.value:
        base, second = _without(base, "extends")
        message = "an extended recipe cannot extend another, expected its keys in this file"
        faults.append(Fault(second.key or second.place, ("extends",), message))
    return merged(base, root), [str(base_path)], faults


def _without(root: Node, key: str) -> tuple[Node, Node]:
    others = {name: node for name, node in root.value.items() if name != key}
    return root._replace(value=others), root.value[key]


def merged(base: Node, new: Node) -> Node:
    """`new` over `base`, block by block and in each block key by key."""
    blocks = dict(base.value)
    for name, block in new.value.items():
        under = blocks.get(name)
        if under and isinstance(under.value, dict) and isinstance(block.value, dict):
            selected = block.value.get(SELECTOR.get(name))
            kept = _kept(name, under.value, selected)
            block = block._replace(value={**kept, **block.value})
        blocks[name] = block
    return new._replace(value=blocks)


def _kept(name: str, block: dict[str, Node], selected: Node | None) -> dict[str, Node]:
    """The keys of a block that stay when a layer above it names a class: none if it is another."""
    current = block.get(SELECTOR.get(name, ""))
    is_another = selected is not None and current is not None and selected.value != current.value
    return {} if is_another else block


def overridden(root: Node, override: Override) -> Node:
    """The tree with one key set from outside."""
    name = str(override.path[0])
    block = root.child(name)
    if override.selects and block is not None and isinstance(block.value, dict):
        block = block._replace(value=_kept(name, block.value, override.node))
        root = root._replace(value={**root.value, name: block})
    return _put(root, override.path, override.node)


def _put(node: Node, path: KeyPath, new: Node) -> Node:
    """The tree with `new` at `path`; what is no block on the way there becomes one."""
    if not path:
        return new
    is_block = isinstance(node.value, dict)
    children = dict(node.value) if is_block else {}
    under = children.get(path[0]) or Node({}, new.place, new.place)
    children[path[0]] = _put(under, path[1:], new)
    return node._replace(value=children, place=node.place if is_block else new.place)
