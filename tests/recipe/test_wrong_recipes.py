"""Recipes with wrong keys and values, and exactly what a user is told: all faults at once."""

import pytest

from tests.recipe.conftest import GOOD, STAND_INS
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

TYPES = [
    Wrong("a word for a number", trained("epochs: three"),
          ["ner.yaml:11: train.epochs: found 'three', expected a whole number of at least 1"]),
    Wrong("a number in quotes", trained("epochs: '3'"),
          ["ner.yaml:11: train.epochs: found '3', expected a whole number of at least 1"]),
    Wrong("a fraction for a whole number", trained("epochs: 2.5"),
          ["ner.yaml:11: train.epochs: found 2.5, expected a whole number of at least 1"]),
    Wrong("a point in a whole number", trained("epochs: 3.0"),
          ["ner.yaml:11: train.epochs: found 3.0, expected a whole number of at least 1"]),
    Wrong("an exponent in a whole number", trained("evaluate_every: 1e3"),
          ["ner.yaml:11: train.evaluate_every: found 1000.0, "
           "expected a whole number of at least 1, or null"]),
    Wrong("true is not 1", trained("epochs: true"),
          ["ner.yaml:11: train.epochs: found true, expected a whole number of at least 1"]),
    Wrong("true is not 1.0", trained("learning_rate: true"),
          ["ner.yaml:11: train.learning_rate: found true, expected a number above 0"]),
    Wrong("zero behind a zero", trained("epochs: 010"),
          ["ner.yaml:11: train.epochs: found '010', expected a whole number of at least 1"]),
    Wrong("underscores in a number", trained("batch_size: 1_000"),
          ["ner.yaml:11: train.batch_size: found '1_000', expected a whole number of at least 1"]),
    Wrong("too small", trained("epochs: 0"),
          ["ner.yaml:11: train.epochs: found 0, expected a whole number of at least 1"]),
    Wrong("above only", trained("learning_rate: 0"),
          ["ner.yaml:11: train.learning_rate: found 0, expected a number above 0"]),
    Wrong("out of a range", trained("warmup: 10"),
          ["ner.yaml:11: train.warmup: found 10, expected a number from 0 to 1"]),
    Wrong("at the end of an open range", GOOD + "evaluate:\n  confidence: 1.0\n",
          ["ner.yaml:14: evaluate.confidence: found 1.0, expected a number above 0 and below 1"]),
    Wrong("too large a seed", trained("seed: 4294967296"),
          ["ner.yaml:11: train.seed: found 4294967296, "
           "expected a whole number of at least 0 and below 4294967296"]),
    Wrong("not divisible", changed("tagging", "sorting\n  labels_per_text: 3"),
          ["ner.yaml:3: task.labels_per_text: found 3, "
           "expected 'all', or a whole number that 2 divides"]),
    Wrong("infinity", trained("learning_rate: .inf"),
          ["ner.yaml:11: train.learning_rate: found .inf, expected a number above 0"]),
    Wrong("infinity in disguise", trained("learning_rate: 1e999"),
          ["ner.yaml:11: train.learning_rate: found .inf, expected a number above 0"]),
    Wrong("not a number", trained("max_grad_norm: .nan", "weight_decay: -.inf"),
          ["ner.yaml:11: train.max_grad_norm: found .nan, expected a number above 0, or null",
           "ner.yaml:12: train.weight_decay: found -.inf, expected a number of at least 0"]),
    Wrong("null where there is none", trained("epochs:", "learning_rate: null"),
          ["ner.yaml:11: train.epochs: found null, expected a whole number of at least 1",
           "ner.yaml:12: train.learning_rate: found null, expected a number above 0"]),
    Wrong("no is a word", with_keys("task", "closed: no"),
          ["ner.yaml:2: task.closed: found 'no', expected true or false"]),
    Wrong("a number for a switch", with_keys("task", "closed: 1"),
          ["ner.yaml:2: task.closed: found 1, expected true or false"]),
    Wrong("a number for a text", changed("bert-base-cased", "12e3"),
          ["ner.yaml:5: model.checkpoint: found 12000.0, expected text (put it in quotes)"]),
    Wrong("a switch for a text", GOOD + "run:\n  folder: true\n",
          ["ner.yaml:14: run.folder: found true, expected text (put it in quotes)"]),
    Wrong("not one of the choices", trained("precision: bf61"),
          ["ner.yaml:11: train.precision: found 'bf61', "
           "expected 'auto', 'fp32', 'bf16' or 'fp16'. Did you mean 'bf16'?"]),
    Wrong("a choice in capitals", trained("schedule: LINEAR"),
          ["ner.yaml:11: train.schedule: found 'LINEAR', "
           "expected 'linear', 'cosine' or 'constant'. Did you mean 'linear'?"]),
    Wrong("a number for a choice", trained("precision: 16"),
          ["ner.yaml:11: train.precision: found 16, expected 'auto', 'fp32', 'bf16' or 'fp16'"]),
    Wrong("choices in a union", with_keys("task", "scheme: iob"),
          ["ner.yaml:2: task.scheme: found 'iob', "
           "expected 'iob1', 'iob2' or 'auto'. Did you mean 'iob2'?"]),
    Wrong("a value for a list", with_keys("task", "labels: O"),
          ["ner.yaml:2: task.labels: found 'O', expected a list, each text"]),
    Wrong("a wrong item of a list", with_keys("task", "labels:", "- O", "- 1", "- null"),
          ["ner.yaml:4: task.labels[1]: found 1, expected text (put it in quotes)",
           "ner.yaml:5: task.labels[2]: found null, expected text"]),
    Wrong("a list that is too short", trained("betas: [0.9]"),
          ["ner.yaml:11: train.betas: found [0.9], "
           "expected a list of 2, each a number from 0 to 1"]),
    Wrong("a list that is too long", trained("betas: [0.9, 0.99, 0.999]"),
          ["ner.yaml:11: train.betas: found [0.9, 0.99, 0.999], "
           "expected a list of 2, each a number from 0 to 1"]),
    Wrong("a list for a block of keys", with_keys("task", "weights: [1, 2]"),
          ["ner.yaml:2: task.weights: found [1, 2], expected a block of keys, each with a number"]),
    Wrong("a wrong value in a block of keys", with_keys("task", "weights: {O: x}"),
          ["ner.yaml:2: task.weights.O: found 'x', expected a number"]),
    Wrong("a wrong key in a block of keys", with_keys("data", "by_kind: {wrod: 1}"),
          ["ner.yaml:7: data.by_kind.wrod: unknown key. Did you mean 'word'? Known: word, tag"]),
    Wrong("a text that is too short", with_keys("data", "encoding: u8"),
          ["ner.yaml:7: data.encoding: found 'u8', expected text of 3 or more characters"]),
    Wrong("what the class itself refuses", with_keys("data", "encoding: latin-1"),
          ["ner.yaml:7: data.encoding: found 'latin-1': no encoding that is read here"]),
    Wrong("a block of an unknown kind", with_keys("model", "adapter: {type: thn, share: 1}"),
          ["ner.yaml:4: model.adapter.type: found 'thn', expected 'narrow' or 'thin'. "
           "Did you mean 'thin'?"]),
    Wrong("a block of no kind", with_keys("model", "adapter:", "  share: 1"),
          ["ner.yaml:5: model.adapter.type: missing, expected 'narrow' or 'thin'"]),
    Wrong("a value for a block of some kind", with_keys("model", "adapter: 7"),
          ["ner.yaml:4: model.adapter: found 7, "
           "expected a block with type: 'narrow' or 'thin', or null"]),
    Wrong("a key of a block of another kind", with_keys("model", "adapter: {type: thin, rank: 0}"),
          ["ner.yaml:4: model.adapter.rank: unknown key. Known: type, share"]),
    Wrong("a value in a block of a kind", with_keys("model", "adapter: {type: narrow, rank: 0}"),
          ["ner.yaml:4: model.adapter.rank: found 0, expected a whole number of at least 1"]),
    Wrong("a long value", trained(f"epochs: {'x' * 200}"),
          [f"ner.yaml:11: train.epochs: found '{'x' * 78}…, "
           "expected a whole number of at least 1"]),
    Wrong("a value of many lines", trained("epochs: |", "  a", "  b"),
          [r"ner.yaml:11: train.epochs: found 'a\nb\n', expected a whole number of at least 1"]),
]  # fmt: skip

