"""Every shipped recipe loads, and so does what it is filled to; it agrees with the schema."""

import json
from pathlib import Path

import jsonschema
import pytest

from toolkit import load_recipe
from toolkit.recipe.dump import dump_recipe
from toolkit.recipe.json_schema import schema
from toolkit.recipe.strict_yaml import read_file

RECIPES = Path(__file__).parents[1] / "recipes"
FILES = sorted(RECIPES.glob("*.yaml"))
NAMES = [path.stem for path in FILES]


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_it_loads_and_so_does_what_it_is_filled_to(path, tmp_path):
    recipe = load_recipe(path)
    assert recipe.run.name == path.stem
    (tmp_path / "filled.yaml").write_text(dump_recipe(recipe), encoding="utf-8")
    assert load_recipe(tmp_path / "filled.yaml") == recipe


@pytest.fixture(scope="module")
def validator():
    """The schema, which takes a second to make and to check."""
    made = schema()
    kind = jsonschema.validators.validator_for(made)
    kind.check_schema(made)
    return kind(made)


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_it_agrees_with_the_schema_that_its_first_line_names(path, validator):
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=schema.json\n# ")
    validator.validate(read_file(path).root.plain())


def test_the_schema_file_is_current():
    stored = json.loads((RECIPES / "schema.json").read_text(encoding="utf-8"))
    assert stored == schema(), "make schema writes it anew"
