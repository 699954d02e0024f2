"""The page of a run: what it holds, of every task and of odd runs, and that no text in it runs."""

import base64
import hashlib
import json
import re

import pytest

from tests.report.conftest import KINDS
from tests.report.pages import Page
from toolkit.errors import RecipeError, RunError
from toolkit.report import run_page

HOSTILE = (
    "<img src=x onerror=alert(1)>", "</script><script>alert(1)</script>", "</style><b>",
    "<!--<script>",
    "'\"&amp;&lt;", "\u2028\u2029", "{{ 7 * 7 }}", "]]>", "\u202eevil", "\U0001f600",
)  # fmt: skip


def changed(folder, name, change):
    path = folder / name
    value = change(json.loads(path.read_text(encoding="utf-8")))
    path.write_text(json.dumps(value), encoding="utf-8")


def predictions(folder, records):
    lines = "".join(json.dumps(record) + "\n" for record in records)
    (folder / "predictions-test.jsonl").write_text(lines, encoding="utf-8")


def check_sealed(page):
    """The page asks for nothing, and runs nothing but its own script."""
    names = [name for name, _ in page.elements]
    assert names.count("script") == 1 + page.has("examples-data")
    assert not {"img", "link", "iframe", "object", "base", "form"} & set(names)
    for name, attributes in page.elements:
        assert not any(key.startswith("on") or key in ("style", "src") for key in attributes), name
        assert attributes.get("href", "#").startswith("#")
    assert "url(" not in "".join(page.styles)
    assert "@import" not in "".join(page.styles)
    (policy,) = [
        a["content"] for _, a in page.elements if a.get("http-equiv") == "Content-Security-Policy"
    ]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    for kind, text in (("script-src", page.scripts[-1]), ("style-src", "".join(page.styles))):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules[kind] == f"'sha256-{digest}'"


@pytest.mark.parametrize("kind", KINDS)
def test_every_task_has_a_page(runs, kind):
    path = run_page(runs[kind])
    assert path == runs[kind] / "report.html"
    page = Page(path)
    check_sealed(page)
    results = json.loads((runs[kind] / "results.json").read_text())
    metric = results["best"]["metric"]
    test = results["splits"]["test"]
    value = test["scores"][metric]["value"]
    assert ("undefined" if value is None else f"{value:.4f}") in page.text
    for section in ("scores", "training", "examples", "data", "settings"):
        assert page.has(section), section
    assert len(page.data["cases"]) == len(
        (runs[kind] / "predictions-test.jsonl").read_text().splitlines()
    )
    assert page.has("labels") == (kind not in ("numbers", "answers"))
    assert page.has("confusions") == (kind != "numbers")
    assert page.has("calibration") == (kind != "numbers")
    assert page.has("numbers") == (kind == "numbers")


def test_the_page_shows_the_figures_of_the_run(runs):
    page = Page(run_page(runs["spans"]))
    results = json.loads((runs["spans"] / "results.json").read_text())
    f1 = results["splits"]["test"]["scores"]["f1"]
    assert f"{f1['interval'][0]:.4f} to {f1['interval'][1]:.4f}" in page.text
    for name, row in f1["types"].items():
        assert name in page.text
        assert f"{row['f1']:.4f}" in page.text
    assert "IOB2, conlleval, span, micro" in page.text
    assert "learning_rate: 0.02" in page.text  # the filled recipe
    assert '"torch"' in page.text  # the manifest


def test_errors_come_first_and_the_surest_before_others(runs):
    cases = Page(run_page(runs["classes"])).data["cases"]
    answers = [(case["a"][0]["r"], case["a"][0]["c"][0]) for case in cases]
    assert answers == sorted(answers, key=lambda pair: (pair[0], -pair[1]))
    assert {0, 1} >= {right for right, _ in answers}


def test_spans_stand_where_their_words_are_in_the_text(runs):
    page = Page(run_page(runs["spans"]))
    texts, marked = page.data["texts"], 0
    records = map(json.loads, (runs["spans"] / "predictions-test.jsonl").read_text().splitlines())
    said = {each["id"]: {" ".join(span["words"]) for span in each["spans"]} for each in records}
    for case in page.data["cases"]:
        text = texts[case["p"][0][1]]
        found = {text[m[0] : m[1]] for m in case["a"][0]["m"][0] if m[3] != 2}
        assert found == said[case["i"]]
        marked += len(found)
    assert marked


