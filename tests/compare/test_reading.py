"""A ladder is read strictly: what it means, and every fault at once with its line."""

from pathlib import Path

import pytest

from tests.recipes import write_recipe
from toolkit.compare.ladder import dump_ladder
from toolkit.compare.reading import read_ladder
from toolkit.errors import RecipeError, UnreachableError

SHIPPED = sorted((Path(__file__).parents[2] / "recipes" / "ladders").glob("*.yaml"))
LADDER = """\
task: {type: token-classification}
data: {format: conll, train: a.conll, dev: b.conll, test: c.conll}
train: {epochs: 2, batch_size: 8}
seeds: [4, 5]
rungs:
  low: {model: {type: lstm, hidden: 16}}
  high: {model: {type: lstm, hidden: 32}, train: {epochs: 3}, task: {decoding: crf}}
"""
BASE = """\
task: {type: token-classification, dropout: 0.3}
model: {type: lstm, hidden: 64}
data: {format: conll, train: other.conll}
train: {epochs: 9, learning_rate: 1e-2, seed: 7}
run: {name: elsewhere}
"""


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def read(text, *overrides, **options):
    with open("steps.yaml", "w", encoding="utf-8") as file:
        file.write(text)
    return read_ladder("steps.yaml", *overrides, **options)


def faults(text, *overrides):
    with pytest.raises(RecipeError) as caught:
        read(text, *overrides)
    return list(caught.value.faults)


def test_rungs_share_what_the_ladder_says_and_differ_in_their_own_keys():
    ladder = read(LADDER)
    assert (ladder.name, str(ladder.folder), ladder.workers) == ("steps", "runs/steps", None)
    assert [*ladder.rungs] == ["low", "high"]
    low, high = (recipes[0] for recipes in ladder.rungs.values())
    assert (low.model.hidden, low.train.epochs, low.train.batch_size) == (16, 2, 8)
    assert (high.model.hidden, high.train.epochs, high.train.batch_size) == (32, 3, 8)
    assert (low.task.decoding, high.task.decoding) == ("argmax", "crf")
    assert low.data == high.data


def test_each_seed_is_a_run_of_its_own_in_the_ladders_folder():
    runs = [(each.run.folder, each.run.name, each.train.seed) for each in read(LADDER).recipes]
    assert runs == [
        ("runs/steps", "low-seed4", 4), ("runs/steps", "low-seed5", 5),
        ("runs/steps", "high-seed4", 4), ("runs/steps", "high-seed5", 5),
    ]  # fmt: skip


def test_a_rung_extends_a_recipe_under_what_the_ladder_compares_on(tmp_path):
    (tmp_path / "base.yaml").write_text(BASE)
    ladder = read(LADDER + "  top: {extends: base.yaml, train: {learning_rate: 2e-2}}\n")
    top = ladder.rungs["top"][0]
    assert (top.model.hidden, top.task.dropout) == (64, 0.3)  # the recipe's
    assert top.data.train == "a.conll"  # the ladder's
    assert (top.train.epochs, top.train.batch_size, top.train.learning_rate) == (9, 8, 2e-2)
    assert (top.train.seed, top.run.name) == (4, "top-seed4")


def test_a_shipped_recipe_is_extended_by_its_name(monkeypatch, tmp_path):
    monkeypatch.setenv("TOOLKIT_DATA", str(tmp_path))
    vectors = tmp_path / "glove" / "glove.twitter.25d.top12k.txt"
    vectors.parent.mkdir()
    vectors.touch()
    text = LADDER.replace("model: {type: lstm, hidden: 16}", "extends: wnut17-bilstm-crf")
    low = read(text).rungs["low"][0]
    assert (low.task.decoding, low.train.epochs, low.data.train) == ("crf", 20, "a.conll")


def test_a_recipe_alone_is_a_ladder_of_one_beside_its_own_run(tmp_path):
    ladder = read_ladder(write_recipe(tmp_path), "seeds=[8]")
    (recipe,) = ladder.recipes
    assert (ladder.name, recipe.run.folder) == ("small-seeds", "runs/small-seeds")
    assert (recipe.run.name, recipe.train.seed) == ("small-seed8", 8)


def test_a_shipped_ladder_has_a_name_and_so_has_a_recipe(monkeypatch):
    monkeypatch.delenv("TOOLKIT_DATA", raising=False)
    assert "minilm" in read_ladder("wnut17-ladder", stand_in=True).rungs
    assert [*read_ladder("wnut17-minilm", stand_in=True).rungs] == ["wnut17-minilm"]
    with pytest.raises(
        RecipeError, match=r"no ladder or recipe is called 'wnut71-ladder'.*'wnut17-ladder'"
    ):
        read_ladder("wnut71-ladder")


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_ladder_reads_and_so_does_what_it_is_filled_to(path, tmp_path, monkeypatch):
    monkeypatch.delenv("TOOLKIT_DATA", raising=False)
    ladder = read_ladder(path, stand_in=True)
    assert len(ladder.rungs) > 1
    assert path.read_text(encoding="utf-8").startswith("# ")  # says what it is
    (tmp_path / "filled.yaml").write_text(dump_ladder(ladder))
    again = read_ladder("filled.yaml")
    assert [each.train for each in again.recipes] == [each.train for each in ladder.recipes]


