"""Every baseline from its recipe to a finished run, on the shipped samples."""

import json
import os
import subprocess
import sys

import pytest

import toolkit
from tests.baselines.samples import EVERY, write_sample
from tests.recipes import interrupt, write_recipe
from toolkit import registry
from toolkit.baselines import folder as folders
from toolkit.baselines.base import Baseline
from toolkit.errors import RecipeError, RunError
from toolkit.examples import Question, Tagged, Text
from toolkit.replay import replay
from toolkit.runs.files import sha256_of
from toolkit.training.events import Fitted, Note

ODD_TEXTS = ("", " ", "\u200b", "a" * 3000, "ΑΣ ß İ", "日本語", "🙂 🙂", "\x00", "e\u0301 e")
ODD = {
    "token-classification": [
        Tagged(()), Tagged(("",)), Tagged(("\u200b", "x")), Tagged(("Zürich",) * 300),
        *(Tagged((text,)) for text in ODD_TEXTS),
    ],
    "sequence-classification": [Text(text) for text in ODD_TEXTS],
    "question-answering": [
        Question("", ""), Question("Who?", ""), Question("", "It rains."),
        *(Question(text, text) for text in ODD_TEXTS),
    ],
}  # fmt: skip


@pytest.fixture(params=EVERY, ids=lambda each: " ".join(each))
def pair(request):
    return request.param


@pytest.fixture
def recipe(pair, tmp_path):
    return write_sample(tmp_path, *pair)


def test_every_built_in_baseline_is_run_here():
    known = {name: registry.look_up("model", name) for name in registry.BUILT_IN["model"]}
    pairs = {
        (name, task)
        for name, cls in known.items()
        if issubclass(cls, Baseline)
        for task in cls.tasks
    }
    assert pairs == set(EVERY)