def test_marks_are_placed_as_a_browser_counts(runs, tmp_path):
    folder = runs.copy("spans", tmp_path / "run")
    record = {"words": ["\U0001f600\U0001f600", "Ada"], "gold": ["O", "B-PER"]}
    predictions(folder, [{"id": "1", "prediction": ["O", "B-PER"], "score": [1, 1], **record}])
    (case,) = Page(run_page(folder)).data["cases"]
    assert case["a"][0]["m"][0][0][:2] == [5, 8]  # two pairs of surrogates and a space before


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_a_run_becomes_markup(runs, tmp_path, text):
    folder = runs.copy("classes", tmp_path / "run")
    record = {"id": text, "gold": text, "text": text, "prediction": "other", "score": {text: 0.5}}
    predictions(folder, [record])
    changed(
        folder, "manifest.json", lambda old: {**old, "command": [text], "versions": {text: text}}
    )

    def spoil(results):
        row = {"f1": 0.5, "precision": None, "recall": None, "support": 1}
        score = {"value": None, "interval": None, "reason": text, "per_label": {text: row}}
        results["splits"]["test"]["scores"] = {text: score, "accuracy": {**score, "mode": text}}
        return results

    changed(folder, "results.json", spoil)
    audit = {"splits": {text: {"rows": 1, "tokens": None}}}
    audit["findings"] = [{"severity": "note", "kind": "k", "message": text, "examples": [text]}]
    page = Page(run_page(folder, audit=audit))
    check_sealed(page)
    assert page.text.count(text) >= 4
    assert page.data["texts"] == [text]
    assert page.data["cases"][0]["i"] == text


def test_a_stand_in_says_so_at_the_top(runs, tmp_path):
    folder = runs.copy("classes", tmp_path / "run")
    recipe = (folder / "recipe.yaml").read_text()
    assert "stand_in: []" in recipe
    (folder / "recipe.yaml").write_text(
        recipe.replace("stand_in: []", 'stand_in: ["the <small> one"]')
    )
    page = Page(run_page(folder))
    assert "STAND-IN" in page.text.partition("accuracy")[0]
    assert "the <small> one" in page.text
    assert "STAND-IN" not in Page(run_page(runs["classes"])).text


def test_undefined_scores_say_why(runs, tmp_path):
    folder = runs.copy("spans", tmp_path / "run")

    def undefined(results):
        f1 = results["splits"]["test"]["scores"]["f1"]
        f1 |= {"value": None, "interval": None, "reason": "neither gold nor predicted", "types": {}}
        return results

    changed(folder, "results.json", undefined)
    page = Page(run_page(folder))
    assert "undefined" in page.text
    assert "neither gold nor predicted" in page.text


def test_a_split_without_examples_has_a_page(runs, tmp_path):
    folder = runs.copy("classes", tmp_path / "run")
    predictions(folder, [])
    page = Page(run_page(folder))
    assert "There is no example in" in page.text
    assert not page.has("calibration")
    check_sealed(page)


@pytest.mark.parametrize("number", [1, 2, 200])
def test_any_number_of_labels_has_a_matrix_that_can_be_read(runs, tmp_path, number):
    folder = runs.copy("classes", tmp_path / "run")
    names = [f"label {n}" for n in range(number)]
    predictions(folder, [
        {"id": str(n), "gold": names[n % number], "text": "t", "score": {},
         "prediction": names[(n * 7) % number]} for n in range(400)
    ])  # fmt: skip
    changed(
        folder,
        "results.json",
        lambda old: {**old, "splits": {"test": {**old["splits"]["test"], "scores": {}}}},
    )
    page = Page(run_page(folder))
    assert page.source.count('class="matrix"') == 1
    rows = re.findall(r"<td class=\"h\d", page.source)
    assert len(rows) == min(number, 20 + (number > 20)) ** 2
    for name in names:  # in the table of labels, as counted
        assert f">{name}</th>" in page.source
    assert ("labels with the most errors" in page.text) == (number > 20)


def test_many_and_long_examples_stay_below_three_megabytes(runs, tmp_path):
    folder = runs.copy("classes", tmp_path / "run")
    predictions(folder, [
        {"id": str(n), "gold": "a", "text": f"{n} " + "word " * 900, "prediction": "b",
         "score": {"a": 0.2, "b": 0.8}} for n in range(1200)
    ])  # fmt: skip
    path = run_page(folder)
    assert path.stat().st_size < 3e6
    page = Page(path)
    assert 100 < len(page.data["cases"]) < 1000
    assert "of 1,200 examples" in page.text


