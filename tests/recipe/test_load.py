"""Loading a recipe: where it is found, what it extends, what overrides it, what it becomes."""

import sys
from pathlib import Path

import pytest

from tests.recipe.conftest import GOOD, STAND_INS
from tests.recipe.stand_ins import Columns, Lstm, Outer, Pretrained, Sorting, Tagging
from toolkit.errors import RecipeError
from toolkit.recipe import find
from toolkit.recipe.load import load_recipe, shipped_recipes
from toolkit.recipe.schema import Evaluate, Train


def faults(*arguments, **options):
    with pytest.raises(RecipeError) as caught:
        load_recipe(*arguments, **options)
    return list(caught.value.faults)


def test_a_recipe_is_typed_blocks_with_every_default(write):
    recipe = load_recipe(write(GOOD))
    assert recipe.task == Tagging()
    assert recipe.model == Pretrained(checkpoint="bert-base-cased")
    assert recipe.data.dev == "dev.conll"
    assert recipe.train == Train(epochs=3, learning_rate=3e-5)
    assert recipe.evaluate == Evaluate()
    assert (recipe.run.name, recipe.run.folder) == ("ner", "runs")


def test_a_whole_number_will_do_for_a_float(write):
    rate = load_recipe(write(GOOD), "train.learning_rate=2").train.learning_rate
    assert rate == 2.0
    assert isinstance(rate, float)


def test_an_empty_block_is_one_of_defaults(write):
    assert load_recipe(write(GOOD + "evaluate:\n  # later\n")).evaluate == Evaluate()


def test_the_environment_is_left_to_the_readers(write):
    path = write(GOOD.replace("train.conll", "${TOOLKIT_DATA}/train.conll"))
    assert load_recipe(path).data.train == "${TOOLKIT_DATA}/train.conll"


def test_a_copy_differs_in_one_block_only(write):
    recipe = load_recipe(write(GOOD))
    other = recipe.model_copy(update={"task": Sorting()})
    assert other != recipe
    assert other.model_copy(update={"task": Tagging()}) == recipe


# where it is found


def test_a_name_is_looked_up_in_recipes_here(write):
    write(GOOD, "recipes/ner-bert.yaml")
    assert load_recipe("ner-bert").run.name == "ner-bert"


def test_a_name_is_looked_up_in_the_installation_after_here(write, monkeypatch, tmp_path):
    monkeypatch.setattr(find, "__file__", str(tmp_path / "site/toolkit/recipe/find.py"))
    write(GOOD, "site/recipes/a.yaml")
    write(GOOD, "site/recipes/b.yaml")
    write(GOOD.replace("epochs: 3", "epochs: 7"), "recipes/b.yaml")
    assert load_recipe("a").train.epochs == 3
    assert load_recipe("b").train.epochs == 7
    assert list(shipped_recipes()) == ["a", "b"]


def test_in_a_wheel_the_recipes_are_in_the_package(write, monkeypatch, tmp_path):
    monkeypatch.setattr(find, "__file__", str(tmp_path / "site/toolkit/recipe/find.py"))
    write(GOOD, "site/recipes/not-ours.yaml")
    write(GOOD, "site/toolkit/shipped_recipes/a.yaml")
    assert list(shipped_recipes()) == ["a"]


def test_an_unknown_name_is_one_line_with_the_nearest(write, monkeypatch, tmp_path):
    monkeypatch.setattr(find, "__file__", str(tmp_path / "site/toolkit/recipe/find.py"))
    write(GOOD, "recipes/ner-bert.yaml")
    write(GOOD, "recipes/ner-lstm.yaml")
    assert faults("ner-brt") == [
        "no recipe is called 'ner-brt'. Did you mean 'ner-bert'? Known: ner-bert, ner-lstm"
    ]


def test_no_recipe_at_all_is_said(write, monkeypatch, tmp_path):
    monkeypatch.setattr(find, "__file__", str(tmp_path / "site/toolkit/recipe/find.py"))
    write("", "x")
    assert faults("ner") == [
        "no recipe is called 'ner'. Known: none, neither here nor in the installation"
    ]


def test_a_path_that_is_none_is_one_line_with_the_nearest(write):
    write(GOOD, "mine/ner-bert.yaml")
    nearest = "no such file. Did you mean 'ner-bert.yaml'?"
    assert faults("mine/ner-brt.yaml") == [f"mine/ner-brt.yaml: {nearest}"]
    assert faults("mine/ner-bert") == [f"mine/ner-bert: {nearest}"]
    assert faults(Path("ner")) == ["ner: no such file"]
    assert faults("x" * 300 + ".yaml") == ["x" * 300 + ".yaml: no such file"]


