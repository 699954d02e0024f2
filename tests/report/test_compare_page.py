"""The page of a ladder: figures, costs, examples, and that no text in it runs."""

import json

import pytest

from tests.report.conftest import KINDS
from tests.report.ladders import make_ladder
from tests.report.pages import Page
from tests.report.test_run_page import HOSTILE, check_sealed
from toolkit.errors import RunError
from toolkit.report import compare_page


def figures(folder, change):
    path = folder / "compare.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def rewrite(folder, change):
    path = folder / "predictions-test.jsonl"
    records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    lines = (json.dumps(change(record)) + "\n" for record in records)
    path.write_text("".join(lines), encoding="utf-8")


@pytest.fixture
def ladder(runs, tmp_path):
    return make_ladder(tmp_path / "ladder", runs["classes"], ["low", "middle", "high"])


@pytest.mark.parametrize("kind", KINDS)
def test_every_task_has_a_ladder(runs, tmp_path, kind):
    path = compare_page(make_ladder(tmp_path / "ladder", runs[kind], ["low", "high"]))
    assert path == tmp_path / "ladder" / "compare.html"
    page = Page(path)
    check_sealed(page)
    for section in ("cost", "rungs", "differences", "curves", "examples", "machine"):
        assert page.has(section), section
    assert page.data["models"] == ["low", "high"]
    assert page.has("confusions") == page.has("calibration") == (kind != "numbers")


def test_the_figures_are_those_of_the_file(ladder):
    page = Page(compare_page(ladder))
    content = json.loads((ladder / "compare.json").read_text())
    for rung in content["rungs"]:
        assert f"{rung['mean']:.4f}" in page.text
    assert "The rungs cannot be told apart." in page.text
    assert "approximate randomisation" in page.text
    assert "0.080" in page.text  # Holm
    assert "0.0200 between models" in page.text
    assert "between recipes" not in page.text.partition("Smallest")[2].partition(".")[0]


def test_the_front_is_who_nothing_beats_in_both(ladder):
    def costs(content):
        for rung, score, cost in zip(content["rungs"], (0.5, 0.4, 0.9), (1, 2, 3), strict=True):
            rung |= {"mean": score, "parameters": cost * 1000}

    figures(ladder, costs)
    source = compare_page(ladder).read_text()
    plot = source.partition("against parameters</figcaption>")[2].partition("</svg>")[0]
    best = [part.partition("</title>")[0] for part in plot.split("<title>") if "spot best" in part]
    assert [said.partition(":")[0] for said in best] == ["low", "high"]


def test_a_cost_of_nothing_and_one_that_was_not_measured_are_drawn_and_said(ladder):
    def costs(content):
        content["rungs"][0] |= {"parameters": 0, "latency_ms": None}

    figures(ladder, costs)
    page = Page(compare_page(ladder))
    assert "Not measured for low." in page.text
    assert "low: " in page.source.partition("against parameters<")[2].partition("</svg>")[0]


def test_memory_of_a_gpu_is_a_cost_where_it_was_measured(ladder):
    assert "GPU" not in Page(compare_page(ladder)).text
    figures(ladder, lambda content: content["rungs"][1].update(peak_gpu_memory_mb=1234.0))
    page = Page(compare_page(ladder))
    assert "GPU 1,234 MB" in page.text
    assert "against peak memory of the GPU" in page.text
    assert "Not measured for low, high." in page.text


def test_what_rungs_say_is_grouped_and_differences_come_first(ladder):
    rewrite(
        ladder / "rung2-seed1", lambda r: r | {"prediction": "billing"} if r["id"] == "t305" else r
    )
    page = Page(compare_page(ladder))
    ids = [case["i"] for case in page.data["cases"]]
    known = json.loads(
        (ladder / "rung0-seed1" / "predictions-test.jsonl").read_text().splitlines()[0]
    )
    rewrite(
        ladder / "rung2-seed1", lambda r: r | {"prediction": "new"} if r["id"] == known["id"] else r
    )
    first, *others = Page(compare_page(ladder)).data["cases"]
    assert first["i"] == known["id"]
    assert [answer["n"] for answer in first["a"]] == [[0, 1], [2]]
    assert sorted([first["i"], *(case["i"] for case in others)]) == sorted(ids)