KEYS = [
    Wrong("a key that is misspelt", trained("epoch: 3"),
          ["ner.yaml:11: train.epoch: unknown key. Did you mean 'epochs'? Known: " + TRAIN_KEYS]),
    Wrong("a key that is nothing like a known one", with_keys("model", "zzz: 3"),
          ["ner.yaml:4: model.zzz: unknown key. Known: checkpoint, revision, dropout, layers, "
           "adapter"]),
    Wrong("a key of another class", with_keys("model", "hidden: 3"),
          ["ner.yaml:4: model.hidden: unknown key. Known: checkpoint, revision, dropout, layers, "
           "adapter"]),
    Wrong("a key in a block in a block", with_keys("data", "columns:", "  wrod: 0", "  tag: 1"),
          ["ner.yaml:8: data.columns.wrod: unknown key. Did you mean 'word'? Known: word, tag"]),
    Wrong("a merge key", with_keys("train", "<<: {epochs: 3}"),
          ["ner.yaml:11: train.'<<': unknown key. Known: " + TRAIN_KEYS]),
    Wrong("an empty key", with_keys("task", "'': 3"),
          ["ner.yaml:2: task.'': unknown key. Known: labels, scheme, weights, closed"]),
    Wrong("a key that is missing", changed("  checkpoint: bert-base-cased\n", ""),
          ["ner.yaml: model.checkpoint: missing, expected text: a name on the Hub, or a folder"]),
    Wrong("a key that is missing in a block in a block", with_keys("data", "columns: {word: 1}"),
          ["ner.yaml:7: data.columns.tag: missing, expected a whole number"]),
    Wrong("a name that is missing", changed("  type: tagging", "  labels: [O]"),
          [f"ner.yaml: task.type: missing, expected tagging, sorting or {OWN}"]),
    Wrong("a block that is missing", GOOD.partition("data:")[0],
          [f"ner.yaml: data.format: missing, expected conll or {OWN}"]),
    Wrong("a block that is empty", "task:\n" + GOOD.partition("tagging\n")[2],
          [f"ner.yaml: task.type: missing, expected tagging, sorting or {OWN}"]),
    Wrong("a block that is misspelt", GOOD.replace("train:\n", "trian:\n"),
          [f"ner.yaml:10: trian: unknown block. Did you mean 'train'? Known: {BLOCKS}, extends"]),
    Wrong("a ladder", GOOD + "rungs: {low: {}}\n",
          ["ner.yaml:13: rungs: a ladder's key: toolkit compare reads ladders"]),
    Wrong("a key outside its block", GOOD + "epochs: 3\n",
          [f"ner.yaml:13: epochs: unknown block. Did you mean 'train.epochs'? "
           f"Known: {BLOCKS}, extends"]),
    Wrong("a value for a block", GOOD.partition("train:\n")[0] + "train: 3\n",
          ["ner.yaml:10: train: found 3, expected a block of keys"]),
    Wrong("no space behind a colon", GOOD + "evaluate:\n  resamples:0\n",
          ["ner.yaml:14: evaluate: found 'resamples:0', expected a block of keys"]),
    Wrong("equal keys", trained("epochs: 3", "seed: 1", "epochs: 4"),
          ["ner.yaml:13: train.epochs: given twice, first on line 11"]),
    Wrong("equal blocks", GOOD + "train:\n  epochs: 3\n",
          ["ner.yaml:13: train: given twice, first on line 10"]),
    Wrong("a number as a key", with_keys("task", "weights: {1: 0.5}"),
          ["ner.yaml:2: task.weights.1: found 1 as a key, expected text (put it in quotes)"]),
]  # fmt: skip

