"""`evaluate.sets`: other data that the final model is scored on, as what differs from `data`.

A set is read like the recipe's own test split but for the keys that it gives; a set with another
format starts from an empty block. It is only scored, so `test` is the one source that it names.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from toolkit.data.base import Data
from toolkit.data.split import NAMES
from toolkit.recipe.marks import Fault, KeyPath, Node, shown
from toolkit.recipe.schema import NAME_PATTERN
from toolkit.recipe.select import selected

_PATH: KeyPath = ("evaluate", "sets")
NOT_OF_A_SET = ("train", "dev", "split", "take")  # keys of `data` that a set has no use for
_TRAIN: KeyPath = ("train",)  # the recipe's own or what `test` is: said there
_NAME = re.compile(NAME_PATTERN)
_EXPECTED_NAME = "a name of up to 100 letters, digits, '.', '_' and '-'"
_ONLY_SCORED = "a set is only scored: its source is named by test"


class Sets(NamedTuple):
    """The sets that could be read, by name, and what is wrong."""

    blocks: dict[str, Data]
    faults: list[Fault]


def check_sets(root: Node, allow_code: Collection[str], is_data_wrong: bool) -> Sets:
    """The sets of a recipe. Where its data block is wrong, that is said there and not here."""
    path, node = root.walk(_PATH)
    sets = Sets({}, [])
    if path != _PATH:
        return sets
    if not isinstance(node.value, dict):
        found = shown(node.plain())
        message = f"found {found}, expected a block of keys, the name of a set each"
        return Sets({}, [Fault(node.place, _PATH, message)])
    data = root.child("data")
    base = data.value if data is not None and isinstance(data.value, dict) else {}
    for name, child in node.value.items():
        faults = _faults_of_form(name, child, base)
        if not faults:
            keys = _whole(child, base)
            whole = child._replace(value={"train": keys["test"], **keys})
            checked = selected("data", whole, child.place, allow_code)
            faults = [_moved(fault, name) for fault in checked.faults if fault.path[1:] != _TRAIN]
            if is_data_wrong:
                faults = [fault for fault in faults if set(fault.path[3:4]) & set(child.value)]
            if isinstance(checked.block, Data):
                sets.blocks[name] = checked.block
        sets.faults.extend(faults)
    return sets


def written_set(keys: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of a set as a filled recipe has them, from those of its block."""
    return {key: value for key, value in keys.items() if key not in NOT_OF_A_SET}


def _whole(node: Node, base: Mapping[str, Node]) -> dict[str, Node]:
    """The keys that a set gives, and those that it leaves to the recipe's data."""
    own, usual = node.child("format"), base.get("format")
    is_another = own is not None and (usual is None or own.value != usual.value)
    unused = base if is_another else set(NOT_OF_A_SET) - {"train"}  # a block has to have one
    own_keys: dict[str, Node] = node.value
    return {key: child for key, child in base.items() if key not in unused} | own_keys


def _faults_of_form(name: str, node: Node, base: Mapping[str, Node]) -> list[Fault]:
    """What is wrong with a set before it is known what it reads."""
    path = (*_PATH, name)
    if not _NAME.fullmatch(name) or name in NAMES:
        expected = "another name: it is that of a split" if name in NAMES else _EXPECTED_NAME
        return [Fault(node.key or node.place, path, f"expected {expected}")]
    if not isinstance(node.value, dict):
        found = shown(node.plain())
        return [Fault(node.place, path, f"found {found}, expected a block of keys, such as test")]
    faults = [
        Fault(node.value[key].key or node.place, (*path, key), _ONLY_SCORED)
        for key in NOT_OF_A_SET
        if key in node.value
    ]
    if faults:
        return faults
    if not node.value:
        return [Fault(node.place, path, "found no key, expected those that differ from data")]
    test = _whole(node, base).get("test")
    if test is None or test.value is None:
        return [Fault(node.place, (*path, "test"), "missing, expected the source to score")]
    return []


def _moved(fault: Fault, name: str) -> Fault:
    """A fault of a data block, at the set's place in the recipe."""
    return fault._replace(path=(*_PATH, name, *fault.path[1:]))