def test_a_run_leaves_what_it_promises(recipe, tmp_path):
    events = []
    finished = toolkit.finetune(toolkit.load_recipe(recipe), watch=events.append)
    folder = tmp_path / "runs" / "small"
    assert {path.name for path in folder.iterdir()} == {
        ".lock", "recipe.yaml", "manifest.json", "model", "metrics.jsonl", "timing.jsonl",
        "predictions-dev.jsonl", "predictions-test.jsonl", "results.json",
    }  # fmt: skip
    assert {path.name for path in (folder / "model").iterdir()} == {
        "model.safetensors", "baseline.json", "README.md", "contents.json",
    }  # fmt: skip
    results = json.loads((folder / "results.json").read_text())
    assert results == finished.results
    best = results["best"]
    dev = results["splits"]["dev"]
    assert best["value"] == dev["scores"][best["metric"]]["value"]
    assert (best["step"], best["split"], dev["precision"]) == (0, "dev", "fp64")
    [line] = [json.loads(each) for each in (folder / "metrics.jsonl").read_text().splitlines()]
    assert line["scores"][best["metric"]] == best["value"]
    lines = (folder / "predictions-test.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == results["splits"]["test"]["examples"]
    assert {"id", "gold", "prediction"} <= set(json.loads(lines[0]))
    manifest = json.loads((folder / "manifest.json").read_text())
    assert {"model.safetensors", "baseline.json"} <= set(manifest["model"])
    [told] = [event for event in events if isinstance(event, Fitted)]
    assert told.num_parameters > 0
    assert not any(isinstance(event, Note) and "not read" in event.text for event in events)


def test_the_filled_recipe_makes_the_same_bits_and_a_replay_says_so(recipe, tmp_path):
    first = toolkit.finetune(toolkit.load_recipe(recipe))
    filled = toolkit.load_recipe(first.folder / "recipe.yaml", f"run.folder={tmp_path}/again")
    again = toolkit.finetune(filled)
    assert again.results == first.results
    for name in ("model/model.safetensors", "model/baseline.json", "predictions-test.jsonl"):
        assert (again.folder / name).read_bytes() == (first.folder / name).read_bytes(), name
    found = replay(first.folder)
    assert (found.difference, found.inputs, found.is_whole) == (None, None, True)


def test_loaded_it_predicts_what_the_run_wrote(recipe, pair):
    finished = toolkit.finetune(toolkit.load_recipe(recipe))
    predictor = toolkit.load(finished.folder)
    reading = toolkit.load_recipe(recipe).data.splits(finished.task.reads, ["test"])["test"]
    scored, predicted = predictor.evaluate(reading.examples)
    assert scored == finished.results["splits"]["test"]
    records = [
        json.loads(json.dumps(predictor.task.record(example, said)))
        for example, said in zip(reading.examples, predicted.predictions, strict=True)
    ]
    lines = (finished.folder / "predictions-test.jsonl").read_text(encoding="utf-8").splitlines()
    written = [json.loads(line) for line in lines]
    assert [{**before, **now} for before, now in zip(written, records, strict=True)] == written
    bare = [example.without_gold() for example in reading.examples]
    assert predictor.predict(bare) == predicted.predictions
    alone = [predictor.predict([example])[0] for example in bare[:5]]
    assert alone == predicted.predictions[:5]


def test_it_says_something_of_whatever_it_is_given(recipe, pair):
    finished = toolkit.finetune(toolkit.load_recipe(recipe))
    predictor = toolkit.load(finished.folder)
    examples = ODD[pair[1]]
    predictions = predictor.predict(examples)
    assert predictor.predict([]) == []
    for example, said in zip(examples, predictions, strict=True):
        json.dumps(predictor.task.record(example, said), allow_nan=False)
        predictor.task.render(example, said)
        if pair[1] == "token-classification":
            assert len(said.tags) == len(said.scores) == len(example.words)
            assert all(0 <= score <= 1 for score in said.scores)


def test_a_finished_run_is_not_run_again_and_another_recipe_is_refused(recipe):
    toolkit.finetune(toolkit.load_recipe(recipe))
    events = []
    assert toolkit.finetune(toolkit.load_recipe(recipe), watch=events.append).was_finished
    assert events == []
    with pytest.raises(RunError, match=r"train\.seed: 1 in the run, 2 now"):
        toolkit.finetune(toolkit.load_recipe(recipe, "train.seed=2"))
    fresh = toolkit.finetune(toolkit.load_recipe(recipe, "train.seed=2"), fresh=True)
    assert not fresh.was_finished


def test_killed_it_starts_over_with_the_same_bits(recipe, tmp_path):
    whole = toolkit.finetune(toolkit.load_recipe(recipe, f"run.folder={tmp_path}/whole"))
    interrupt(toolkit.load_recipe(recipe), lambda event: isinstance(event, Fitted))
    finished = toolkit.finetune(toolkit.load_recipe(recipe))
    assert not finished.was_finished
    for name in ("model/model.safetensors", "model/baseline.json", "predictions-dev.jsonl"):
        assert (finished.folder / name).read_bytes() == (whole.folder / name).read_bytes(), name


def test_a_damaged_model_and_a_key_that_it_was_not_made_with_are_refused(recipe, pair):
    folder = toolkit.finetune(toolkit.load_recipe(recipe)).folder
    with pytest.raises(RecipeError, match=r"precision: found 'int8', but .* computes in fp64"):
        toolkit.load(folder, precision="int8")
    facts = folder / "model" / folders.FACTS
    facts.write_text(facts.read_text(encoding="utf-8").replace('"', "'", 1), encoding="utf-8")
    with pytest.raises(RunError, match=r"baseline\.json has other contents than were written"):
        toolkit.load(folder)


def test_a_key_of_steps_that_the_recipe_sets_is_said_not_to_be_read(recipe, pair):
    events = []
    asked = toolkit.load_recipe(recipe, "train.epochs=9", "train.seed=4", "task.dropout=0.2")
    toolkit.finetune(asked, watch=events.append)
    notes = [event.text for event in events if isinstance(event, Note)]
    assert f"not read by {pair[0]}: train.epochs, task.dropout" in notes


def test_data_that_changed_under_a_run_that_was_stopped_is_refused(tmp_path):
    recipe = toolkit.load_recipe(write_recipe(tmp_path, "{type: hmm}"))
    interrupt(recipe, lambda event: isinstance(event, Fitted))
    with open(tmp_path / "train.conll", "a", encoding="utf-8") as file:
        file.write("\nParis\tB-LOC\n")
    with pytest.raises(RunError, match=r"data\.train changed since this run began"):
        toolkit.finetune(recipe)
    assert not toolkit.finetune(recipe, fresh=True).was_finished


def test_the_note_of_unread_keys_is_the_same_for_a_filled_recipe(tmp_path):
    events = []
    recipe = toolkit.load_recipe(write_recipe(tmp_path, "{type: hmm}"))
    finished = toolkit.finetune(recipe, watch=events.append)
    again = toolkit.load_recipe(finished.folder / "recipe.yaml", f"run.folder={tmp_path}/again")
    toolkit.finetune(again, watch=events.append)
    told = [each.text for each in events if isinstance(each, Note) and "not read" in each.text]
    keys = "train.epochs, train.batch_size, train.learning_rate, train.precision"
    assert told == [f"not read by hmm: {keys}"] * 2


BITS = """
import gc, sys
from tests.baselines.test_runs import bits_of
gc.freeze()
for recipe in sys.argv[1:]:
    print(bits_of(recipe))
"""


def bits_of(recipe):
    """The hashes of what a run in the folder of its recipe leaves."""
    finished = toolkit.finetune(toolkit.load_recipe(recipe), fresh=True)
    files = ("model/model.safetensors", "model/baseline.json", "predictions-test.jsonl")
    return str([sha256_of(finished.folder / name) for name in files])


def test_neither_hash_seed_nor_locale_changes_a_bit(tmp_path):
    recipes = []
    for each in EVERY:
        here = tmp_path / f"{each[0]}-{each[1]}"
        here.mkdir()
        recipes.append(write_sample(here, *each))
    expected = [bits_of(recipe) for recipe in recipes]
    seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    place = "C" if os.environ.get("LC_ALL") == "tr_TR.UTF-8" else "tr_TR.UTF-8"
    environment = {**os.environ, "PYTHONHASHSEED": seed, "LC_ALL": place, "LANG": place}
    done = subprocess.run(
        [sys.executable, "-c", BITS, *recipes], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == expected