def test_a_folder_is_no_recipe(write):
    write(GOOD, "mine/ner.yaml")
    assert faults(Path("mine")) == ["mine: cannot be read: is a directory"]


# the name of its run


def test_a_run_is_named_as_its_recipe_says(write):
    assert load_recipe(write(GOOD + "run: {name: other}\n")).run.name == "other"
    assert load_recipe("ner.yaml", "run.name=third").run.name == "third"


def test_a_file_whose_name_cannot_name_a_run_is_told_so(write):
    assert faults(write(GOOD, "my recipe.yaml")) == [
        "my recipe.yaml: run.name: found 'my recipe', expected up to 100 letters, digits, "
        "'.', '_' and '-', the first a letter or digit"
    ]


# extends


def test_an_extending_recipe_changes_key_by_key(write):
    write(GOOD + "evaluate: {resamples: 0}\n", "base.yaml")
    write("extends: base.yaml\ntrain:\n  epochs: 9\nevaluate:\n", "big.yaml")
    recipe = load_recipe("big.yaml")
    assert recipe.train == Train(epochs=9, learning_rate=3e-5)
    assert recipe.evaluate.resamples == 0
    assert recipe.run.name == "big"


def test_what_is_extended_is_looked_for_beside_the_file(write):
    write(GOOD, "mine/base.yaml")
    write("extends: base.yaml\n", "mine/big.yaml")
    write("extends: ../mine/base.yaml\n", "other/big.yaml")
    assert load_recipe("mine/big.yaml") == load_recipe("other/big.yaml")


def test_another_class_drops_the_keys_of_the_extended_one(write):
    write(GOOD, "base.yaml")
    write("extends: base.yaml\nmodel:\n  type: lstm\n  hidden: 7\n", "big.yaml")
    assert load_recipe("big.yaml").model == Lstm(hidden=7)


def test_the_same_class_keeps_the_keys_of_the_extended_one(write):
    write(GOOD, "base.yaml")
    write("extends: base.yaml\nmodel:\n  type: pretrained\n  dropout: 0.5\n", "big.yaml")
    assert load_recipe("big.yaml").model == Pretrained(checkpoint="bert-base-cased", dropout=0.5)


def test_the_value_of_a_key_is_taken_whole(write):
    write(GOOD.replace("data:\n", "data:\n  columns: {word: 1, tag: 2}\n"), "base.yaml")
    write("extends: base.yaml\ndata: {columns: {tag: 3}}\n", "big.yaml")
    assert load_recipe("big.yaml").data.columns == Columns(tag=3)


def test_faults_name_the_file_that_a_key_came_from(write):
    write(
        GOOD.replace("epochs: 3", "epochs: 0").replace("  checkpoint", "  chekpoint"), "base.yaml"
    )
    write("extends: base.yaml\ntrain:\n  seed: x\nevaluate:\n  metrics: f1\n", "big.yaml")
    known = "checkpoint, revision, dropout, layers, adapter"
    assert faults("big.yaml", "train.warmup=2") == [
        "big.yaml:3: train.seed: found 'x', "
        "expected a whole number of at least 0 and below 4294967296",
        "big.yaml:5: evaluate.metrics: unknown key. Did you mean 'metric'? "
        "Known: batch_size, batch_tokens, metric, resamples, confidence, extra, sets, source",
        "big.yaml: model.checkpoint: missing, expected text: a name on the Hub, or a folder",
        f"base.yaml:5: model.chekpoint: unknown key. Did you mean 'checkpoint'? Known: {known}",
        "base.yaml:11: train.epochs: found 0, expected a whole number of at least 1",
        "override train.warmup=2: train.warmup: found 2, expected a number from 0 to 1",
    ]


def test_only_one_level_is_extended(write):
    write("extends: c.yaml\n" + GOOD, "b.yaml")
    write("extends: b.yaml\n", "a.yaml")
    message = "an extended recipe cannot extend another, expected its keys in this file"
    assert faults("a.yaml") == [f"b.yaml:1: extends: {message}"]
    write("extends: a.yaml\n" + GOOD, "a.yaml")
    assert faults("a.yaml") == [f"a.yaml:1: extends: {message}"]


def test_an_extended_file_that_is_not_there_is_told_with_the_nearest(write):
    write(GOOD, "base.yaml")
    assert faults(write(GOOD + "extends: bsae.yaml\n")) == [
        "ner.yaml:13: extends: found 'bsae.yaml', no such file. Did you mean 'base.yaml'?"
    ]


