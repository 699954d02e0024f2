"""Files that are no recipes, attacks, wrong overrides: a line a fault, never another exception."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.recipe.conftest import GOOD
from tests.recipe.wrong import (
    ALONE,
    BLOCKS,
    OWN,
    TRAIN_KEYS,
    Wrong,
    assert_told,
    changed,
    trained,
    with_keys,
)
from toolkit.errors import RecipeError
from toolkit.recipe.load import load_recipe

FILES = [
    Wrong("nothing", "", [f"ner.yaml:1: found nothing, expected the blocks {BLOCKS}"]),
    Wrong("comments", "# later\n", [f"ner.yaml:1: found nothing, expected the blocks {BLOCKS}"]),
    Wrong("a list", "- task\n", [f"ner.yaml:1: found ['task'], expected the blocks {BLOCKS}"]),
    Wrong("prose", "fine-tune bert\n",
          [f"ner.yaml:1: found 'fine-tune bert', expected the blocks {BLOCKS}"]),
    Wrong("an empty block of blocks", "{}",
          [f"ner.yaml: task.type: missing, expected tagging, sorting or {OWN}",
           f"ner.yaml: model.type: missing, expected pretrained, lstm or {OWN}",
           f"ner.yaml: data.format: missing, expected conll or {OWN}"]),
    Wrong("a tab", changed("  epochs", "\tepochs"), ["ner.yaml:11: a tab, expected spaces"]),
    Wrong("an open quote", changed("bert-base-cased", "'bert-base-cased"),
          ["ner.yaml:5: a quote that is not closed"]),
    Wrong("an odd indent", changed("  epochs", "   epochs"),
          ["ner.yaml:12: is indented unlike the lines around it"]),
    Wrong("two documents", GOOD + "---\n" + GOOD,
          ["ner.yaml:13: a second document, expected one"]),
    Wrong("bytes", GOOD.encode() + b"# caf\xe9\n", ["ner.yaml:13: byte 0xe9 is not UTF-8"]),
    Wrong("a control character", GOOD + "# \x00\n",
          ["ner.yaml:13: character U+0000 is not allowed"]),
    Wrong("an image", b"\x89PNG\r\n\x1a\n", ["ner.yaml:1: byte 0x89 is not UTF-8"]),
]  # fmt: skip

LAUGHS = "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9))
HOSTILE = [
    Wrong("an alias bomb", f"a0: &a0 [lol]\n{LAUGHS}\n" + GOOD,
          [f"ner.yaml:1: a0: found the anchor &a0, {ALONE}",
           *(line
             for n in range(1, 9)
             for line in [
                 f"ner.yaml:{n + 1}: a{n}: found the anchor &a{n}, {ALONE}",
                 *(f"ner.yaml:{n + 1}: a{n}[{i}]: found the alias *a{n - 1}, {ALONE}"
                   for i in range(9))])]),
    Wrong("code in a tag", changed("epochs: 3", "epochs: !!python/object/apply:os.system [ls]"),
          ["ner.yaml:11: train.epochs: "
           f"found the tag !!python/object/apply:os.system, {ALONE}"]),
    Wrong("a tag of one's own", changed("epochs: 3", "epochs: !env EPOCHS"),
          [f"ner.yaml:11: train.epochs: found the tag !env, {ALONE}"]),
    Wrong("a block behind an alias",
          changed("task:\n  type: tagging", "x: &t {type: tagging}\ntask: *t"),
          [f"ner.yaml:1: x: found the anchor &t, {ALONE}",
           f"ner.yaml:2: task: found the alias *t, {ALONE}"]),
    Wrong("deep lists", "a: " + "[" * 5000, ["ner.yaml:1: more than 20 levels deep"]),
    Wrong("deep blocks", "{a: " * 5000, ["ner.yaml:1: more than 20 levels deep"]),
    Wrong("deep keys", "? " * 5000, ["ner.yaml:1: more than 20 levels deep"]),
    Wrong("a huge number", trained(f"seed: {'9' * 10_000}", "epochs: 99999999999999999999"),
          [f"ner.yaml:11: train.seed: found {'9' * 79}…, expected a number of at most 64 bits",
           "ner.yaml:12: train.epochs: found 99999999999999999999, "
           "expected a number of at most 64 bits"]),
    Wrong("a huge exponent", trained("learning_rate: 1e-999999999"),
          ["ner.yaml:11: train.learning_rate: found 0.0, expected a number above 0"]),
    Wrong("half a character", changed("bert-base-cased", '"\\udc80"'),
          ["ner.yaml:5: model.checkpoint: an escape for half a character, "
           "expected the character itself"]),
    Wrong("a name that leaves the folder", GOOD + "run:\n  name: ../../etc\n",
          ["ner.yaml:14: run.name: found '../../etc', expected up to 100 letters, digits, "
           "'.', '_' and '-', the first a letter or digit"]),
    Wrong("a name with a line break behind it", GOOD + 'run:\n  name: "ner\\n"\n',
          [r"ner.yaml:14: run.name: found 'ner\n', expected up to 100 letters, digits, "
           "'.', '_' and '-', the first a letter or digit"]),
    Wrong("a key with a line break", with_keys("task", '"a\\nb": 1'),
          [r"ner.yaml:2: task.'a\nb': unknown key. Known: labels, scheme, weights, closed"]),
    Wrong("a very long key", with_keys("task", f"{'k' * 500}: 1"),
          [f"ner.yaml:2: task.'{'k' * 78}…: unknown key. Known: labels, scheme, weights, closed"]),
    Wrong("a very long name", changed("tagging", "t" * 500),
          [f"ner.yaml:2: task.type: no task is called '{'t' * 80}…'. "
           "Known: tagging, sorting; or name your own as package.module:Name"]),
]  # fmt: skip

OVERRIDES = [
    Wrong("a wrong value from outside", GOOD,
          ["override train.epochs=three: train.epochs: "
           "found 'three', expected a whole number of at least 1"], ("train.epochs=three",)),
    Wrong("an unknown key from outside", GOOD,
          ["override train.epoch=3: train.epoch: unknown key. Did you mean 'epochs'? Known: "
           + TRAIN_KEYS], ("train.epoch=3",)),
    Wrong("an unknown block from outside", GOOD,
          ["override trian.epochs=3: trian: unknown block. Did you mean 'train'? "
           f"Known: {BLOCKS}, extends"], ("trian.epochs=3",)),
    Wrong("a key without its block from outside", GOOD,
          ["override epochs=3: epochs: unknown block. Did you mean 'train.epochs'? "
           f"Known: {BLOCKS}, extends"], ("epochs=3",)),
    Wrong("no equals sign", GOOD,
          ["override train.epochs: expected key=value, such as train.epochs=5"],
          ("train.epochs",)),
    Wrong("no key", GOOD, ["override =5: expected key=value, such as train.epochs=5"], ("=5",)),
    Wrong("half a key", GOOD,
          ["override train.=5: expected key=value, such as train.epochs=5"], ("train.=5",)),
    Wrong("a path without end", GOOD,
          [f"override {'a.' * 39}a…: expected key=value, such as train.epochs=5"],
          ("a." * 5000 + "a=1",)),
    Wrong("broken YAML from outside", GOOD,
          ["override task.labels=[O: task.labels: a list that is not closed, expected ',' or ']'"],
          ("task.labels=[O",)),
    Wrong("an alias from outside", GOOD,
          [f"override train.epochs=*x: train.epochs: found the alias *x, {ALONE}"],
          ("train.epochs=*x",)),
    Wrong("nothing from outside", GOOD,
          ["override train.epochs=: train.epochs: "
           "found null, expected a whole number of at least 1"], ("train.epochs=",)),
    Wrong("an item of a list from outside", GOOD,
          ["override task.labels.0=O: task.labels: found {0: 'O'}, expected a list, each text"],
          ("task.labels.0=O",)),
    Wrong("an extended file from outside", GOOD,
          ["override extends=x.yaml: extends: works in a file, not as an override"],
          ("extends=x.yaml",)),
    Wrong("a line break from outside", GOOD,
          [r"override train.epochs=a\nb: train.epochs: found 'a b', "
           "expected a whole number of at least 1"], ("train.epochs=a\nb",)),
    Wrong("what is not UTF-8 from outside", GOOD,
          [r"override model.checkpoint=\udce9: model.checkpoint: character U+DCE9 is not allowed"],
          ("model.checkpoint=\udce9",)),
    Wrong("faults in the file and from outside, in this order", trained("epochs: 0"),
          ["ner.yaml:11: train.epochs: found 0, expected a whole number of at least 1",
           "override train.seed=x: train.seed: found 'x', "
           "expected a whole number of at least 0 and below 4294967296",
           "override task.closed=no: task.closed: found 'no', expected true or false"],
          ("train.seed=x", "task.closed=no")),
]  # fmt: skip

WRONG = [*FILES, *HOSTILE, *OVERRIDES]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.name)
def test_a_wrong_recipe_is_told_what_is_wrong(wrong, write):
    assert_told(wrong, write(wrong.text))


NAMES = (
    "task", "model", "data", "train", "evaluate", "run", "extends", "type", "format", "epochs",
    "betas", "labels", "columns", "tag", "word", "checkpoint", "name", "precision", "metric",
    "label_map", "schedule", "weights", "by_kind", "learning_rate", "encoding",
)  # fmt: skip
KEYS = st.sampled_from(NAMES) | st.text(max_size=5)
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from(["tagging", "pretrained", "conll", "lstm", "os:system", ":", "a.b:", "auto"])
)  # fmt: skip
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=15,
)
BLOCK = st.dictionaries(KEYS, TREES, max_size=5)
RECIPES = st.fixed_dictionaries(
    {
        "task": BLOCK.map(lambda keys: {"type": "tagging", **keys}),
        "model": BLOCK.map(lambda keys: {"type": "pretrained", **keys}),
        "data": BLOCK.map(lambda keys: {"format": "conll", "train": "x", **keys}),
        "train": BLOCK,
    }
)
OVERRIDE = st.text(max_size=20) | st.builds("{}.{}={}".format, KEYS, KEYS, TREES)


def loads_or_is_told(text: str | bytes, path: str, *overrides: str) -> None:
    with open(path, "wb") as file:
        file.write(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)
    faults = ["none"]
    try:
        load_recipe(path, *overrides, allow_code=["tests.recipe.stand_ins"])
    except RecipeError as error:
        faults = list(error.faults)
    assert faults
    assert all(line.isprintable() for line in faults)


ONE_FILE = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50
)


@ONE_FILE
@given(st.binary() | st.text())
def test_any_file_is_a_recipe_or_told_what_is_wrong(write, content):
    loads_or_is_told(content, write(""))


@ONE_FILE
@given(TREES | RECIPES)
def test_any_tree_is_a_recipe_or_told_what_is_wrong(write, tree):
    loads_or_is_told(json.dumps(tree), write(""))


@ONE_FILE
@given(st.lists(OVERRIDE, max_size=3))
def test_any_override_is_taken_or_told_what_is_wrong(write, overrides):
    loads_or_is_told(GOOD, write(""), *overrides)


@ONE_FILE
@given(st.data())
def test_a_recipe_with_any_line_broken_is_a_recipe_or_told_what_is_wrong(write, data):
    at = data.draw(st.integers(0, len(GOOD)))
    cut = data.draw(st.integers(0, 5))
    loads_or_is_told(GOOD[:at] + data.draw(st.text(max_size=5)) + GOOD[at + cut :], write(""))
