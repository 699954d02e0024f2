"""The JSON Schema of a recipe, for editors: completion, hints and faults while one is typed.

`python -m toolkit.recipe.json_schema recipes/schema.json` writes it. What a key means is the
comment behind its field. A class that is not in the registry may have any keys.
"""

import json
import sys
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from toolkit.data.split import NAMES
from toolkit.recipe.block import Block
from toolkit.recipe.comments import comments_of
from toolkit.recipe.schema import BLOCKS, NAME_PATTERN, Evaluate, RunSettings, Train
from toolkit.recipe.sets import NOT_OF_A_SET
from toolkit.registry import BUILT_IN, SELECTOR, look_up

_FIXED: dict[str, type[Block]] = {"train": Train, "evaluate": Evaluate, "run": RunSettings}
_ABOUT = {
    "task": "What the problem is.",
    "model": "What reads the text.",
    "data": "Where the examples are.",
}
Json = dict[str, Any]


class _Described(GenerateJsonSchema):
    """With the comment behind each field as its description, and no titles made of names."""

    def model_schema(self, schema: core_schema.ModelSchema) -> Json:
        made = super().model_schema(schema)
        made.pop("title", None)
        made["description"] = _first_line(schema["cls"])
        for key, comment in comments_of(schema["cls"]).items():
            made["properties"][key]["description"] = comment
        return made

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def schema() -> Json:
    """The schema of a recipe file, draft 2020-12."""
    extends = {"type": "string", "description": "a recipe whose keys this one changes"}
    definitions: Json = {}
    blocks = {name: _block(name, definitions) for name in BLOCKS}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Recipe",
        "type": "object",
        "additionalProperties": False,
        "properties": {"extends": extends, **blocks},
        "if": {"required": ["extends"]},
        "else": {
            "required": list(SELECTOR),
            "properties": {name: _whole(name) for name in SELECTOR},
        },
        "$defs": definitions,
    }


def write(path: Path) -> None:
    """Write the schema to a file."""
    path.write_text(json.dumps(schema(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _block(name: str, definitions: Json) -> Json:
    """The keys that a block may have, whichever of them a recipe leaves to the one it extends."""
    if name in _FIXED:
        keys = _keys(_FIXED[name], definitions, name)
        if name == "evaluate":
            keys["properties"]["sets"] |= _sets()
        return _nullable(keys)
    key = SELECTOR[name]
    classes = {short: look_up(name, short) for short in BUILT_IN[name]}
    for short, cls in classes.items():
        keys = _keys(cls, definitions, short)
        definitions[short] = {**keys, "properties": {key: {}, **keys.get("properties", {})}}
    return _nullable(
        {
            "type": "object",
            "description": _ABOUT[name],
            "properties": {key: _selector(classes)},
            "allOf": [_if(key, short, {"$ref": f"#/$defs/{short}"}) for short in classes],
        }
    )


def _sets() -> Json:
    """What a set may hold: the keys of a data block but for those that are not scored."""
    key = SELECTOR["data"]
    classes = {short: look_up("data", short) for short in BUILT_IN["data"]}
    known = dict.fromkeys(field for cls in classes.values() for field in cls.model_fields)
    unused = dict.fromkeys(NOT_OF_A_SET, False)
    return {
        "propertyNames": {"pattern": NAME_PATTERN, "not": {"enum": list(NAMES)}},
        "additionalProperties": {
            "type": "object",
            "minProperties": 1,
            "properties": {key: _selector(classes), "test": {"type": "string"}, **unused},
            "allOf": [_if(key, short, {"$ref": f"#/$defs/{short}"}) for short in classes],
            "if": {"not": {"required": [key]}},
            "then": {"propertyNames": {"enum": list(known)}},
        },
    }


def _whole(name: str) -> Json:
    """The keys that a block must have, where there is nothing that it could have them from."""
    key = SELECTOR[name]
    required = {short: _required(look_up(name, short)) for short in BUILT_IN[name]}
    rules = [_if(key, short, {"required": keys}) for short, keys in required.items() if keys]
    return {"type": "object", "required": [key], **({"allOf": rules} if rules else {})}


def _selector(classes: dict[str, type[Block]]) -> Json:
    built_in = [{"const": short, "description": _first_line(cls)} for short, cls in classes.items()]
    own = {"type": "string", "pattern": ":", "description": "your own package.module:Name"}
    return {"anyOf": [*built_in, own]}


def _if(key: str, value: str, then: Json) -> Json:
    condition = {"properties": {key: {"const": value}}, "required": [key]}
    return {"if": condition, "then": then}


def _keys(cls: type[Block], definitions: Json, name: str) -> Json:
    """The keys that a class may have, its nested blocks put into `definitions`."""
    reference = f"#/$defs/{name}.{{model}}"
    made = cls.model_json_schema(schema_generator=_Described, ref_template=reference)
    for inner, part in made.pop("$defs", {}).items():
        definitions[f"{name}.{inner}"] = part
    made.pop("required", None)
    return made


def _nullable(block: Json) -> Json:
    return {**block, "type": ["object", "null"]}


def _required(cls: type[Block]) -> list[str]:
    return [key for key, field in cls.model_fields.items() if field.is_required()]


def _first_line(cls: type[Block]) -> str:
    return (cls.__doc__ or cls.__name__).strip().partition("\n")[0]


if __name__ == "__main__":
    write(Path(sys.argv[1]))
