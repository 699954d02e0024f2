"""The JSON Schema for editors: it takes what the loader takes, and explains every key."""

import json

import pytest
from jsonschema import Draft202012Validator

from tests.recipe.conftest import GOOD
from toolkit.recipe.comments import comments_of
from toolkit.recipe.dump import dump_recipe
from toolkit.recipe.json_schema import schema, write
from toolkit.recipe.load import load_recipe
from toolkit.recipe.schema import Train
from toolkit.recipe.strict_yaml import read


@pytest.fixture
def validator():
    made = schema()
    Draft202012Validator.check_schema(made)
    return Draft202012Validator(made)


def told(validator, text):
    """The paths of what the schema finds wrong."""
    errors = validator.iter_errors(read(text, "ner.yaml").root.plain())
    return sorted(".".join(map(str, error.absolute_path)) for error in errors)


def test_a_good_recipe_is_good(validator):
    assert told(validator, GOOD) == []


def test_a_filled_recipe_is_good(validator, write):
    assert told(validator, dump_recipe(load_recipe(write(GOOD)))) == []


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (("epochs: 3", "epochs: three"), "train.epochs"),
        (("epochs: 3", "epochs: 0"), "train.epochs"),
        (("epochs: 3", "precision: bf61"), "train.precision"),
        (("epochs: 3", "epoch: 3"), "train"),
        (("type: tagging", "type: taging"), "task.type"),
        (("type: tagging", "labels: [O]"), "task"),
        (("type: tagging", "type: tagging\n  lables: [O]"), "task"),
        (("  checkpoint: bert-base-cased\n", ""), "model"),
        (("type: pretrained", "type: lstm"), "model"),
        (("  train: train.conll\n", ""), "data"),
        (("format: conll", "format: conll\n  columns: {wrod: 1, tag: 2}"), "data.columns"),
        (("train:\n  epochs", "trian:\n  epochs"), ""),
    ],
)
def test_a_wrong_recipe_is_wrong_where_it_is(validator, change, path):
    assert change[0] in GOOD
    assert told(validator, GOOD.replace(*change)) == [path]


def test_a_class_of_ones_own_may_have_any_keys(validator):
    assert told(validator, GOOD.replace("type: tagging", "type: my.tasks:Mine\n  x: 1")) == []


def test_an_extending_recipe_needs_no_key_but_no_wrong_one_either(validator):
    assert told(validator, "extends: a.yaml\nmodel: {dropout: 0.2}\n") == []
    assert told(validator, "extends: a.yaml\nmodel: {type: lstm, dropout: 0.2}\n") == ["model"]
    assert told(validator, "extends: a.yaml\ntrain: {seed: x}\n") == ["train.seed"]


def test_an_empty_block_is_allowed(validator):
    assert told(validator, GOOD + "evaluate:\n") == []


def test_the_comment_behind_a_field_describes_it():
    definitions = schema()["$defs"]
    assert definitions["lstm"]["description"] == "Two directions, written out."
    assert definitions["lstm"]["properties"]["hidden"]["description"] == "of one direction"
    assert definitions["lstm"]["properties"]["cell"]["enum"] == ["lstm", "gru"]
    inherited = definitions["conll"]["properties"]["train"]
    assert inherited["description"] == "the split to learn from"
    inner = definitions["conll.Columns"]["properties"]["word"]
    assert inner == {"type": "integer", "default": 0, "description": "from 0"}


def test_every_key_of_the_fixed_blocks_is_described():
    for block in ("train", "evaluate", "run"):
        properties = schema()["properties"][block]["properties"]
        assert [key for key, about in properties.items() if "description" not in about] == []


def test_what_is_said_to_linters_is_no_comment():
    comments = comments_of(Train)
    assert set(comments) == set(Train.model_fields)
    assert comments["betas"] == "of AdamW"


def test_a_class_without_source_has_the_comments_that_it_inherits():
    made = type("Made", (Train,), {"__module__": "nowhere"})
    assert comments_of(made) == comments_of(Train)


def test_the_file_is_written_as_json(tmp_path):
    write(tmp_path / "schema.json")
    text = (tmp_path / "schema.json").read_text(encoding="utf-8")
    assert json.loads(text) == schema()
    assert text.endswith("}\n")