NAMES = [
    Wrong("a task that is misspelt", changed("tagging", "taging"),
          ["ner.yaml:2: task.type: no task is called 'taging'. Did you mean 'tagging'? "
           "Known: tagging, sorting; or name your own as package.module:Name"]),
    Wrong("a name that is no text", changed("pretrained", "[lstm]"),
          [f"ner.yaml:4: model.type: found ['lstm'], expected pretrained, lstm or {OWN}"]),
    Wrong("code that is not allowed", changed("tagging", '"os.path:join"'),
          ["ner.yaml:2: task.type: 'os.path:join' is code of your own: "
           "allow it with --allow-code os"]),
    Wrong("code that is allowed by half its name", changed("tagging", '"os.path:x"'),
          ["ner.yaml:2: task.type: 'os.path:x' is code of your own: allow it with --allow-code os"],
          allow_code=("o", "os.pat")),
    Wrong("a function, not a class", changed("tagging", '"os.path:join"'),
          [f"ner.yaml:2: task.type: 'os.path:join' is no task: "
           f"it does not derive from {STAND_INS}:Task"], allow_code=("os",)),
    Wrong("a value, not a class", changed("tagging", f'"{STAND_INS}:NUMBER"'),
          [f"ner.yaml:2: task.type: '{STAND_INS}:NUMBER' is no task: "
           f"it does not derive from {STAND_INS}:Task"], allow_code=("tests",)),
    Wrong("a class of another kind", changed("tagging", f'"{STAND_INS}:Lstm"'),
          [f"ner.yaml:2: task.type: '{STAND_INS}:Lstm' is no task: "
           f"it does not derive from {STAND_INS}:Task"], allow_code=("tests",)),
    Wrong("a class that is not finished", changed("tagging", f'"{STAND_INS}:Half"'),
          [f"ner.yaml:2: task.type: '{STAND_INS}:Half' does not define decode"],
          allow_code=("tests",)),
    Wrong("a class with a field that names it", changed("tagging", f'"{STAND_INS}:Doubled"'),
          [f"ner.yaml:2: task.type: '{STAND_INS}:Doubled' has a field 'type', "
           "which names the class itself"], allow_code=("tests",)),
    Wrong("a module without that name", changed("tagging", f'"{STAND_INS}:Taging"'),
          [f"ner.yaml:2: task.type: module '{STAND_INS}' has no 'Taging'. "
           "Did you mean 'Tagging'?"], allow_code=("tests",)),
    Wrong("half a name of code", changed("tagging", f'"{STAND_INS}:"'),
          [f"ner.yaml:2: task.type: '{STAND_INS}:' is no package.module:Name"],
          allow_code=("tests",)),
    Wrong("a module that is not there", changed("tagging", '"tests.nowhere:Tagging"'),
          ["ner.yaml:2: task.type: no module 'tests.nowhere' here or on the Python path"],
          allow_code=("tests",)),
    Wrong("a key of a user's own class",
          changed("tagging", f'"{STAND_INS}:Tagging"\n  lables: [O]'),
          ["ner.yaml:3: task.lables: unknown key. Did you mean 'labels'? "
           "Known: labels, scheme, weights, closed"], allow_code=(STAND_INS,)),
]  # fmt: skip

