"""Writing a recipe out: read again it is the same one; and what two recipes differ in."""

import math

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.recipe.conftest import GOOD, STAND_INS
from tests.recipe.stand_ins import Columns, Conll, Lstm, Outer, Pretrained, Sorting, Tagging
from toolkit.recipe.distill import Distill
from toolkit.recipe.dump import differences, dump_recipe, filled_from
from toolkit.recipe.load import load_recipe
from toolkit.recipe.schema import Evaluate, Recipe, RunSettings, Train

ODD = (
    "", " ", "no", "Yes", "on", "null", "~", "true", "1", "-1", "+1", "010", "1_000", "0x1F",
    "0o17", "1e3", "1e-3", "-.5", "5.", ".inf", ".NaN", "12:30", "2024-01-01", "=", "<<", "-",
    "- a", "?", "? a", ":", "O:", "a: b", "a :b", "#", "a #b", "#b", "[", "{a}", ",", "a, b", "&a",
    "*a", "!a", "!!str", "|", ">", "%a", "@a", "`a", "'", "''", '"', 'a"b', "\\", "\\n", "a\nb",
    "\n", " a", "a ", "\ta", "\u00a0", "\u0085", "\u2028", "\ufeff", "\x00", "\x7f", "😀", "é",
    "中", "---", "...", "--- a", "B-PER", "x" * 300, "x " * 150, "\u200b",
)  # fmt: skip
TEXTS = st.sampled_from(ODD) | st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
RATES = st.floats(min_value=0, exclude_min=True, allow_nan=False, allow_infinity=False)
SHARES = st.floats(0, 1, exclude_max=True)
COUNTS = st.integers(1, 2**62)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
TRAINS = st.builds(
    Train,
    epochs=COUNTS,
    learning_rate=RATES,
    head_learning_rate=RATES | st.none(),
    layer_decay=st.floats(0.1, 1) | st.none(),
    unfreeze_every=st.integers(1, 99) | st.just("epoch") | st.none(),
    betas=st.tuples(SHARES, SHARES),
    epsilon=RATES,
    warmup=SHARES,
    max_grad_norm=RATES | st.none(),
    precision=st.sampled_from(["auto", "bf16"]),
    seed=st.integers(0, 2**32 - 1),
    evaluate_every=COUNTS | st.none(),
)
TASKS = st.builds(
    Tagging,
    labels=st.lists(TEXTS, max_size=5).map(tuple),
    weights=st.dictionaries(TEXTS, FLOATS, max_size=3),
    closed=st.booleans(),
)
MODELS = st.builds(Pretrained, checkpoint=TEXTS, layers=st.lists(st.integers(0, 99)).map(tuple))
DATA = st.builds(
    Conll,
    train=st.just("train"),
    dev=TEXTS,
    columns=st.none() | st.builds(Columns, word=st.just(0), tag=COUNTS),
    label_map=st.dictionaries(TEXTS, TEXTS, max_size=3),
)
RECIPES = st.builds(
    Recipe, task=TASKS, model=MODELS, data=DATA, train=TRAINS, run=st.just(RunSettings(name="x"))
)


def reread(recipe, write, **options):
    return load_recipe(write(dump_recipe(recipe), "filled.yaml"), **options)


@pytest.fixture
def recipe(write):
    return load_recipe(write(GOOD))


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50
)
@given(RECIPES)
def test_what_is_written_is_read_again_as_the_same(write, recipe):
    assert reread(recipe, write) == recipe


@pytest.mark.parametrize("text", ODD)
def test_every_odd_text_survives_as_value_item_and_key(write, recipe, text):
    task = Tagging(labels=(text, "O"), weights={text: 1.0})
    model = Pretrained(checkpoint=text)
    odd = recipe.model_copy(update={"task": task, "model": model})
    assert reread(odd, write) == odd


@pytest.mark.parametrize("text", ODD)
def test_readers_of_yaml_1_1_read_the_same_texts(recipe, text):
    odd = recipe.model_copy(update={"task": Tagging(labels=(text,), weights={text: 1.0})})
    task = yaml.safe_load(dump_recipe(odd))["task"]
    assert task["labels"] == [text]
    assert task["weights"] == {text: 1.0}


@pytest.mark.parametrize("rate", [5e-5, 1e-300, 1e300, 5e-324, 0.1, 1.0, math.pi, 2e16, 123456.0])
def test_floats_are_read_again_exactly_by_any_reader(write, recipe, rate):
    other = recipe.model_copy(update={"train": Train(learning_rate=rate)})
    assert reread(other, write).train.learning_rate == rate
    assert yaml.safe_load(dump_recipe(other))["train"]["learning_rate"] == rate


def test_what_a_run_fills_in_within_a_block_is_no_difference_to_a_recipe_that_leaves_it_open(
    recipe,
):
    def with_hash(sha256, loss="mse"):
        distill = Distill(teacher="runs/t", teacher_sha256=sha256, loss=loss)
        return recipe.model_copy(
            update={"train": recipe.train.model_copy(update={"distill": distill})}
        )

    filled = with_hash("a" * 64)
    assert differences(filled, with_hash(None)) == []
    assert filled_from(with_hash(None), filled) == filled
    assert differences(filled, with_hash("b" * 64)) == [
        f"train.distill.teacher_sha256: '{'a' * 64}' in the run, '{'b' * 64}' now"
    ]
    assert differences(filled, with_hash(None, "kl")) == [
        "train.distill.loss: 'mse' in the run, 'kl' now"
    ]


