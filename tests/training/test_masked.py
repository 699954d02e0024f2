"""Jobs of masked-language modelling: cut, killed and shared out, they give the same numbers."""

import json
import os
import signal
import time

import pytest

import toolkit
from tests.forked import finished, run_forked
from tests.recipes import pretrained, write_recipe
from tests.training.test_kill import start
from tests.training.test_processes import steps
from toolkit.errors import ToolkitError, UnreachableError
from toolkit.runs.files import sha256_of
from toolkit.standin import sample_folder

RECIPE = """
task: {{type: masked-language-modelling, whole_words: true}}
model: {model}
data: {{format: text, train: {texts}/train.txt, dev: {texts}/dev.txt}}
train: {{epochs: 2, batch_size: 16, learning_rate: 1e-2, precision: fp32}}
evaluate: {{resamples: 20}}
run: {{name: small, folder: {folder}/runs}}
"""
SHAPE = "layers: 2, width: 16, heads: 2, max_length: 32, dropout: {dropout}"
NEW = f"{{{{type: new, {SHAPE}, vocabulary: {{{{size: 400}}}}}}}}"


def write(folder, model=None, dropout=0.1):
    text = RECIPE.format(
        model=model or NEW.format(dropout=dropout), texts=sample_folder("texts"), folder=folder
    )
    (folder / "small.yaml").write_text(text, encoding="utf-8")
    return str(folder / "small.yaml")


def numbers(folder):
    lines = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
    return [line["num_targets"] for line in lines if "grad_norm" in line]


def test_killed_it_ends_with_the_same_bits_and_the_same_tokenizer(tmp_path):
    recipe = write(tmp_path)
    overrides = ("train.checkpoint_every=2", "train.micro_batches=2")
    names = ("tokenizer/tokenizer.json", "tokenizer/contents.json")
    began = time.monotonic()
    assert finished(start(recipe, *overrides, "run.name=whole")) == 0
    seconds = time.monotonic() - began
    whole, killed = tmp_path / "runs" / "whole", tmp_path / "runs" / "small"
    for share in (0.3, 0.5, 0.7, 0.9):
        child = start(recipe, *overrides)
        time.sleep(share * seconds)
        os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert finished(start(recipe, *overrides)) == 0
    for name in ("model/model.safetensors", "metrics.jsonl", "predictions-dev.jsonl", *names):
        assert (killed / name).read_bytes() == (whole / name).read_bytes(), name


@pytest.mark.slow
def test_processes_and_accumulation_hide_the_same_tokens(tmp_path):
    recipe = write(tmp_path, dropout=0.0)
    one = run_forked(recipe, "one", processes=1)
    two = run_forked(recipe, "two", "train.micro_batches=4")
    assert numbers(one) == numbers(two)
    assert len(set(numbers(one))) > 1
    for here, there in zip(steps(one), steps(two), strict=True):
        assert there["loss"] == pytest.approx(here["loss"], rel=1e-5)
        assert there["grad_norm"] == pytest.approx(here["grad_norm"], rel=1e-4)


@pytest.fixture(scope="module")
def language_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("language")
    toolkit.finetune(toolkit.load_recipe(write(folder)))
    return folder / "runs" / "small"


def test_it_learns_and_says_what_it_was_made_of(language_run):
    results = json.loads((language_run / "results.json").read_text())
    scores = results["splits"]["dev"]["scores"]
    assert scores["cross_entropy"]["value"] < 5.99  # log 400, of a model that knows nothing
    assert scores["cross_entropy"]["unit"] == "masked token"
    assert scores["log_likelihood"]["value"] == pytest.approx(results["splits"]["dev"]["loss"] * -1)
    assert json.loads((language_run / "manifest.json").read_text())["checkpoint"] is None
    predictor = toolkit.load(language_run)
    [told] = predictor.predict(["The [MASK] lies in a [MASK] valley."])
    assert len(told.fillings) == 2


def test_a_run_is_a_checkpoint_and_the_manifest_names_its_weights(language_run, tmp_path):
    recipe = write_recipe(tmp_path, pretrained(str(language_run)), num_train=8, num_dev=4)
    toolkit.finetune(toolkit.load_recipe(recipe, "train.epochs=1"))
    manifest = json.loads((tmp_path / "runs" / "small" / "manifest.json").read_text())
    weights = language_run / "model" / "model.safetensors"
    assert manifest["checkpoint"] == {
        "name": str(language_run),
        "revision": None,
        "weights": {"model.safetensors": sha256_of(weights)},
    }


def test_going_on_from_a_run_keeps_its_head(language_run, tmp_path):
    notes = []
    recipe = toolkit.load_recipe(
        write(tmp_path, f"{{type: pretrained, checkpoint: {language_run}, max_length: 32}}"),
        "train.learning_rate=1e-9",
        "train.epochs=1",
    )
    finished = toolkit.finetune(recipe, watch=lambda e: notes.append(getattr(e, "text", "")))
    before = json.loads((language_run / "results.json").read_text())["splits"]["dev"]["loss"]
    assert finished.results["splits"]["dev"]["loss"] == pytest.approx(before, abs=1e-4)
    assert not any("at random" in note for note in notes)


def test_a_checkpoint_without_the_head_says_that_it_is_new(checkpoints, tmp_path):
    notes = []
    recipe = toolkit.load_recipe(write(tmp_path, pretrained(checkpoints["bert"])))
    toolkit.finetune(recipe, watch=lambda event: notes.append(getattr(event, "text", "")))
    assert any("weights of this head (cls.predictions" in note for note in notes)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("{type: lstm, embedding: 8, hidden: 8}", "an encoder that transformers does not know"),
        ("{type: new, head: own, width: 8, heads: 2, layers: 1}", "a head of the toolkit's own"),
    ],
)
def test_a_run_of_another_kind_says_why_it_is_no_checkpoint(model, message, tmp_path):
    made = write_recipe(tmp_path, model, num_train=8, num_dev=4)
    toolkit.finetune(toolkit.load_recipe(made, "train.epochs=1", "run.name=first"))
    recipe = write_recipe(tmp_path, pretrained(str(tmp_path / "runs" / "first")))
    with pytest.raises(ToolkitError, match=message):
        toolkit.finetune(toolkit.load_recipe(recipe))


def test_a_run_that_is_not_there_yet_is_unreachable_and_no_name_of_the_hub(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    recipe = write_recipe(tmp_path, pretrained("runs/wiki"))
    with pytest.raises(UnreachableError, match="there is no run runs/wiki yet"):
        toolkit.finetune(toolkit.load_recipe(recipe))


def test_a_run_without_a_model_says_so(tmp_path):
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "recipe.yaml").write_text("task: {}\n", encoding="utf-8")
    recipe = write_recipe(tmp_path, pretrained(str(tmp_path / "half")))
    with pytest.raises(ToolkitError, match="has no model yet"):
        toolkit.finetune(toolkit.load_recipe(recipe))
