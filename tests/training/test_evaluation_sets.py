"""A run that scores its final weights on more sets than its own splits."""

import json
import sys
from pathlib import Path

import pytest

import toolkit
from tests.metric_module import write_metric
from tests.recipes import interrupt, write_recipe
from toolkit.errors import DataError, RecipeError, RunError, UnreachableError
from toolkit.standin import ready
from toolkit.training.events import Compared, Evaluation, Note, Scored


@pytest.fixture
def recipe(tmp_path):
    """A recipe, and beside it `other.conll`, `pairs.jsonl` and `foreign.conll` for sets."""
    path = write_recipe(tmp_path)
    dev = (tmp_path / "dev.conll").read_text(encoding="utf-8")
    (tmp_path / "other.conll").write_text(dev.replace("\tO\n", "\tX\n"), encoding="utf-8")
    record = {"words": ["Ada", "left"], "tags": ["B-PER", "O"]}
    (tmp_path / "pairs.jsonl").write_text(f"{json.dumps(record)}\n" * 3, encoding="utf-8")
    (tmp_path / "foreign.conll").write_text("Paris\tB-ORG\nHera\tB-GOD\n", encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    """The copies of metrics that `evaluate` imports go to `tmp_path`."""
    cache = tmp_path / "cache"
    cache.mkdir()
    monkeypatch.setattr("evaluate.config.HF_MODULES_CACHE", str(cache))
    monkeypatch.syspath_prepend(cache)
    yield
    for name in [name for name in sys.modules if name.startswith("evaluate_modules")]:
        del sys.modules[name]


def sets_of(folder, *more):
    return (
        f"evaluate.sets.other.test={folder}/other.conll",
        "evaluate.sets.other.label_map={X: O}",
        "evaluate.sets.rows.format=jsonl",
        f"evaluate.sets.rows.test={folder}/pairs.jsonl",
        *more,
    )


def test_the_final_weights_are_scored_on_every_set(recipe, tmp_path):
    events = []
    loaded = toolkit.load_recipe(recipe, *sets_of(tmp_path))
    finished = toolkit.finetune(loaded, watch=events.append)
    results = json.loads((finished.folder / "results.json").read_text(encoding="utf-8"))
    assert set(results["splits"]) == {"dev", "test"}
    assert list(results["sets"]) == ["other", "rows"]
    # `other` is dev with another name for O: mapped back, it has the scores of dev
    other, dev = results["sets"]["other"], results["splits"]["dev"]
    assert other["scores"] == dev["scores"]
    assert (other["examples"], other["windows"], other["truncated"]) == (12, 12, 0)
    assert results["sets"]["rows"]["examples"] == 3
    manifest = json.loads((finished.folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["sets"]["rows"]["sha256"] == results["sets"]["rows"]["sha256"]
    lines = (finished.folder / "predictions-rows.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 3
    card = (finished.folder / "model" / "README.md").read_text(encoding="utf-8")
    assert "| other | 12 |" in card
    assert "development split of the training data alone" in card
    assert [event.results["transfer"] for event in events if isinstance(event, Compared)] == [
        results["transfer"]
    ]


def test_gaps_are_to_the_test_split(recipe, tmp_path):
    results = toolkit.finetune(toolkit.load_recipe(recipe, *sets_of(tmp_path))).results
    transfer = results["transfer"]
    test, other = (
        scored["scores"]["f1"]["value"]
        for scored in (results["splits"]["test"], results["sets"]["other"])
    )
    assert (transfer["metric"], transfer["source"], transfer["value"]) == ("f1", "test", test)
    assert transfer["sets"]["other"] == {"value": other, "gap": 100 * (test - other)}


def test_sets_choose_nothing(recipe, tmp_path):
    plain = toolkit.finetune(toolkit.load_recipe(recipe))
    loaded = toolkit.load_recipe(recipe, *sets_of(tmp_path), f"run.folder={tmp_path}/with")
    scored = toolkit.finetune(loaded)
    for name in ("metrics.jsonl", "model/model.safetensors", "predictions-test.jsonl"):
        assert (scored.folder / name).read_bytes() == (plain.folder / name).read_bytes()
    assert scored.results["best"] == plain.results["best"]
    assert scored.results["splits"] == plain.results["splits"]
    assert "sets" not in plain.results


def test_a_label_that_training_lacks_ends_the_run_before_training(recipe, tmp_path):
    foreign = f"evaluate.sets.x.test={tmp_path}/foreign.conll"
    with pytest.raises(DataError) as caught:
        toolkit.finetune(toolkit.load_recipe(recipe, foreign))
    assert caught.value.faults == (
        "evaluate.sets.x: label 'B-GOD' (1 times, first in sentence 1) is not in the training "
        "split: map it with label_map, or allow it with task.allow_unseen",
    )
    loaded = toolkit.load_recipe(recipe, foreign, "task.allow_unseen=true")
    assert toolkit.finetune(loaded).results["sets"]["x"]["scores"]["f1"]["support"] == 2


def test_a_set_that_cannot_be_read_is_told_by_its_name(recipe, tmp_path):
    (tmp_path / "other.conll").write_text("Paris\nB-ORG Rome\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"^evaluate\.sets\.other: .*other\.conll"):
        toolkit.finetune(toolkit.load_recipe(recipe, *sets_of(tmp_path)))


def test_a_set_that_changed_under_a_run_is_refused(recipe, tmp_path):
    loaded = toolkit.load_recipe(recipe, *sets_of(tmp_path))
    interrupt(loaded, lambda event: isinstance(event, Evaluation))
    with open(tmp_path / "other.conll", "a", encoding="utf-8") as file:
        file.write("\nParis\tB-LOC\n")
    with pytest.raises(RunError, match=r"evaluate\.sets\.other changed since this run began"):
        toolkit.finetune(loaded)


def test_a_run_that_is_stopped_while_it_scores_goes_on_to_the_same_results(recipe, tmp_path):
    loaded = toolkit.load_recipe(recipe, *sets_of(tmp_path))
    interrupt(loaded, lambda event: isinstance(event, Scored))
    results = toolkit.finetune(loaded).results
    whole = toolkit.load_recipe(recipe, *sets_of(tmp_path), f"run.folder={tmp_path}/whole")
    assert results == toolkit.finetune(whole).results


def test_a_set_more_is_another_recipe(recipe, tmp_path):
    toolkit.finetune(toolkit.load_recipe(recipe))
    with pytest.raises(RunError, match=r"evaluate\.sets: \{\} in the run, \{other: "):
        toolkit.finetune(toolkit.load_recipe(recipe, *sets_of(tmp_path)))


def test_sets_that_cannot_be_reached_are_left_out_by_a_stand_in_and_said(recipe, tmp_path):
    path = toolkit.load_recipe(
        recipe, *sets_of(tmp_path, "evaluate.sets.far.test=${TOOLKIT_NO_SUCH}/far.conll"),
        "evaluate.source=far",
    )  # fmt: skip
    with pytest.raises(UnreachableError, match=r"evaluate\.sets\.far: the environment variable"):
        ready(path)
    found = ready(path, stand_in=True)
    assert list(found.evaluate.sets) == ["other", "rows"]
    assert found.evaluate.source is None
    assert found.run.stand_in == ("without the evaluation sets far",)
    assert found.run.name == "small-stand-in"


def test_other_data_has_no_set_of_the_recipe(recipe, tmp_path):
    path = toolkit.load_recipe(recipe, *sets_of(tmp_path), "data.train=${TOOLKIT_NO_SUCH}/x")
    found = ready(path, stand_in=True)
    assert found.evaluate.sets == {}
    assert any("without the evaluation sets other, rows" in each for each in found.run.stand_in)


def with_metric(folder: Path, body: str, **keys: object) -> str:
    extra = {"module": write_metric(folder, body), **keys}
    return f"evaluate.extra=[{json.dumps(extra)}]"


RISING = "return {'rising': float(len(set(map(str, predictions))))}"


def test_a_metric_of_ones_own_is_scored_everywhere_and_may_choose(recipe, tmp_path):
    loaded = toolkit.load_recipe(
        recipe, *sets_of(tmp_path), with_metric(tmp_path, RISING),
        "evaluate.metric=rising", allow_code=("mine",),
    )  # fmt: skip
    results = toolkit.finetune(loaded, allow_code=("mine",)).results
    assert results["best"]["metric"] == "rising"
    assert results["best"]["value"] == results["splits"]["dev"]["scores"]["rising"]["value"]
    score = results["sets"]["other"]["scores"]["rising"]
    assert (score["scheme"], score["interval"]) == ("evaluate: mine", None)
    assert results["transfer"]["metric"] == "rising"


def test_a_metric_that_fails_before_training_ends_the_run_and_later_does_not(recipe, tmp_path):
    allow = {"allow_code": ("mine",)}
    wrong = toolkit.load_recipe(recipe, with_metric(tmp_path, "return nothing"), **allow)
    with pytest.raises(RecipeError, match="NameError"):
        toolkit.finetune(wrong, **allow)
    body = "raise ValueError('no')"
    events = []
    late = toolkit.load_recipe(recipe, with_metric(tmp_path, body), **allow)
    results = toolkit.finetune(late, watch=events.append, **allow).results
    assert results["splits"]["test"]["scores"]["mine"]["reason"] == "ValueError: no"
    notes = [event.text for event in events if isinstance(event, Note)]
    assert "evaluate.extra[0]: mine before training: ValueError: no" in notes


def test_a_metric_under_a_name_of_the_task_is_refused(recipe, tmp_path):
    allow = {"allow_code": ("mine",)}
    loaded = toolkit.load_recipe(recipe, with_metric(tmp_path, "return {'f1': 1.0}"), **allow)
    with pytest.raises(RecipeError, match="gives f1, which another score is called"):
        toolkit.finetune(loaded, **allow)


def test_a_metric_that_nobody_has_is_a_fault_of_the_recipe(recipe, tmp_path):
    override = f"evaluate.extra=[{{module: {tmp_path}/mine.py}}]"
    loaded = toolkit.load_recipe(recipe, override, allow_code=("mine",))
    with pytest.raises(RecipeError, match=r"evaluate\.extra: .*mine\.py: no such file"):
        toolkit.finetune(loaded)


def test_a_metric_of_the_hub_that_cannot_be_reached_is_left_out_by_a_stand_in(recipe, monkeypatch):
    monkeypatch.setenv("HF_MODULES_CACHE", "/nowhere")
    override = "evaluate.extra=[{module: exact_match, from_hub: true}]"
    loaded = toolkit.load_recipe(recipe, override, allow_code=("exact_match",))
    with pytest.raises(UnreachableError, match="evaluate-metric/exact_match' is neither here"):
        ready(loaded)
    found = ready(loaded, stand_in=True)
    assert found.evaluate.extra == ()
    assert "without the metrics exact_match" in found.run.stand_in[0]
