"""One block of a recipe against its class: the block, or everything that is wrong with it.

pydantic checks, in strict mode and through JSON: its lax mode takes `true` for 1, and its strict
mode on Python objects refuses a list for a tuple. What it finds is said anew in plain English.
"""

import json
from collections.abc import Collection
from typing import Any, NamedTuple

from pydantic import ValidationError
from pydantic.errors import PydanticInvalidForJsonSchema

from toolkit.recipe.block import Block
from toolkit.recipe.comments import comments_of
from toolkit.recipe.expected import Schema, branches, choices, expected, keys, part_at
from toolkit.recipe.marks import Fault, KeyPath, Node, Place, shown
from toolkit.registry import nearest


class Checked(NamedTuple):
    """A block, or what is wrong with it."""

    block: Block | None
    faults: list[Fault]


def check(cls: type[Block], node: Node, name: str, file: Place) -> Checked:
    """The block `name` of a recipe as its class. `file` is where missing keys are missing."""
    try:
        block = cls.model_validate_json(json.dumps(node.plain()))
    except ValidationError as error:
        found = [_Finding.of(each, node) for each in error.errors(include_url=False)]
        about = _About(cls, _schema_of(cls), node.plain())
        return Checked(None, [_fault(each, about, name, file) for each in _deepest(found)])
    return Checked(block, _between_keys(block, node, name))


def _between_keys(block: Block, node: Node, name: str) -> list[Fault]:
    """What is wrong between the keys of a block and of the blocks in it."""
    faults = [
        Fault(node.walk(key.split("."))[1].place, (name, *key.split(".")), message)
        for key, message in block.faults()
    ]
    for key in type(block).model_fields:
        inner = getattr(block, key)
        if isinstance(inner, Block):
            under = node.child(key) or node
            more = _between_keys(inner, under, name)
            faults += [fault._replace(path=(name, key, *fault.path[1:])) for fault in more]
    return faults


class _About(NamedTuple):
    """The class of a block, and what stands there."""

    cls: type[Block]
    schema: Schema
    value: Any

    def at(self, path: KeyPath) -> Schema:
        """The part of the schema for what stands at a path."""
        return part_at(self.schema, path, self.value)


def _schema_of(cls: type[Block]) -> Schema:
    try:
        return cls.model_json_schema()
    except PydanticInvalidForJsonSchema:  # a user's class with a field of a type all its own
        return {}


# pydantic's names for a block of a union whose kind is unknown or not named
_TAGS = {"union_tag_invalid": "literal_error", "union_tag_not_found": "missing"}


class _Finding(NamedTuple):
    """One error of pydantic, at the key that it belongs to."""

    kind: str  # pydantic's own name for it
    path: KeyPath  # in the block
    node: Node  # what stands there; of a missing key: the block that lacks it
    message: str  # of a check that the class makes itself, else pydantic's

    @classmethod
    def of(cls, error: Any, root: Node) -> "_Finding":
        path, node = _without_branches(error["loc"], root)
        if error["type"] == "missing" and isinstance(node.value, dict):
            path = (*path, error["loc"][-1])
        context = error.get("ctx", {})
        own = context.get("error")
        kind = "key" if error["loc"][-1:] == ("[key]",) else error["type"]
        if kind in _TAGS:  # the fault is in the key that tells blocks apart
            tag = context["discriminator"].strip("'")
            kind, path, node = _TAGS[kind], (*path, tag), node.child(tag) or node
        return cls(kind, path, node, str(own or error["msg"]))


def _without_branches(loc: KeyPath, root: Node) -> tuple[KeyPath, Node]:
    """The path that pydantic means: its own also names the branches of unions."""
    path: KeyPath = ()
    node = root
    for part in loc:
        child = node.child(part)
        if child is not None:
            node, path = child, (*path, part)
    return path, node


def _deepest(found: list[_Finding]) -> list[_Finding]:
    """One finding a key, and none for a block in which a key is wrong: that says it better."""
    by_path = {each.path: each for each in reversed(found)}
    within = {each.path[:length] for each in found for length in range(len(each.path))}
    return [each for path, each in reversed(by_path.items()) if path not in within]


def _fault(found: _Finding, about: _About, name: str, file: Place) -> Fault:
    path = (name, *found.path)
    if found.kind == "missing" and isinstance(found.node.value, dict):
        place = file if len(found.path) == 1 else found.node.place
        return Fault(place, path, _missing(found, about))
    if found.kind in ("extra_forbidden", "key"):
        known = keys(about.at(found.path[:-1]), about.schema)
        place = found.node.key or found.node.place
        return Fault(place, path, unknown_key(str(path[-1]), known))
    return Fault(found.node.place, path, _wrong(found, about))


def _missing(found: _Finding, about: _About) -> str:
    comment = comments_of(about.cls).get(str(found.path[0])) if len(found.path) == 1 else None
    wanted = expected(about.at(found.path), about.schema)
    return f"missing, expected {wanted}{f': {comment}' if comment else ''}"


def _wrong(found: _Finding, about: _About) -> str:
    if not found.path:  # a check of the class's own over all its keys
        return found.message
    value = found.node.plain()
    part, schema = about.at(found.path), about.schema
    if not part or found.kind in ("value_error", "assertion_error"):
        return f"found {shown(value)}: {found.message}"
    return f"found {shown(value)}, expected {expected(part, schema)}{_hint(value, part, schema)}"


def _hint(value: Any, part: Schema, schema: Schema) -> str:
    words = choices(part, schema)
    if isinstance(value, str):
        guess = nearest(value, words)
        return f".{guess}" if guess else ""
    texts = [each for each in branches(part, schema) if each.get("type") == "string"]
    if texts and not words and isinstance(value, (bool, int, float)):
        return " (put it in quotes)"
    return ""


def unknown_key(
    key: str, known: Collection[str], what: str = "key", guess: str | None = None
) -> str:
    """What to say about a key that is not one of the known ones."""
    hint = f" Did you mean {guess!r}?" if guess else nearest(key, known)
    return f"unknown {what}.{hint} Known: {', '.join(known) or 'none'}"
