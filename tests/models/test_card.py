"""The model card: what a reader of it has to know, written from the run."""

import json

import pytest
import yaml

import toolkit
from tests.recipes import pretrained, write_recipe
from toolkit.models.card import model_card


@pytest.fixture(scope="module")
def finished(tmp_path_factory, checkpoints):
    recipe = write_recipe(tmp_path_factory.mktemp("card"), pretrained(checkpoints["bert"]))
    return toolkit.finetune(toolkit.load_recipe(recipe))


@pytest.fixture
def made(finished):
    """What a card is made of: recipe, results, manifest."""
    recipe = toolkit.load_recipe(finished.folder / "recipe.yaml")
    results = json.loads((finished.folder / "results.json").read_text())
    return recipe, results, json.loads((finished.folder / "manifest.json").read_text())


def card_of(made, **changes):
    recipe, results, manifest = made
    return model_card(recipe, results, **{"is_native": True, "manifest": manifest, **changes})


def head(card):
    return yaml.safe_load(card.split("---")[1])


def test_a_run_writes_its_card_with_every_part(finished, made):
    card = (finished.folder / "model" / "README.md").read_text(encoding="utf-8")
    assert card == card_of(made)
    titles = [line for line in card.splitlines() if line.startswith("#")]
    assert titles == [
        "# small", "## Scores", "## Use", "## Data", "## Limits", "## Training",
    ]  # fmt: skip


def test_scores_have_their_interval_and_passport(made):
    card = card_of(made)
    f1 = made[1]["splits"]["test"]["scores"]["f1"]
    low, high = f1["interval"]
    about = f"IOB2, conlleval, span, micro, support {f1['support']}"
    assert f"| f1 | {f1['value']:.4f} | {low:.4f} to {high:.4f} (95%) | {about} |" in card
    assert "50 resamples by example" in card
    for name, row in f1["types"].items():
        assert f"| {name} | " in card
        assert f"| {row['support']} |" in card


def test_data_settings_and_versions_are_those_of_the_run(made):
    card, (_, _, manifest) = card_of(made), made
    for name, found in manifest["data"].items():
        assert f"| {name} | {found['examples']} | `{found['sha256']}` |" in card
    assert "| train.learning_rate | 0.01 |" in card
    assert "| train.seed | 1 |" in card
    assert f"torch {manifest['versions']['torch']}" in card


def test_the_hub_is_told_what_is_known_and_no_more(made):
    recipe = made[0]
    assert head(card_of(made)) == {
        "library_name": "transformers", "pipeline_tag": "token-classification",
    }  # fmt: skip
    of_hub = recipe.model.model_copy(update={"checkpoint": "google-bert/bert-base-cased"})
    recipe = recipe.model_copy(update={"model": of_hub})
    assert head(card_of((recipe, *made[1:])))["base_model"] == "google-bert/bert-base-cased"
    assert head(card_of(made, is_native=False))["library_name"] == "toolkit"


def limits_of(card):
    return card.partition("## Limits\n\n")[2].partition("\n\n##")[0]


def test_limits_name_labels_that_are_rare_never_found_or_not_there(made):
    rows = made[1]["splits"]["test"]["scores"]["f1"]["types"]
    rows.clear()
    row = {"f1": 0.5, "precision": 0.5, "recall": 0.5}
    rows |= {
        "FEW": {**row, "support": 29}, "ENOUGH": {**row, "support": 30},
        "NEVER": {**row, "recall": 0.0, "support": 40},
        "NONE": {"f1": None, "precision": None, "recall": None, "support": 0},
    }  # fmt: skip
    said = limits_of(card_of(made))
    for name, words in (("FEW", "fewer than 30"), ("NEVER", "never found"), ("NONE", "without an")):
        (line,) = [line for line in said.splitlines() if f": {name}." in line]
        assert words in line
    assert "ENOUGH" not in said


def test_limits_say_what_was_cut_left_out_or_chosen_on(made):
    _, results, _ = made
    results["splits"]["test"] |= {"several_windows": 0.25, "truncated": 3}
    results["steps_left_out"] = 2
    said = limits_of(card_of(made))
    assert "25.0% of test took several windows" in said
    assert "3 texts of test were truncated" in said
    assert "2 steps of training were left out" in said
    del results["splits"]["test"]
    assert "on which the checkpoint was chosen: they are too good" in limits_of(card_of(made))


def test_a_stand_in_says_so_first(made):
    recipe, results, manifest = made
    run = recipe.run.model_copy(update={"stand_in": ("small data",)})
    card = card_of((recipe.model_copy(update={"run": run}), results, manifest))
    assert card.index("Made with stand-ins") < card.index("## Scores")
    assert "shows that the recipe works, no more" in limits_of(card)
    assert head(card)["tags"] == ["stand-in"]


def test_labels_are_text_in_their_cells(made):
    rows = made[1]["splits"]["test"]["scores"]["f1"]["types"]
    odd = "a|b\n<img src=x onerror=alert(1)>"
    rows[odd] = {"f1": 0.5, "precision": 0.5, "recall": 0.5, "support": 1}
    card = card_of(made)
    assert "<img" not in card
    assert "| a\\|b &lt;img src=x onerror=alert(1)> | 0.5000 |" in card


def test_a_card_without_a_manifest_says_so(made):
    card = card_of(made, manifest=None)
    assert "The run says nothing of its data." in card
    assert "Made with" not in card
