"""`evaluate.sets` and `evaluate.extra`: what a recipe may say, and what is wrong with it."""

import pytest
from jsonschema import Draft202012Validator

from tests.recipe.conftest import GOOD
from tests.recipe.stand_ins import Columns, Conll
from toolkit import registry
from toolkit.errors import RecipeError
from toolkit.recipe.dump import differences, dump_recipe
from toolkit.recipe.json_schema import schema
from toolkit.recipe.load import load_recipe
from toolkit.recipe.strict_yaml import read

SETS = GOOD.replace("  dev: dev.conll\n", "  dev: dev.conll\n  label_map: {X: O}\n") + "evaluate:\n"


@pytest.fixture
def other_format(monkeypatch):
    """A second format, `rows`, so that a set may have another one."""
    addresses = {**registry.BUILT_IN["data"], "rows": "toolkit.data.conll:Conllu"}
    monkeypatch.setitem(registry.BUILT_IN, "data", addresses)


def faults(path, *overrides, **options):
    with pytest.raises(RecipeError) as caught:
        load_recipe(path, *overrides, **options)
    return list(caught.value.faults)


def test_a_set_is_the_data_block_but_for_the_keys_that_it_gives(write):
    text = SETS + "  sets:\n    de: {test: de.conll}\n    zh: {test: zh.conll, label_map: {}}\n"
    sets = load_recipe(write(text)).evaluate.sets
    assert {name: data.test for name, data in sets.items()} == {"de": "de.conll", "zh": "zh.conll"}
    assert sets["de"].label_map == {"X": "O"}
    assert sets["zh"].label_map == {}
    assert sets["de"].dev is None


def test_a_set_may_leave_its_test_to_the_data_block(write):
    text = SETS.replace("  dev:", "  test: test.conll\n  dev:")
    sets = load_recipe(write(text + "  sets: {de: {columns: {tag: 1}}}\n")).evaluate.sets
    assert sets["de"].test == "test.conll"
    assert sets["de"].columns == Columns(tag=1)


def test_a_set_of_another_format_starts_from_an_empty_block(write, other_format):
    text = SETS + "  sets: {de: {format: rows, test: de.conllu}}\n"
    data = load_recipe(write(text)).evaluate.sets["de"]
    assert type(data).__name__ == "Conllu"
    assert data.label_map == {}


def test_an_override_reaches_into_a_set(write):
    path = write(SETS + "  sets: {de: {test: de.conll}}\n")
    sets = load_recipe(path, "evaluate.sets.de.test=x", "evaluate.sets.zh.test=y").evaluate.sets
    assert {name: data.test for name, data in sets.items()} == {"de": "x", "zh": "y"}


def test_a_filled_recipe_has_the_sets_whole_and_loads_as_the_same(write, other_format):
    text = SETS + "  sets: {de: {test: d}, zh: {format: rows, test: z}}\n  source: de\n"
    recipe = load_recipe(write(text))
    filled = dump_recipe(recipe)
    assert "    zh:\n      format: rows\n      test: z\n" in filled
    assert load_recipe(write(filled, "other.yaml"), "run.name=ner") == recipe
    Draft202012Validator(schema()).validate(read(filled, "x").root.plain())


def test_what_differs_is_said_of_the_set_that_it_is_in(write):
    path = write(SETS + "  sets: {de: {test: d}, zh: {test: z}}\n")
    stored, new = load_recipe(path), load_recipe(path, "evaluate.sets.zh.test=other")
    assert differences(stored, new) == ["evaluate.sets.zh.test: 'z' in the run, 'other' now"]
    fewer = load_recipe(write(SETS + "  sets: {de: {test: d}}\n", "fewer.yaml"))
    (line,) = differences(stored, fewer)
    assert line.startswith("evaluate.sets.zh: {format: 'conll', test: 'z'")
    assert line.endswith("in the run, not given now")