BETWEEN_KEYS = [
    Wrong("keys that do not go together",
          trained("betas: [0.9, 1.0]", "warmup: 1.0", "batch_size: 4", "micro_batches: 8"),
          ["ner.yaml:11: train.betas: found [0.9, 1.0], expected less than 1 each",
           "ner.yaml:12: train.warmup: found 1.0, which never ends, expected less than 1",
           "ner.yaml:14: train.micro_batches: found 8, expected at most batch_size (4)"]),
    Wrong("what does not go with weights that are shared out",
          trained("strategy: fsdp", "precision: fp16", "micro_batches: 2", "reproducible: elastic"),
          ["ner.yaml:11: train.strategy: found 'fsdp' with reproducible: elastic, expected 'ddp': "
           "how shares of a gradient are added depends on the number of processes",
           "ner.yaml:12: train.precision: found 'fp16' with strategy: fsdp, expected 'bf16' or "
           "'fp32'"]),
    Wrong("a teacher's keys that do not go together",
          trained("distill: {teacher: t, temperature: 2.0, augment: 1, mask: 0.0, ngram: 0.0}"),
          ["ner.yaml:11: train.distill.temperature: found 2.0 with loss: mse, expected loss: kl",
           "ner.yaml:11: train.distill.augment: found 1 with mask and ngram 0: the copies would "
           "not differ"]),
    Wrong("a teacher of no weight", trained("distill: {teacher: t, weight: 0.0, loss: l2}"),
          ["ner.yaml:11: train.distill.loss: found 'l2', expected 'mse' or 'kl'",
           "ner.yaml:11: train.distill.weight: found 0.0, expected a number above 0 and of at "
           "most 1"]),
    Wrong("blocks that do not go together",
          trained("patience: 3").replace("  dev: dev.conll\n", ""),
          ["ner.yaml:10: train.patience: found 3 without data.dev, expected a dev split or null"]),
    Wrong("keys of a block in a block", with_keys("data", "columns:", "  word: 1", "  tag: 1"),
          ["ner.yaml:9: data.columns.tag: found 1, expected another column than that of word"]),
    Wrong("keys of one block and a type of another",
          changed("dev: dev", "test: train").replace("epochs: 3", "epochs: x"),
          ["ner.yaml:9: data.test: the same as train",
           "ner.yaml:11: train.epochs: found 'x', expected a whole number of at least 1"]),
]  # fmt: skip

