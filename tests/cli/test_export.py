"""`toolkit export`: a folder for plain transformers, from a run."""

import pytest
import torch
from transformers import AutoModelForTokenClassification
from typer.testing import CliRunner

import toolkit
from tests.recipes import pretrained, write_recipe
from toolkit.cli import app
from toolkit.errors import RunError
from toolkit.models.batch import collate, padding_of


@pytest.fixture(scope="module")
def runs(checkpoints, tmp_path_factory):
    """Finished runs: of the whole model, of an adapter, with a head of ours."""
    folder = tmp_path_factory.mktemp("export")
    recipe = write_recipe(folder, pretrained(checkpoints["bert"]), num_train=16)
    kinds = {
        "whole": [],
        "lora": ["model.adapter.type=lora", "model.adapter.rank=4"],
        "ia3": ["model.adapter.type=ia3"],
        "own": ["model.head=own", "model.adapter.type=lora"],
    }
    return {
        kind: toolkit.finetune(
            toolkit.load_recipe(recipe, *overrides, f"run.name={kind}", "evaluate.resamples=0")
        ).folder
        for kind, overrides in kinds.items()
    }


def export(*arguments):
    return CliRunner().invoke(app, ["export", *map(str, arguments)])


@pytest.mark.parametrize(
    ("kind", "options"),
    [("whole", []), ("whole", ["--merge"]), ("lora", ["--merge"]), ("ia3", ["--merge"])],
)
def test_plain_transformers_computes_the_same_logits(runs, tmp_path, kind, options):
    done = export(runs[kind], tmp_path / "plain", *options)
    assert done.exit_code == 0, done.exception
    predictor = toolkit.load(runs[kind], device="cpu")
    example = toolkit.Tagged(("Peter", "Blackburn", "lives", "in", "London"))
    windows = predictor.reader.windows(example)
    batch = collate(windows, padding_of(predictor.reader.tokenizer))
    model = AutoModelForTokenClassification.from_pretrained(tmp_path / "plain").eval()
    predictor.model.eval()
    with torch.no_grad():
        expected = predictor.model(batch.inputs).scores
        torch.testing.assert_close(model(**batch.inputs).logits, expected, atol=1e-5, rtol=0)
    assert ("no adapter" in done.stdout) == (kind == "whole" and bool(options))
    assert (tmp_path / "plain" / "tokenizer.json").is_file()
    card = (tmp_path / "plain" / "README.md").read_text()
    assert "peft" not in card
    assert (f'from_pretrained("{tmp_path}/plain")' in card) == (kind != "whole")


def test_without_merge_an_adapter_stays_one(runs, tmp_path):
    done = export(runs["lora"], tmp_path / "adapter")
    assert done.exit_code == 0, done.exception
    names = {path.name for path in (tmp_path / "adapter").iterdir()}
    assert {"adapter_model.safetensors", "adapter_config.json", "config.json", "README.md"} <= names
    assert "model.safetensors" not in names
    assert "--merge makes one model of it" in done.stdout
    card = (tmp_path / "adapter" / "README.md").read_text()
    assert "PeftModel.from_pretrained" in card


def test_a_folder_that_holds_something_is_left_alone(runs, tmp_path):
    (tmp_path / "precious.txt").write_text("x")
    done = export(runs["whole"], tmp_path)
    assert isinstance(done.exception, RunError)
    assert "is not empty" in str(done.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["precious.txt"]


def test_a_head_of_ours_has_no_plain_folder(runs, tmp_path):
    done = export(runs["own"], tmp_path / "plain", "--merge")
    assert isinstance(done.exception, RunError)
    assert "its head is one of the toolkit's own" in str(done.exception)
    assert not (tmp_path / "plain").exists()


@pytest.mark.parametrize("kind", ["lora", "ia3", "own"])
def test_a_loaded_run_says_what_the_run_said(runs, kind):
    import json

    predictor = toolkit.load(runs[kind], device="cpu")
    lines = (runs[kind] / "predictions-test.jsonl").read_text().splitlines()
    from toolkit.data.conll import Conll

    recipe = predictor.recipe
    assert isinstance(recipe.data, Conll)
    examples = recipe.data.read(recipe.data.test).examples
    predicted = predictor.predict(examples)
    records = [predictor.task.record(*pair) for pair in zip(examples, predicted, strict=True)]
    assert [r["prediction"] for r in records] == [json.loads(line)["prediction"] for line in lines]
