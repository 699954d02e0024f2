"""Wrong `data` blocks of recipes, each with the line that says so."""

import pytest

from toolkit.errors import RecipeError
from toolkit.recipe.load import load_recipe
from toolkit.registry import BUILT_IN

RECIPE = """\
task: {type: sequence-classification}
model: {type: lstm}
data:
"""
FORMATS = ", ".join(BUILT_IN["data"])
SPLITS = "train, dev, test, split, take"
ROWS = f"{SPLITS}, columns, labels, label_separator, labels_file, label_map, scheme, repair"
OWN = "your own package.module:Name"
COLUMN = "text, a whole number, or null"
COLUMNS = f"a block of keys, each with {COLUMN}"
TRAIN = "missing, expected text: the split to learn from"

# the lines of a block, from line 4 of the file on, parted by |; what is said of it
WRONG = [
    ("train: a", f": data.format: missing, expected {FORMATS} or {OWN}"),
    ("format: cvs|train: a",
     f":4: data.format: no data is called 'cvs'. Did you mean 'csv'? Known: {FORMATS}; "
     "or name your own as package.module:Name"),
    ("format: jsonlines|train: a",
     f":4: data.format: no data is called 'jsonlines'. Did you mean 'jsonl'? Known: {FORMATS}; "
     "or name your own as package.module:Name"),
    ("format: 3|train: a", f":4: data.format: found 3, expected {FORMATS} or {OWN}"),
    ("format: csv|dev: b", f": data.train: {TRAIN}"),
    ("format: parquet", f": data.train: {TRAIN}"),
    ("format: given", f": data.train: {TRAIN}"),
    ("format: given|train: 3", ":5: data.train: found 3, expected text (put it in quotes)"),
    ("format: csv|train: [a, b]", ":5: data.train: found ['a', 'b'], expected text"),
    # columns
    ("format: csv|train: a|column: {text: a}",
     ":6: data.column: unknown key. Did you mean 'columns'? "
     f"Known: {ROWS}, separator, header, quoting"),
    ("format: csv|train: a|columns: [a, b]",
     f":6: data.columns: found ['a', 'b'], expected {COLUMNS}"),
    ("format: csv|train: a|columns: text", f":6: data.columns: found 'text', expected {COLUMNS}"),
    ("format: csv|train: a|columns: {text: true}",
     f":6: data.columns.text: found true, expected {COLUMN} (put it in quotes)"),
    ("format: csv|train: a|columns: {text: 0.5}",
     f":6: data.columns.text: found 0.5, expected {COLUMN} (put it in quotes)"),
    ("format: csv|train: a|columns: {text: [0]}",
     f":6: data.columns.text: found [0], expected {COLUMN}"),
    ("format: csv|train: a|columns: {text: a, label: a}",
     ":6: data.columns.label: found 'a' for text and label, expected a column each"),
    ("format: csv|train: a|columns: {text: 1, pair: 1}",
     ":6: data.columns.pair: found 1 for text and pair, expected a column each"),
    ("format: spans|train: a|columns: {words: a}",
     ":6: data.columns.words: unknown key. Known: text, spans, id"),
    ("format: spans|train: a|columns: {text: 0}",
     ":6: data.columns.text: found 0, expected text (put it in quotes)"),
    ("format: conll|train: a|columns: {words: 0}",
     ":6: data.columns.words: unknown key. Did you mean 'word'? Known: word, tag"),
    ("format: squad|train: a|columns: {text: a}",
     f":6: data.columns: unknown key. Known: {SPLITS}"),
    # labels
    ("format: csv|train: a|labels: many",
     ":6: data.labels: found 'many', expected 'single', 'multi' or 'regression', or null"),
    ("format: csv|train: a|label_separator: ''",
     ":6: data.label_separator: found '', expected text of 1 or more characters"),
    ("format: csv|train: a|label_separator: semicolon",
     ":6: data.label_separator: found the word 'semicolon', expected the sign: ';'"),
    ("format: jsonl|train: a|label_separator: tab",
     ":6: data.label_separator: found the word 'tab', expected the sign: '\\t'"),
    ("format: csv|train: a|labels_file: 3",
     ":6: data.labels_file: found 3, expected text or null (put it in quotes)"),
    ("format: csv|train: a|label_map: {a: 1}",
     ":6: data.label_map.a: found 1, expected text (put it in quotes)"),
    ("format: csv|train: a|label_map: {a: ''}",
     ":6: data.label_map: found '' for 'a', expected a label"),
    ("format: spans|train: a|label_map: {PER: ''}",
     ":6: data.label_map: found '' for 'PER', expected a label"),
    ("format: csv|train: a|label_map: [a]",
     ":6: data.label_map: found ['a'], expected a block of keys, each with text"),
    ("format: csv|train: a|labels: regression|label_map: {a: b}",
     ":7: data.label_map: found with labels: regression, which has no names"),
    ("format: csv|train: a|labels: regression|labels_file: names.txt",
     ":7: data.labels_file: found with labels: regression, which has no names"),
    ("format: jsonl|train: a|scheme: bio",
     ":6: data.scheme: found 'bio', expected 'iob1', 'iob2', 'bioes', 'bilou', 'plain' or 'auto'. "
     "Did you mean 'bioes'?"),
    ("format: jsonl|train: a|repair: yes",
     ":6: data.repair: found 'yes', expected 'none' or 'conll'"),
    ("format: conllu|train: a|tag: lemma",
     ":6: data.tag: found 'lemma', expected 'upos', 'xpos', 'feats' or 'deprel'"),
    # formats
    ("format: csv|train: a|header: maybe",
     ":6: data.header: found 'maybe', expected 'auto', or true or false"),
    ("format: csv|train: a|header: 1",
     ":6: data.header: found 1, expected 'auto', or true or false"),
    ("format: csv|train: a|separator: ','",
     ":6: data.separator: found ',', expected 'comma', 'semicolon', 'tab' or 'bar'"),
    ("format: csv|train: a|quoting: double",
     ":6: data.quoting: found 'double', expected 'rfc4180' or 'none'"),
    ("format: tsv|train: a|separator: comma",
     ":6: data.separator: unknown key. Did you mean 'label_separator'? "
     f"Known: {ROWS}, header, quoting"),
    ("format: jsonl|train: a|header: true", f":6: data.header: unknown key. Known: {ROWS}"),
    ("format: json|train: a|key: train", f":6: data.key: unknown key. Known: {ROWS}"),
    ("format: spans|train: a|overlaps: all",
     ":6: data.overlaps: found 'all', expected 'fault' or 'longest'"),
    ("format: hub|train: a",
     ": data.dataset: missing, expected text: a name on the Hub, or a folder of Parquet; "
     "${NAME} is read from the environment"),
    ("format: hub|train: a|dataset: x|cofnig: y",
     ":7: data.cofnig: unknown key. Did you mean 'config'? "
     f"Known: {ROWS}, dataset, config, revision"),
    # split rules
    ("format: csv|train: a|split: 0.1",
     ":6: data.split: found 0.1, expected a block with the keys dev, test, or null"),
    ("format: csv|train: a|split: {train: {share: 0.5}}",
     ":6: data.split.train: unknown key. Known: dev, test"),
    ("format: csv|train: a|split: {dev: 0.1}",
     ":6: data.split.dev: found 0.1, expected a block with the keys every, offset, share, or null"),
    ("format: csv|train: a|split: {dev: {}}",
     ":6: data.split.dev.every: missing, expected every or share"),
    ("format: csv|train: a|split: {dev: {every: 5, share: 0.1}}",
     ":6: data.split.dev.share: found 0.1 beside every, expected one of the two"),
    ("format: csv|train: a|split: {dev: {every: 1}}",
     ":6: data.split.dev.every: found 1, expected a whole number of at least 2, or null"),
    ("format: csv|train: a|split: {dev: {every: 5, offset: 5}}",
     ":6: data.split.dev.offset: found 5, expected less than every (5)"),
    ("format: csv|train: a|split: {dev: {share: 0.1, offset: 1}}",
     ":6: data.split.dev.offset: found 1 without every"),
    ("format: csv|train: a|split: {dev: {share: 1.5}}",
     ":6: data.split.dev.share: found 1.5, expected a number above 0 and below 1, or null"),
    ("format: csv|train: a|split: {dev: {shares: 0.1}}",
     ":6: data.split.dev.shares: unknown key. Did you mean 'share'? Known: every, offset, share"),
    ("format: csv|train: a|split: {dev: {share: 0.6}, test: {share: 0.5}}",
     ":6: data.split.dev: found shares of 1 or more, expected less together"),
    ("format: csv|train: a|dev: b|split: {dev: {share: 0.1}}",
     ":7: data.split.dev: found no split for the rest of b, expected one"),
    ("format: csv|train: a|dev: a|test: a|split: {test: {share: 0.1}}",
     ":8: data.split.test: found data.train and data.dev for the rest of a, expected one"),
    ("format: hub|train: a|dataset: x|split: {test: {every: 0}}",
     ":7: data.split.test.every: found 0, expected a whole number of at least 2, or null"),
]  # fmt: skip


@pytest.mark.parametrize(("block", "fault"), WRONG, ids=[block for block, _ in WRONG])
def test_a_wrong_block_is_refused_with_its_line(block, fault, tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE + "".join(f"  {line}\n" for line in block.split("|")))
    with pytest.raises(RecipeError) as caught:
        load_recipe(path)
    assert caught.value.lines() == [f"{path}{fault}"]


def test_all_faults_of_a_block_are_said_at_once(tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE + "  format: csv\n  header: 1\n  quoting: x\n  labels: many\n")
    with pytest.raises(RecipeError) as caught:
        load_recipe(path)
    assert [fault.partition(": found")[0] for fault in caught.value.faults[:3]] == [
        f"{path}:5: data.header",
        f"{path}:6: data.quoting",
        f"{path}:7: data.labels",
    ]
    assert caught.value.faults[3:] == (f"{path}: data.train: {TRAIN}",)
