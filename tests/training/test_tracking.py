"""Numbers for trackers: what they are sent, and that nothing they do costs a run.

The packages of trackers are no part of what tests need: fakes stand in their place, which hold
what Accelerate's own trackers hand over.
"""

import importlib.util
import json
import sys
from types import SimpleNamespace

import pytest

import toolkit
from tests.recipes import interrupt, write_recipe
from toolkit.errors import RecipeError
from toolkit.runs.difference import first_difference
from toolkit.training import tracking
from toolkit.training.events import Note
from toolkit.training.steps import Step

WANDB = """
kept = []
config = type("Config", (), {"update": staticmethod(lambda v, **k: kept.append(("config", v)))})

class Run:
    def log(self, values, step=None):
        kept.append((step, values))
    def finish(self):
        kept.append(("finish", None))

def init(**keys):
    kept.append(("init", keys))
    return Run()
"""
MLFLOW = """
from types import SimpleNamespace
kept = []
utils = SimpleNamespace(
    validation=SimpleNamespace(MAX_PARAM_VAL_LENGTH=500, MAX_PARAMS_TAGS_PER_BATCH=100)
)
def search_experiments(**keys):
    return []
def create_experiment(**keys):
    return 1
def start_run(run_id=None, **keys):
    kept.append(("start", run_id))
    return SimpleNamespace(info=SimpleNamespace(run_id="abc"))
def log_params(values):
    kept.append(("params", values))
def log_metrics(values, step=None):
    kept.append((step, values))
def set_tags(values):
    kept.append(("tags", values))
def end_run():
    kept.append(("end", None))
"""


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """Puts a module of this text and name where it is imported; its `kept` holds the calls."""
    monkeypatch.syspath_prepend(tmp_path / "modules")
    (tmp_path / "modules").mkdir()

    def put(name, text):
        (tmp_path / "modules" / f"{name}.py").write_text(text)
        monkeypatch.delitem(sys.modules, name, raising=False)
        importlib.invalidate_caches()
        return lambda: sys.modules[name].kept

    yield put
    for name in ("wandb", "mlflow"):
        sys.modules.pop(name, None)


@pytest.fixture
def recipe(tmp_path):
    return write_recipe(tmp_path)


def load(recipe, *names, overrides=()):
    return toolkit.load_recipe(recipe, f"run.track=[{', '.join(names)}]", *overrides)


def run(recipe, **keys):
    """The notes of a run."""
    events = []
    finished = toolkit.finetune(recipe, watch=events.append, **keys)
    return finished, [event.text for event in events if isinstance(event, Note)]


def test_a_tracker_gets_the_settings_each_step_each_evaluation_and_the_scores(
    recipe, fake, tmp_path
):
    kept = fake("wandb", WANDB)
    finished, _ = run(load(recipe, "wandb"))
    (_, init), (_, config), *calls, (last, _) = kept()
    assert (init["name"], init["resume"], init["project"]) == ("small", "allow", "toolkit")
    assert config["train.batch_size"] == 8
    assert config["model.type"] == "lstm"
    assert last == "finish"
    lines = [json.loads(line) for line in (finished.folder / "metrics.jsonl").open()]
    losses = {line["step"]: line["loss"] for line in lines if "grad_norm" in line}
    sent = {step: values["train/loss"] for step, values in calls if "train/loss" in values}
    assert sent == losses
    for line in lines:
        if "scores" in line:
            (values,) = [v for step, v in calls if step == line["step"] and "dev/loss" in v]
            defined = {f"dev/{k}": v for k, v in line["scores"].items() if v is not None}
            assert values == {**defined, "dev/loss": line["loss"]}
    numbers = {key: value for _, values in calls for key, value in values.items()}
    accuracy = finished.results["splits"]["test"]["scores"]["accuracy"]
    assert numbers["test/accuracy"] == accuracy["value"]
    assert [numbers["test/accuracy_low"], numbers["test/accuracy_high"]] == accuracy["interval"]
    passport = numbers["test/f1_passport"]
    for words in ("scheme IOB2", "mode conlleval", "unit span", "interval 95%", "by example"):
        assert words in passport


def test_undefined_scores_are_left_out_and_not_sent_as_nothing():
    scores = {"f1": {"value": None, "interval": None, "reason": "no gold"}}
    sent = tracking._scored("test", scores, 7)
    assert sent.numbers == {}
    assert sent.texts == {"test/f1_passport": "undefined: no gold"}


def test_mlflow_has_passports_as_tags_since_its_metrics_are_numbers(recipe, fake):
    kept = fake("mlflow", MLFLOW)
    finished, notes = run(load(recipe, "mlflow"))
    calls = kept()
    assert calls[0] == ("start", None)
    tags = [values for kind, values in calls if kind == "tags"]
    assert "IOB2" in tags[-1]["test/f1_passport"]
    assert all(
        isinstance(value, (int, float))
        for kind, values in calls if isinstance(kind, int) for value in values.values()
    )  # fmt: skip
    assert not [note for note in notes if "mlflow" in note]
    known = json.loads((finished.folder / "tracking" / "mlflow.json").read_text())
    assert known == {"id": "abc"}


