"""What a key of a block may hold, in plain English.

Read off the JSON Schema that pydantic makes of the block's class, so that a message names the
range and the choices and not only the type, for our classes and for users' own.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from toolkit.recipe.marks import KeyPath, shown

Schema = Mapping[str, Any]
_ONE = {
    "boolean": "true or false",
    "null": "null",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "array": "a list",
    "object": "a block of keys",
}
_BOUNDS = (
    ("minimum", "of at least"),
    ("exclusiveMinimum", "above"),
    ("maximum", "of at most"),
    ("exclusiveMaximum", "below"),
)


def part_at(schema: Schema, path: KeyPath, value: Any = None) -> Schema:
    """The part of a class's schema that describes what stands at `path`; empty where none does.

    `value` is what stands in the place of the whole: of blocks that a key tells apart, such as
    `type`, it is the one that the value names.
    """
    part = schema
    for key in path:
        options = _named_by(value, branches(part, schema))
        inner = [found for option in options if (found := _inner(option, key)) is not None]
        part = inner[0] if len(inner) == 1 else {"anyOf": inner} if inner else {}
        value = _item(value, key)
    options = branches(part, schema)
    named = _named_by(value, options)
    return part if named is options else named[0]


def branches(part: Schema, schema: Schema) -> list[Schema]:
    """What a value may be one of: references followed, unions spread out."""
    if "$ref" in part:
        name = part["$ref"].rpartition("/")[2]
        return branches(schema["$defs"][name], schema)
    options = part.get("anyOf") or part.get("oneOf") or part.get("allOf")
    if options:
        return [branch for option in options for branch in branches(option, schema)]
    return [part]


def expected(part: Schema, schema: Schema) -> str:
    """`a whole number of at least 1, or null`."""
    options = branches(part, schema)
    words = [shown(value) for option in options for value in _values(option)]
    if tag := _tag_of(options):
        names = [shown(option["properties"][tag]["const"]) for option in _blocks(options)]
        kinds = [_one(option, schema) for option in options if option not in _blocks(options)]
        return _either([f"a block with {tag}: {_either(names)}", *kinds])
    kinds = [_one(option, schema) for option in options if not _values(option)]
    return _either(list(dict.fromkeys([*([_either(words)] if words else []), *kinds])))


def choices(part: Schema, schema: Schema) -> list[str]:
    """The words that may stand there, where only certain ones may."""
    found = [word for option in branches(part, schema) for word in _values(option)]
    return [word for word in found if isinstance(word, str)]


def keys(part: Schema, schema: Schema) -> list[str]:
    """The keys that a block may have, where only certain ones may."""
    known: dict[str, None] = {}
    for option in branches(part, schema):
        known |= dict.fromkeys(option.get("properties", {}))
        known |= dict.fromkeys(choices(option.get("propertyNames", {}), schema))
    return list(known)


def _blocks(options: Sequence[Schema]) -> list[Schema]:
    return [option for option in options if "properties" in option]


def _tag_of(options: Sequence[Schema]) -> str | None:
    """The key that tells blocks apart: it has one value in each."""
    blocks = _blocks(options)
    if len(blocks) < 2:
        return None
    fixed = [
        {key for key, inner in block["properties"].items() if "const" in inner} for block in blocks
    ]
    return min(set.intersection(*fixed), default=None)


def _named_by(value: Any, options: list[Schema]) -> list[Schema]:
    """The block that a value names, by the key that tells blocks apart; all where it names none."""
    tag = _tag_of(options)
    if tag is None:
        return options
    name = _item(value, tag)
    named = [option for option in _blocks(options) if option["properties"][tag]["const"] == name]
    return named or options


def _item(value: Any, key: str | int | None) -> Any:
    if isinstance(value, dict):
        return value.get(key)
    is_place = isinstance(value, list) and isinstance(key, int) and key < len(value)
    return value[key] if is_place else None


def _inner(option: Schema, key: str | int) -> Schema | None:
    found: Any
    if isinstance(key, str):
        found = option.get("properties", {}).get(key, option.get("additionalProperties"))
    else:
        fixed = option.get("prefixItems", [])
        found = fixed[key] if key < len(fixed) else option.get("items")
    return found if isinstance(found, Mapping) else None


def _values(option: Schema) -> Sequence[Any]:
    values: Sequence[Any] = [option["const"]] if "const" in option else option.get("enum", [])
    return values


def _either(phrases: Sequence[str], last: str = " or ") -> str:
    """`a, b or c`; a comma before the `or` where a phrase has an `or` or comma of its own."""
    if len(phrases) == 1:
        return phrases[0]
    if any(" " in phrase for phrase in phrases):
        last = f",{last}"
    return f"{', '.join(phrases[:-1])}{last}{phrases[-1]}"


def _one(option: Schema, schema: Schema) -> str:
    kind = option.get("type")
    if kind == "array":
        return _list(option, schema)
    if kind == "object":
        return _block(option, schema)
    if "pattern" in option:
        return str(option.get("description") or f"text that matches {option['pattern']}")
    return _bounded(_ONE.get(str(kind), "something else"), option)


def _bounded(phrase: str, option: Schema) -> str:
    bounds = [f"{words} {shown(option[key])}" for key, words in _BOUNDS if key in option]
    if "minLength" in option:
        bounds.append(f"of {option['minLength']} or more characters")
    if "maxLength" in option:
        bounds.append(f"of up to {option['maxLength']} characters")
    if "multipleOf" in option:
        bounds.append(f"that {option['multipleOf']} divides")
    if "minimum" in option and "maximum" in option:
        bounds[:2] = [f"from {shown(option['minimum'])} to {shown(option['maximum'])}"]
    return " ".join([phrase, " and ".join(bounds)]).rstrip()


def _list(option: Schema, schema: Schema) -> str:
    fixed = [expected(item, schema) for item in option.get("prefixItems", [])]
    if fixed and len(set(fixed)) > 1:
        return f"a list of {len(fixed)}: {'; '.join(fixed)}"
    if fixed:
        return f"a list of {len(fixed)}, each {fixed[0]}"
    size = f" of {option['minItems']} or more" if option.get("minItems") else ""
    items = option.get("items")
    return f"a list{size}, each {expected(items, schema)}" if items else f"a list{size}"


def _block(option: Schema, schema: Schema) -> str:
    if names := ", ".join(option.get("properties", {})):
        return f"a block with the keys {names}"
    values = option.get("additionalProperties")
    if isinstance(values, Mapping) and values:
        return f"a block of keys, each with {expected(values, schema)}"
    return _ONE["object"]
