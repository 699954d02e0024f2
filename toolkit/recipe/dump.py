"""A recipe as YAML with everything written out, and what two recipes differ in."""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from toolkit.recipe.block import LEARNED, Block
from toolkit.recipe.marks import shown
from toolkit.recipe.scalars import FLOAT, INTEGER
from toolkit.recipe.schema import Recipe
from toolkit.recipe.sets import written_set
from toolkit.registry import SELECTOR, name_of

_WIDEST = 100  # columns of a line, where a list can be broken
# where a run goes, who keeps its weights, and what becomes of steps that are still to come: nothing
# of what it is
_WHERE_IT_GOES = {"run": ("name", "folder", "track"), "train": ("strategy", "on_nonfinite")}
_ABSENT = object()


def dump_recipe(recipe: Recipe) -> str:
    """The filled recipe: `load_recipe` reads an equal one from it, with no training data."""
    return as_yaml({name: written(name, block) for name, block in recipe.blocks().items()})


def as_yaml(blocks: Mapping[str, Any]) -> str:
    """Plain values as the strict reader reads them, an empty line between blocks."""
    return "\n".join(
        yaml.dump({name: keys}, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=_WIDEST)
        for name, keys in blocks.items()
    )


def differences(stored: Recipe, new: Recipe) -> list[str]:
    """The keys in which a run's recipe and a new one differ, `train.epochs: 3 in the run, 5 now`.

    What a run fills in (labels, precision, …) is no difference where the new recipe leaves it
    open, and neither is the folder that the run lies in.
    """
    found = []
    for name, now in filled_from(new, stored).blocks().items():
        in_run, now_keys = written(name, stored.blocks()[name]), written(name, now)
        key = SELECTOR.get(name)
        if key and in_run[key] != now_keys[key]:  # another class: its other keys are others too
            in_run, now_keys = {key: in_run[key]}, {key: now_keys[key]}
        for key in _WHERE_IT_GOES.get(name, ()):
            del in_run[key], now_keys[key]
        found += _unequal(name, in_run, now_keys)
    return found


def _unequal(path: str, in_run: Any, now: Any) -> list[str]:
    """The keys below `path` in which two values differ, a line each."""
    if in_run == now:
        return []
    if isinstance(in_run, dict) and isinstance(now, dict) and in_run and now:
        keys = dict.fromkeys([*in_run, *now])
        lines = [_unequal(f"{path}.{k}", in_run.get(k, _ABSENT), now.get(k, _ABSENT)) for k in keys]
        return [line for each in lines for line in each]
    return [f"{path}: {_shown(in_run)} in the run, {_shown(now)} now"]


def _shown(value: Any) -> str:
    return "not given" if value is _ABSENT else shown(value)


def filled_from(new: Recipe, stored: Recipe) -> Recipe:
    """The new recipe, with what it leaves open and a run has filled in taken from the run's."""
    blocks = new.blocks()
    for name, block in blocks.items():
        in_run = stored.blocks()[name]
        if type(block) is type(in_run):
            blocks[name] = _filled(block, in_run, is_task=name == "task")
    return new.model_copy(update=blocks)


def _filled(block: Block, in_run: Block, *, is_task: bool) -> Block:
    """The block and those in it: of a task all keys are learned, of others those that say so."""
    filled = {}
    for key, field in type(block).model_fields.items():
        value, stored = getattr(block, key), getattr(in_run, key)
        if isinstance(value, Block) and type(value) is type(stored):
            filled[key] = _filled(value, stored, is_task=is_task)
        elif (is_task or LEARNED in field.metadata) and _is_open(value):
            filled[key] = stored
    return block.model_copy(update=filled)


def _is_open(value: Any) -> bool:
    return value is None or value == "auto" or value == () or value == {}


def written(name: str, block: Block) -> dict[str, Any]:
    """The keys of a block as YAML has them, first the one that names its class."""
    keys = block.model_dump(mode="json")
    if name == "evaluate":
        sets = vars(block)["sets"]
        keys["sets"] = {key: written_set(written("data", data)) for key, data in sets.items()}
    return {SELECTOR[name]: name_of(name, type(block)), **keys} if name in SELECTOR else keys


class _Dumper(yaml.SafeDumper):
    """Lists on one line, blocks on many, and quotes wherever a reader of YAML could misread."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def text(self, text: str) -> yaml.ScalarNode:
        style = None if text.isprintable() else '"'
        return self.represent_scalar("tag:yaml.org,2002:str", text, style)

    def listed(self, values: list[Any]) -> yaml.SequenceNode:
        return self.represent_sequence("tag:yaml.org,2002:seq", values, flow_style=True)

    def keyed(self, values: dict[str, Any]) -> yaml.MappingNode:
        return self.represent_mapping("tag:yaml.org,2002:map", values, flow_style=not values)


_Dumper.add_representer(str, _Dumper.text)
_Dumper.add_representer(list, _Dumper.listed)
_Dumper.add_representer(dict, _Dumper.keyed)
# PyYAML quotes what it would read as a number itself; these are numbers in YAML 1.2 only.
_Dumper.add_implicit_resolver(
    "!number", re.compile(rf"(?:{INTEGER.pattern}|{FLOAT.pattern})$"), list("-+.0123456789")
)