def test_a_run_that_goes_on_goes_on_in_the_same_record(recipe, fake):
    kept = fake("wandb", WANDB)
    again = load(recipe, "wandb")
    interrupt(again, lambda event: isinstance(event, Step) and event.number == 7)
    first = list(kept())
    assert first[-1][0] == "finish"  # it was ended in order
    kept().clear()
    run(again)
    (_, init), *calls = kept()
    assert init["id"] == first[0][1]["id"]
    assert not [call for call in calls if call[0] == "config"]
    run(again, fresh=True)
    assert [keys["id"] for kind, keys in kept() if kind == "init"][-1] != init["id"]


@pytest.mark.parametrize("name", tracking.PACKAGES)
def test_a_tracker_that_is_not_installed_is_one_line_before_anything_is_made(
    recipe, tmp_path, monkeypatch, name
):
    monkeypatch.setattr(tracking, "find_spec", lambda module: None)
    with pytest.raises(RecipeError) as caught:
        run(load(recipe, name))
    (line,) = caught.value.lines()
    assert line.startswith(f"run.track: {name} is not installed: pip install {name}")
    assert caught.value.exit_code == 2
    assert not (tmp_path / "runs").exists()


def test_a_tracker_is_named_once(recipe):
    with pytest.raises(RecipeError, match=r"run.track: found 'wandb' twice"):
        load(recipe, "wandb", "wandb")
    with pytest.raises(RecipeError, match=r"run\.track"):
        load(recipe, "comet")


@pytest.mark.parametrize(
    ("text", "num_failed"),
    [
        ("raise ImportError('broken')", "all"),
        (WANDB.replace("kept.append((\"init\", keys))", "raise OSError('no\\nnetwork')"), "all"),
        (WANDB.replace("kept.append((step, values))", "1 / 0"), "all"),
        (WANDB.replace("kept.append((\"finish\", None))", "1 / 0"), "none"),
    ],
)  # fmt: skip
def test_a_tracker_that_fails_is_said_once_and_counted(recipe, fake, text, num_failed):
    fake("wandb", text)
    finished, notes = run(load(recipe, "wandb"))
    said = [note for note in notes if note.startswith("wandb")]
    assert "does not take numbers" in said[0]
    assert "\n" not in said[0]
    assert len(said) == (2 if num_failed == "all" else 1)
    if num_failed == "all":
        assert said[1].startswith("wandb: 14 of 14 records were not taken")
    assert finished.results["splits"]["test"]["examples"] == 12


def test_trackers_change_nothing_of_the_run(recipe, fake, tmp_path):
    fake("wandb", WANDB)
    with_tracker, _ = run(load(recipe, "wandb"))
    without, _ = run(load(recipe, overrides=[f"run.folder={tmp_path}/other"]))
    for name in ("metrics.jsonl", "predictions-test.jsonl", "model/model.safetensors"):
        assert (with_tracker.folder / name).read_bytes() == (without.folder / name).read_bytes()
    assert with_tracker.results == without.results
    # and a run may go on with others, or none
    assert run(load(recipe))[0].was_finished
    one, other = (json.loads((each.folder / "manifest.json").read_text())
                  for each in (with_tracker, without))  # fmt: skip
    assert first_difference(one, other) is None


def test_nobody_is_told_where_none_is_named(recipe, monkeypatch):
    monkeypatch.setattr(tracking, "Tracker", None)
    assert run(load(recipe))[0].results["run"] == "small"


def test_steps_are_left_out_where_a_tracker_is_slow_and_that_is_said():
    now, notes = [0.0], []
    tracker = tracking.Tracker("wandb", None, None, notes.append, clock=lambda: now[0])
    sent = []

    def log(values, step):
        sent.append(step)
        now[0] += 1.0

    tracker._tracker = SimpleNamespace(log=log, finish=lambda: None)
    for number in range(1, 1001):
        now[0] += 0.5
        tracker.watch(Step(number, 0.1, 0.5, 1.0, 0.1, 1, 1, 1))
    tracker.finish()
    assert sent[:6] == [1, 2, 3, 4, 5, 6]
    assert len(sent) <= tracking.FREE_SECONDS + 1 + tracking.MOST_TIME * now[0]
    assert notes == [Note(f"wandb: {1000 - len(sent)} steps not sent, since it is slow; "
                          "metrics.jsonl has them")]  # fmt: skip


def test_after_many_failures_in_a_row_a_tracker_is_left_alone():
    calls, notes = [], []
    tracker = tracking.Tracker("wandb", None, None, notes.append)

    def log(values, step):
        calls.append(step)
        raise OSError("gone")

    tracker._tracker = SimpleNamespace(log=log, finish=lambda: calls.append("finish"))
    for number in range(1, 51):
        tracker.watch(Step(number, 0.1, 0.5, 1.0, 0.1, 1, 1, 1))
    tracker.finish()
    assert len(calls) == tracking.MOST_FAILURES
    assert "50 of 50 records" in notes[-1].text


@pytest.mark.skipif(
    not importlib.util.find_spec("tensorboard"), reason="tensorboard is not installed"
)
def test_tensorboard_has_each_step_once_also_where_a_run_went_on(recipe, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    tracked = load(recipe, "tensorboard", overrides=["train.checkpoint_every=3"])
    interrupt(tracked, lambda event: isinstance(event, Step) and event.number == 8)
    run(tracked)
    found = EventAccumulator(str(tmp_path / "runs" / "small" / "tracking" / "tensorboard"))
    found.Reload()
    assert [each.step for each in found.Scalars("train/loss")] == list(range(1, 11))
    assert "test/f1_passport/text_summary" in found.Tags()["tensors"]