@pytest.mark.parametrize("name", ['"a\\0b"', "x" * 300, "x/" * 3000, "''", "."])
def test_an_extended_file_with_an_odd_name_is_told(write, name):
    lines = faults(write(GOOD + f"extends: {name}\n"))
    assert len(lines) == 1
    assert lines[0].isprintable()


def test_extending_something_that_is_no_path_is_told_with_the_other_faults(write):
    assert faults(write(GOOD.replace("epochs: 3", "epochs: x") + "extends: [a.yaml]\n")) == [
        "ner.yaml:11: train.epochs: found 'x', expected a whole number of at least 1",
        "ner.yaml:13: extends: found ['a.yaml'], expected the path of a recipe",
    ]


def test_a_broken_extended_file_is_told_with_its_name(write):
    write("task: {\n", "base.yaml")
    assert faults(write("extends: base.yaml\n")) == ["base.yaml:2: expected a value"]


# overrides


def test_overrides_are_read_by_the_same_yaml(write):
    recipe = load_recipe(
        write(GOOD),
        "train.epochs=5",
        "train.learning_rate=1e-3",
        "model.checkpoint=roberta-base",
        "task.labels=[O, 'no', \"1\"]",
        "data.columns={word: 0, tag: 2}",
        "data.dev=",
        "evaluate.metric=a=b",
    )
    assert recipe.train == Train(epochs=5, learning_rate=1e-3)
    assert recipe.model == Pretrained(checkpoint="roberta-base")
    assert recipe.task == Tagging(labels=("O", "no", "1"))
    assert recipe.data.columns == Columns(word=0, tag=2)
    assert recipe.data.dev is None
    assert recipe.evaluate.metric == "a=b"


def test_an_override_may_reach_into_a_value(write):
    path = write(GOOD.replace("data:\n", "data:\n  columns: {word: 1, tag: 2}\n"))
    assert load_recipe(path, "data.columns.tag=3").data.columns == Columns(word=1, tag=3)


def test_the_later_override_wins(write):
    assert load_recipe(write(GOOD), "train.epochs=5", "train.epochs=6").train.epochs == 6


def test_an_override_of_a_whole_block_replaces_it(write):
    assert load_recipe(write(GOOD), "train={seed: 2}").train == Train(seed=2)


@pytest.mark.parametrize("order", [1, -1])
def test_an_override_to_another_class_drops_the_keys_of_the_first(write, order):
    overrides = ["model.type=lstm", "model.hidden=7"][::order]
    assert load_recipe(write(GOOD), *overrides).model == Lstm(hidden=7)


def test_an_override_to_the_same_class_keeps_its_keys(write):
    assert load_recipe(write(GOOD), "model.type=pretrained") == load_recipe("ner.yaml")


# code of one's own


def test_a_class_of_ones_own_is_taken_where_it_is_allowed(write):
    named = f"task.type={STAND_INS}:Tagging"
    assert load_recipe(write(GOOD), named, allow_code=["tests"]).task == Tagging()
    assert load_recipe("ner.yaml", named, allow_code=[STAND_INS]).task == Tagging()
    inner = f"task.type={STAND_INS}:Outer.Inner"
    assert load_recipe("ner.yaml", inner, allow_code=["tests"]).task == Outer.Inner()


MINE = f"from {STAND_INS} import Task\nclass Mine(Task):\n    level: int = 1\n"


@pytest.fixture
def mine(write, monkeypatch):
    """A module in the working directory, and the path and modules as they were afterwards."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    write(MINE, "my_own_task.py")
    write(GOOD.replace("tagging", "my_own_task:Mine\n  level: 2"))
    yield "ner.yaml"
    sys.modules.pop("my_own_task", None)


def test_allowed_code_is_found_in_the_working_directory(mine):
    assert load_recipe(mine, allow_code=["my_own_task"]).task.level == 2


def test_code_that_is_not_allowed_is_not_even_imported(mine):
    hint = "'my_own_task:Mine' is code of your own: allow it with --allow-code my_own_task"
    assert faults(mine) == [f"ner.yaml:2: task.type: {hint}"]
    assert "my_own_task" not in sys.modules


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("import not_installed_anywhere", ModuleNotFoundError),
        ("None.x", AttributeError),
        ("raise ValueError(1)", ValueError),
        ("1 +", SyntaxError),
    ],
)
def test_broken_code_of_ones_own_keeps_its_traceback(write, mine, code, error):
    write(code, "my_own_task.py")
    with pytest.raises(error):
        load_recipe(mine, allow_code=["my_own_task"])