def test_an_unfinished_run_shows_what_is_there(runs, tmp_path):
    folder = runs.copy("spans", tmp_path / "run")
    for name in ("results.json", "predictions-dev.jsonl", "predictions-test.jsonl"):
        (folder / name).unlink()
    with open(folder / "metrics.jsonl", "ab") as file:
        file.write(b'{"step": 99, "lo')  # a line that is being written
    page = Page(run_page(folder))
    assert "This run is not finished" in page.text
    assert page.has("training")
    assert not page.has("examples")
    for name in ("metrics.jsonl", "timing.jsonl", "manifest.json"):
        (folder / name).unlink()
    check_sealed(Page(run_page(folder)))


def test_losses_that_are_no_numbers_leave_a_gap(runs, tmp_path):
    folder = runs.copy("spans", tmp_path / "run")
    lines = [
        {"step": n, "loss": None, "learning_rate": 0.1, "grad_norm": None} for n in range(1, 4)
    ]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    page = Page(run_page(folder))
    assert "Learning rate" in page.text
    assert "NaN" not in page.source.partition("<script")[0]


def test_what_learns_in_one_go_has_no_curves(runs, tmp_path):
    folder = runs.copy("spans", tmp_path / "run")
    line = {"step": 0, "scores": {"f1": 0.5}, "metric": "f1", "loss": None, "split": "dev"}
    (folder / "metrics.jsonl").write_text(json.dumps(line) + "\n")
    (folder / "timing.jsonl").write_text('{"step": 0, "seconds": 1.5}\n')
    changed(folder, "results.json", lambda old: {**old, "best": {**old["best"], "step": 0}})
    page = Page(run_page(folder))
    assert not page.has("training")
    assert "time to learn1.5 s" in page.text
    assert "best on dev" not in page.text


def test_of_other_splits_the_examples_can_be_shown(runs):
    assert "split" in Page(run_page(runs["spans"], split="dev")).source
    with pytest.raises(RunError, match=r"no predictions of 'tets', expected one of test, dev"):
        run_page(runs["spans"], split="tets")


def test_what_is_no_run_is_an_error(tmp_path):
    with pytest.raises(RunError, match="no such run"):
        run_page(tmp_path / "none")
    with pytest.raises(RunError, match="is no run"):
        run_page(tmp_path)


@pytest.mark.parametrize(
    ("line", "found"),
    [("{", "is not JSON"), ("[1]", "expected an object"), ('{"id": 1}', "no prediction of this")],
)
def test_a_damaged_line_is_named(runs, tmp_path, line, found):
    folder = runs.copy("spans", tmp_path / "run")
    with open(folder / "predictions-test.jsonl", "a", encoding="utf-8") as file:
        file.write(line + "\n")
    with pytest.raises(RunError, match=rf"predictions-test.jsonl:51: .*{found}"):
        run_page(folder)


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("results.json", "[]", "found \\[\\], expected an object"),
        ("results.json", '{"splits": {"test": {"examples": 1}}}', "test: found None, expected"),
        ("results.json", '{"splits": {"test": {"scores": {"f1": {}}}}}', "test: f1: has no value"),
        ("results.json", '{"splits": {"test": {"scores": {}}}}', "how many examples"),
        ("manifest.json", "3", "expected an object"),
        ("metrics.jsonl", '{"loss": 1}\n', "metrics.jsonl:1: found no step"),
        ("timing.jsonl", "{]\n", "timing.jsonl:1: is not JSON"),
    ],
)
def test_files_that_are_not_as_a_run_leaves_them_are_named(runs, tmp_path, name, text, found):
    folder = runs.copy("spans", tmp_path / "run")
    (folder / name).write_text(text)
    with pytest.raises(RunError, match=found) as caught:
        run_page(folder)
    assert name in str(caught.value)


def test_a_task_of_a_users_own_needs_to_be_allowed(runs, tmp_path):
    folder = runs.copy("spans", tmp_path / "run")
    text = (folder / "recipe.yaml").read_text()
    (folder / "recipe.yaml").write_text(
        text.replace("type: token-classification", 'type: "mine:Task"')
    )
    with pytest.raises(RecipeError, match="--allow-code mine"):
        run_page(folder)


def test_the_page_of_the_same_run_is_the_same(runs):
    assert run_page(runs["several"]).read_bytes() == run_page(runs["several"]).read_bytes()