def test_everything_is_written_out_what_selects_first(recipe):
    task = Tagging(labels=("O", "no", "1e3", "", "größe 😀"), weights={"O": 0.5})
    data = Conll(train="train.conll", dev="dev.conll", columns=Columns(tag=2))
    assert dump_recipe(recipe.model_copy(update={"task": task, "data": data})) == (
        """\
task:
  type: tagging
  labels: [O, 'no', '1e3', '', größe 😀]
  scheme: auto
  weights:
    O: 0.5
  closed: true

model:
  type: pretrained
  checkpoint: bert-base-cased
  revision: null
  dropout: 0.1
  layers: []
  adapter: null

data:
  format: conll
  train: train.conll
  dev: dev.conll
  test: null
  split: null
  take: null
  columns:
    word: 0
    tag: 2
  label_map: {}
  encoding: utf-8
  by_kind: {}

train:
  epochs: 3
  batch_size: 32
  learning_rate: 3.0e-05
  head_learning_rate: null
  layer_decay: null
  freeze:
    embeddings: false
    layers: 0
    names: []
  unfreeze_every: null
  gradient_checkpointing: false
  compact_vocabulary: true
  weight_decay: 0.01
  betas: [0.9, 0.999]
  epsilon: 1.0e-08
  schedule: linear
  warmup: 0.0
  max_grad_norm: 1.0
  precision: auto
  seed: 1
  micro_batches: null
  tokens_per_micro_batch: auto
  reproducible: null
  strategy: ddp
  threads: null
  evaluate_every: null
  checkpoint_every: null
  keep_checkpoints: 1
  on_nonfinite: stop
  patience: null
  distill: null

evaluate:
  batch_size: 256
  batch_tokens: 4096
  metric: null
  resamples: 1000
  confidence: 0.95
  extra: []
  sets: {}
  source: null

run:
  name: ner
  folder: runs
  stand_in: []
  track: []
"""
    )


def test_many_labels_are_written_on_several_lines(write, recipe):
    labels = tuple(f"B-SOME_LONG_LABEL_{number}" for number in range(60))
    long = recipe.model_copy(update={"task": Tagging(labels=labels)})
    assert max(map(len, dump_recipe(long).splitlines())) < 130
    assert reread(long, write) == long


def test_a_class_of_ones_own_is_written_with_its_address(write, recipe):
    own = recipe.model_copy(update={"task": Outer.Inner()})
    assert f"type: {STAND_INS}:Outer.Inner" in dump_recipe(own)
    assert reread(own, write, allow_code=["tests"]) == own


# which run is this

LABELS = ("O", "B-PER", "I-PER")


@pytest.fixture
def stored(recipe):
    """The recipe as a run leaves it, with what it learned and detected."""
    return recipe.model_copy(
        update={
            "task": Tagging(labels=LABELS),
            "model": recipe.model.model_copy(update={"revision": "4a5b"}),
            "train": recipe.train.model_copy(update={"precision": "bf16", "micro_batches": 4}),
        }
    )


def test_what_a_run_fills_in_is_no_difference(recipe, stored):
    assert differences(stored, recipe) == []
    assert differences(stored, stored) == []
    assert filled_from(recipe, stored) == stored


def test_each_key_that_differs_is_told(recipe, stored):
    new = recipe.model_copy(
        update={
            "task": Tagging(labels=("O",), closed=False),
            "train": Train(epochs=5, learning_rate=3e-5, precision="fp32"),
            "evaluate": Evaluate(metric="f1"),
        }
    )
    assert differences(stored, new) == [
        "task.labels: ['O', 'B-PER', 'I-PER'] in the run, ['O'] now",
        "task.closed: true in the run, false now",
        "train.epochs: 3 in the run, 5 now",
        "train.precision: 'bf16' in the run, 'fp32' now",
        "evaluate.metric: null in the run, 'f1' now",
    ]


def test_null_with_a_meaning_of_its_own_is_a_difference(recipe):
    stored = recipe.model_copy(update={"train": Train(learning_rate=3e-5, patience=3)})
    assert differences(stored, recipe) == ["train.patience: 3 in the run, null now"]


def test_what_becomes_of_steps_to_come_makes_no_other_run(recipe):
    stored = recipe.model_copy(update={"train": Train(learning_rate=3e-5)})
    asked = recipe.model_copy(update={"train": Train(learning_rate=3e-5, on_nonfinite="skip")})
    assert differences(stored, asked) == []
    assert filled_from(asked, stored).train.on_nonfinite == "skip"
    assert filled_from(recipe, stored) == recipe
    no_dev = recipe.model_copy(update={"data": Conll(train="train.conll")})
    assert differences(recipe, no_dev) == ["data.dev: 'dev.conll' in the run, null now"]


def test_who_keeps_the_weights_makes_no_other_run(recipe):
    shared = recipe.model_copy(update={"train": Train(learning_rate=3e-5, strategy="fsdp")})
    assert differences(recipe, shared) == differences(shared, recipe) == []
    assert filled_from(shared, recipe).train.strategy == "fsdp"


def test_of_another_class_only_the_name_is_told(recipe, stored):
    new = recipe.model_copy(update={"model": Lstm(hidden=3), "task": Sorting()})
    assert differences(stored, new) == [
        "task.type: 'tagging' in the run, 'sorting' now",
        "model.type: 'pretrained' in the run, 'lstm' now",
    ]


def test_where_the_run_lies_is_no_difference_but_a_stand_in_is(recipe, stored):
    run = RunSettings(name="other", folder="/elsewhere", stand_in=("data",))
    new = recipe.model_copy(update={"run": run})
    assert differences(stored, new) == ["run.stand_in: [] in the run, ['data'] now"]
    assert filled_from(new, stored).run == run