WRONG = [
    ("[a]", "evaluate.sets: found ['a'], expected a block of keys, the name of a set each"),
    ("{de: d.conll}", "evaluate.sets.de: found 'd.conll', expected a block of keys, such as test"),
    ("{test: {test: x}}", "evaluate.sets.test: expected another name: it is that of a split"),
    (
        "{a/b: {test: x}}",
        "evaluate.sets.'a/b': expected a name of up to 100 letters, digits, '.', '_' and '-'",
    ),
    (
        "{de: {dev: x}}",
        "evaluate.sets.de.dev: a set is only scored: its source is named by test",
    ),
    ("{de: {}}", "evaluate.sets.de: found no key, expected those that differ from data"),
    ("{de: {columns: {tag: 1}}}", "evaluate.sets.de.test: missing, expected the source to score"),
    (
        "{de: {test: 3}}",
        "evaluate.sets.de.test: found 3, expected text or null (put it in quotes)",
    ),
    (
        "{de: {test: x, columns: {word: 2, tag: 2}}}",
        "evaluate.sets.de.columns.tag: found 2, expected another column than that of word",
    ),
]


@pytest.mark.parametrize(("sets", "fault"), WRONG, ids=[sets for sets, _ in WRONG])
def test_a_wrong_set_is_told_with_its_line(write, sets, fault):
    assert faults(write(SETS + f"  sets: {sets}\n")) == [f"ner.yaml:15: {fault}"]


def test_every_wrong_set_is_told_at_once_and_a_wrong_data_block_once(write):
    path = write(SETS + "  sets:\n    de: {test: d, encoding: x}\n    zh: {test: z}\n")
    told = faults(path, "data.by_kind={word: x}")
    assert [line.partition(": found")[0] for line in told] == [
        "ner.yaml:16: evaluate.sets.de.encoding",
        "override data.by_kind={word: x}: data.by_kind.word",
    ]


def test_what_is_inherited_and_wrong_only_in_a_set_is_told(write, monkeypatch):
    def odd(self):
        return [("label_map", "odd")] if self.test == "de" else []

    monkeypatch.setattr(Conll, "faults", odd)
    assert faults(write(SETS + "  sets: {de: {test: de}}\n")) == [
        "ner.yaml:15: evaluate.sets.de.label_map: odd".replace(":15:", ":10:")
    ]


def test_the_source_of_the_gaps_is_a_split_or_a_set(write):
    path = write(SETS + "  sets: {de: {test: d}}\n  source: en\n")
    assert faults(path) == [
        "ner.yaml:16: evaluate.source: found 'en', expected one of dev, de",
    ]


@pytest.mark.parametrize(
    "wrong",
    ["{de: {test: 3}}", "{test: {test: x}}", "{de: {}}", "{de: {train: x}}", "{de: {tset: x}}"],
)
def test_the_schema_refuses_what_the_loader_refuses(wrong, write):
    text = SETS + f"  sets: {wrong}\n"
    assert faults(write(text))
    # the schema does not know which format a set without one has: its keys are those of any
    assert list(Draft202012Validator(schema()).iter_errors(read(text, "x").root.plain()))


EXTRA = GOOD + "evaluate:\n  extra:\n    - {module: ./my_metric.py, arguments: {average: macro}}\n"


def test_code_of_ones_own_has_to_be_allowed(write):
    path = write(EXTRA)
    assert faults(path) == [
        "ner.yaml:15: evaluate.extra[0].module: './my_metric.py' is code of your own: allow it "
        "with --allow-code my_metric"
    ]
    (extra,) = load_recipe(path, allow_code=("my_metric",)).evaluate.extra
    assert extra.arguments == {"average": "macro"}


def test_code_of_the_hub_has_to_be_allowed_by_the_recipe_and_by_the_user(write):
    path = write(GOOD + "evaluate: {extra: [{module: exact_match, from_hub: true}]}\n")
    assert faults(path) == [
        "ner.yaml:13: evaluate.extra[0].module: 'exact_match' is code of the Hub: allow it with "
        "--allow-code exact_match"
    ]
    (extra,) = load_recipe(path, allow_code=("exact_match",)).evaluate.extra
    assert extra.hub_name == "evaluate-metric/exact_match"


def test_extra_metrics_survive_the_filled_recipe(write):
    recipe = load_recipe(write(EXTRA), allow_code=("my_metric",))
    again = load_recipe(
        write(dump_recipe(recipe), "b.yaml"), "run.name=ner", allow_code=("my_metric",)
    )
    assert again == recipe