def test_a_rung_without_predictions_or_seeds_is_there_all_the_same(ladder):
    for seed in (1, 2):
        (ladder / f"rung1-seed{seed}" / "predictions-test.jsonl").unlink()

    def fewer(content):
        content["rungs"][1] |= {
            "mean": None, "std": None, "interval": None, "scores": [None], "per_label": None,
            "difference": None, "train_seconds": [], "texts_per_second": None, "size_bytes": None,
        }  # fmt: skip

    figures(ladder, fewer)
    page = Page(compare_page(ladder))
    assert "Without predictions here: middle." in page.text
    assert page.data["models"] == ["low", "high"]
    assert "undefined" in page.text


def test_a_ladder_whose_runs_are_gone_has_its_figures(ladder, tmp_path):
    alone = tmp_path / "alone"
    alone.mkdir()
    (alone / "compare.json").write_bytes((ladder / "compare.json").read_bytes())
    page = Page(compare_page(alone))
    assert page.has("rungs")
    assert not page.has("examples")


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_a_ladder_becomes_markup(runs, tmp_path, text):
    folder = make_ladder(
        tmp_path / "ladder", runs["classes"], [text, "high"], ladder=text, sentences=[text],
        machine={text: text}, stand_in=True, stand_ins=[text], metric=text, task=text,
        about={text: text},
    )  # fmt: skip
    rewrite(folder / "rung0-seed1", lambda record: record | {"text": text, "gold": text})
    rewrite(folder / "rung1-seed1", lambda record: record | {"text": text, "gold": text})
    page = Page(compare_page(folder))
    check_sealed(page)
    assert page.text.count(text) >= 8
    assert page.data["models"][0] == text
    assert text in page.data["labels"]


def test_a_stand_in_says_so_at_the_top(runs, tmp_path):
    folder = make_ladder(
        tmp_path / "ladder", runs["classes"], ["low"], 1, stand_in=True, stand_ins=["of tickets"]
    )
    assert "of tickets" in Page(compare_page(folder)).text.partition("What a score costs")[0]


def test_what_a_ladder_may_lack_is_left_out(runs, tmp_path):
    folder = make_ladder(tmp_path / "ladder", runs["classes"], ["low", "high"], 1)

    def less(content):
        for key in set(content) - {"ladder", "task", "metric", "split", "rungs"}:
            del content[key]
        kept = ("name", "runs", "scores", "mean")
        content["rungs"] = [{key: rung[key] for key in kept} for rung in content["rungs"]]

    figures(folder, less)
    page = Page(compare_page(folder))
    check_sealed(page)
    assert not page.has("cost")
    assert page.has("rungs")
    assert page.has("examples")


def test_a_run_that_failed_is_said_once(runs, tmp_path):
    failed = [{"rung": "top", "run": "top-seed1", "fault": "no memory", "exit_code": 4}]
    said = ["top-seed1 failed (no memory): top is left out of the table."]
    for number, sentences in enumerate(([], said)):
        folder = tmp_path / str(number)
        make_ladder(folder, runs["classes"], ["low"], 1, failed=failed, sentences=sentences)
        page = Page(compare_page(folder))
        assert page.text.count("no memory") == 1
        assert "exit_code" not in page.text


def test_the_best_rung_is_marked_and_its_confusions_are_shown_first(ladder):
    page = Page(compare_page(ladder))
    options = [attributes for name, attributes in page.elements if name == "option"]
    assert {"selected": None} in options
    assert "<option selected>high" in page.source
    assert page.text.count("cheapest within noise") == 1
    figures(ladder, lambda content: content.update(cheapest_within_noise="high"))
    assert "cheapest within noise" not in Page(compare_page(ladder)).text


def test_what_is_no_ladder_is_an_error(tmp_path):
    with pytest.raises(RunError, match="toolkit compare writes it"):
        compare_page(tmp_path)
    (tmp_path / "compare.json").write_text("{")
    with pytest.raises(RunError, match="is not JSON"):
        compare_page(tmp_path)
    (tmp_path / "compare.json").write_text('{"ladder": "x"}')
    with pytest.raises(RunError, match="lacks task, metric, split, rungs"):
        compare_page(tmp_path)
    content = {"ladder": "x", "task": "t", "metric": "m", "split": "test", "rungs": [{"name": "a"}]}
    (tmp_path / "compare.json").write_text(json.dumps(content))
    with pytest.raises(RunError, match="rung 1 lacks runs, scores, mean"):
        compare_page(tmp_path)