MANY = Wrong(
    "many at once",
    """\
task:
  type: tagging
  closed: yes
modle:
  type: lstm
data:
  format: conll
  label_map: {a: 1}
  label_map: {b: 2}
train:
  epochs: three
  learning_rat: 3e-5
  betas: &betas [0.9, 2]
  schedule: lienar
  1: 2
run: {name: a/b, fodler: x}
evaluate: []
""",
    [
        "ner.yaml:3: task.closed: found 'yes', expected true or false",
        "ner.yaml:4: modle: unknown block. Did you mean 'model'? "
        "Known: task, model, data, train, evaluate, run, extends",
        "ner.yaml:8: data.label_map.a: found 1, expected text (put it in quotes)",
        "ner.yaml:9: data.label_map: given twice, first on line 8",
        "ner.yaml:11: train.epochs: found 'three', expected a whole number of at least 1",
        "ner.yaml:12: train.learning_rat: unknown key. Did you mean 'learning_rate'? "
        f"Known: {TRAIN_KEYS}",
        f"ner.yaml:13: train.betas: found the anchor &betas, {ALONE}",
        "ner.yaml:14: train.schedule: found 'lienar', expected 'linear', 'cosine' or 'constant'. "
        "Did you mean 'linear'?",
        "ner.yaml:15: train.1: found 1 as a key, expected text (put it in quotes)",
        "ner.yaml:16: run.name: found 'a/b', expected up to 100 letters, digits, "
        "'.', '_' and '-', the first a letter or digit",
        "ner.yaml:16: run.fodler: unknown key. Did you mean 'folder'? "
        "Known: name, folder, stand_in, track",
        "ner.yaml:17: evaluate: found [], expected a block of keys",
        f"ner.yaml: model.type: missing, expected pretrained, lstm or {OWN}",
        "ner.yaml: data.train: missing, expected text: the split to learn from",
    ],
)

WRONG = [*TYPES, *KEYS, *NAMES, *BETWEEN_KEYS, MANY]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.name)
def test_a_wrong_recipe_is_told_what_is_wrong(wrong, write):
    assert_told(wrong, write(wrong.text))
