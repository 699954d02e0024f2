"""A learning curve from a recipe to its forecast."""

import json

import pytest

from tests.recipes import write_recipe
from toolkit.compare.curve import curve, read_curve
from toolkit.compare.job import Options
from toolkit.errors import RecipeError


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("curve")
    write_recipe(folder)
    return folder


def read(home, *overrides, **options):
    return read_curve(home / "small.yaml", "train.learning_rate=3e-2", *overrides, **options)


def test_sizes_are_halves_of_the_whole_and_each_seed_has_a_part_of_its_own(home):
    ladder = read(home)
    assert ladder.name == "small-curve"
    assert [*ladder.rungs] == ["n20", "n40"]  # not below 16
    whole = ladder.rungs["n40"][0]
    assert whole.data.take is None
    takes = [(each.data.take.examples, each.data.take.seed) for each in ladder.rungs["n20"]]
    assert takes == [(20, 1), (20, 2), (20, 3)]
    assert ladder.rungs["n20"][0].run.name == "n20-seed1"


def test_every_size_knows_the_labels_of_the_whole(home):
    ladder = read(home, sizes=(2, 40))
    few, whole = (recipes[0].task.labels for recipes in ladder.rungs.values())
    assert few == whole != ()


def test_what_cannot_be_is_told_at_once(home):
    with pytest.raises(RecipeError) as caught:
        read(home, sizes=(0, 10, 41), seeds=(1, 1))
    assert caught.value.faults == (
        "--sizes: found 0, expected 1 to 40, the examples that train has",
        "--sizes: found 41, expected 1 to 40, the examples that train has",
        "--seeds: found one twice, expected different seeds",
    )
    with pytest.raises(RecipeError, match=r"data\.take: leave it out"):
        read(home, "data.take.examples=10")


def test_it_leaves_points_a_law_and_a_forecast(home, monkeypatch):
    monkeypatch.setattr("toolkit.compare.curve.NO_LAW", 1e9)
    ladder = read(home, sizes=(10, 20, 40), seeds=(1, 2))
    done = curve(ladder, Options(workers=2))
    assert done.exit_code == 0
    found = json.loads((ladder.folder / "curve.json").read_text())
    assert (found["curve"], found["metric"], found["examples"]) == ("small-curve", "f1", 12)
    assert [point["size"] for point in found["points"]] == [10, 20, 40]
    for point in found["points"]:
        runs = [ladder.folder / run for run in point["runs"]]
        told = [json.loads((run / "results.json").read_text()) for run in runs]
        assert point["scores"] == [each["splits"]["test"]["scores"]["f1"]["value"] for each in told]
        sizes = [
            json.loads((run / "manifest.json").read_text())["data"]["train"]["examples"]
            for run in runs
        ]
        assert sizes == [point["size"]] * 2
    doubling, fit = found["doubling"], found["fit"]
    assert (doubling["from"], doubling["to"]) == (40, 80)
    assert doubling["score"] == pytest.approx(1 - fit["a"] * 80 ** -fit["b"] - fit["c"])
    for ends in (doubling["interval"], doubling["gain_interval"], *fit["intervals"].values()):
        assert ends[0] <= ends[1]
    assert fit["line"][-1]["score"] == pytest.approx(doubling["score"])
    assert any("80 examples instead of 40" in sentence for sentence in found["sentences"])
    assert "| 40 | " in (ladder.folder / "curve.md").read_text()
    events = []
    again = curve(ladder, Options(), events.append)
    assert (events, again.found) == ([], found)
    monkeypatch.setattr("toolkit.compare.curve.NO_LAW", 0.0)
    unfit = curve(ladder, Options(), events.append).found
    assert (events, unfit["fit"], unfit["doubling"]) == ([], None, None)
    assert unfit["farthest"] == fit["farthest"] > 0
    here, there = (f"{point['mean']:.4f}" for point in found["points"][1:])
    (sentence,) = unfit["sentences"]
    assert "no forecast. From 20 to 40 examples" in sentence
    assert f"from {here} to {there}." in sentence


def test_of_two_sizes_no_law_is_fitted_and_that_is_said(home):
    done = curve(read(home, sizes=(20, 40), seeds=(1, 2)), Options(workers=2))
    assert (done.found["fit"], done.found["doubling"]) == (None, None)
    assert "none is fitted" in done.found["sentences"][-1]