def test_overrides_are_for_all_rungs_for_one_or_for_the_ladder():
    ladder = read(
        LADDER, "train.epochs=7", "rungs.low.model.hidden=5", "seeds=[1]", "run.name=other",
        "workers=3",
    )  # fmt: skip
    low, high = ladder.recipes
    assert (low.train.epochs, high.train.epochs) == (7, 7)
    assert (low.model.hidden, high.model.hidden) == (5, 32)
    assert (ladder.name, ladder.workers, low.train.seed) == ("other", 3, 1)


def test_some_of_the_rungs_may_be_asked_for():
    assert [*read(LADDER, only=["high"]).rungs] == ["high"]
    with pytest.raises(RecipeError, match=r"--only: no rung is called 'hihg'. Did you mean 'high'"):
        read(LADDER, only=["hihg", "low"])


def test_what_is_written_out_is_read_again_as_the_same(tmp_path):
    ladder = read(LADDER)
    (tmp_path / "filled.yaml").write_text(dump_ladder(ladder))
    again = read_ladder("filled.yaml")
    assert again == ladder


def test_every_fault_is_told_at_once_with_its_line():
    assert faults(
        LADDER.replace("c.conll", "c.conll, schem: iob1").replace("[4, 5]", "[4, 4]")
        + "worker: 3\n",
        "train.seed=3",
    ) == [
        "steps.yaml:2: data.schem: unknown key. Did you mean 'scheme'? Known: train, dev, test, "
        "split, take, separator, columns, scheme, label_map, repair",
        "steps.yaml:4: seeds: found 4 twice, expected different seeds",
        "steps.yaml:8: worker: unknown key. Did you mean 'workers'? Known: seeds, rungs, workers, "
        "run, task, data, evaluate, model, train",
        "override train.seed=3: train.seed: leave it out: the ladder's seeds say it",
    ]


def test_a_fault_of_a_rung_says_which():
    text = LADDER + (
        "  a/b: {model: {type: lstm}}\n"
        "  x: 3\n"
        "  y: {model: {type: lstmm}, train: {epochs: three}}\n"
        "  z: {extends: no-such-recipe}\n"
        "  u: {model: {type: lstm}, run: {name: z}}\n"
        "  v: {train: {epochs: 2, seed: 3}}\n"
        "  w: {model: {type: lstm}, data: {train: q.conll}, evaluate: {metric: f1_strict}}\n"
    )
    found = [fault.split(" Known")[0].split(" or your own")[0] for fault in faults(text)]
    assert found == [
        "steps.yaml:8: rungs.'a/b': expected a name of up to 60 letters, digits, '.', '_' and '-'",
        "steps.yaml:9: rungs.x: found 3, expected a block of keys",
        "steps.yaml:10: rungs.y.model.type: no model is called 'lstmm'. Did you mean 'lstm'?",
        "steps.yaml:10: rungs.y.train.epochs: found 'three', expected a whole number of at least 1",
        found[4],
        "steps.yaml:12: rungs.u.run: the ladder's own run says where all go",
        "steps.yaml:13: rungs.v.train.seed: leave it out: the ladder's seeds say it",
        found[7],
        "steps.yaml:14: rungs.w.data.train: found 'q.conll', but 'a.conll' in rung low: give it "
        "once, beside the rungs",
        "steps.yaml:14: rungs.w.evaluate.metric: found 'f1_strict', but null in rung low: give it "
        "once, beside the rungs",
    ]
    assert found[4].startswith("steps.yaml:11: rungs.z.extends: no recipe is called")
    assert found[7].startswith("steps.yaml:13: rungs.v.model.type: missing, expected pretrained")


def test_a_fault_in_an_extended_recipe_names_that_file(tmp_path):
    (tmp_path / "base.yaml").write_text(BASE.replace("epochs: 9", "epoch: 9"))
    (fault,) = faults(LADDER + "  top: {extends: base.yaml}\n")
    assert fault.startswith("base.yaml:4: train.epoch: unknown key. Did you mean 'epochs'?")


def test_without_a_split_to_compare_on_there_is_nothing_to_compare():
    (fault,) = faults(LADDER.replace(", dev: b.conll, test: c.conll", ""))
    assert fault == "steps.yaml:1: data.test: missing, expected what the rungs are compared on"


@pytest.mark.parametrize("text", ["", "[1, 2]", "rungs: []", "rungs: {}", "rungs: 3"])
def test_what_is_no_ladder_is_one_line(text):
    assert len(faults(text)) == 1


def test_what_is_missing_is_replaced_where_that_is_asked_and_said_in_the_folders_name(monkeypatch):
    monkeypatch.delenv("TOOLKIT_DATA", raising=False)
    text = LADDER.replace("a.conll", "'${TOOLKIT_DATA}/a.conll'")
    with pytest.raises(UnreachableError, match="TOOLKIT_DATA"):
        read(text)
    ladder = read(text, stand_in=True)
    assert str(ladder.folder) == "runs/steps-stand-in"
    assert ladder.recipes[0].run.name == "low-seed4-stand-in"
    assert ladder.recipes[0].run.folder == "runs/steps-stand-in"
    assert "the ner samples of the toolkit instead of the recipe's data" in ladder.stand_ins


def test_a_checkpoint_that_is_in_no_folder_is_a_fault_of_its_rung():
    text = LADDER.replace("{type: lstm, hidden: 16}", "{type: pretrained, checkpoint: ./nowhere}")
    (fault,) = faults(text)
    assert fault.startswith("rungs.low.model.checkpoint: no folder ./nowhere (seen from ")
