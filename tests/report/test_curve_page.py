"""The page of a learning curve."""

import json

import pytest

from tests.report.pages import Page
from tests.report.test_run_page import HOSTILE, check_sealed
from toolkit.errors import RunError
from toolkit.report import curve_page


def write(folder, **figures):
    points = [
        {"size": 30 * 2**n, "seeds": [1, 2], "scores": [0.3 + n / 10, None], "mean": 0.3 + n / 10,
         "std": None, "interval": [0.2 + n / 10, 0.4 + n / 10]} for n in range(3)
    ]  # fmt: skip
    line = [
        {"size": size, "score": 0.5, "interval": [0.4, 0.6]} for size in (30.0, 60.0, 120.0, 240.0)
    ]
    content = {
        "curve": "small", "metric": "accuracy", "split": "test", "points": points,
        "fit": {"law": "1 - score = a n^-b + c", "line": line},
        "doubling": {"from": 120, "to": 240, "score": 0.55, "interval": [0.5, 0.6]},
        "sentences": ["It goes on."], **figures,
    }  # fmt: skip
    (folder / "curve.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def test_points_law_and_forecast_are_there(tmp_path):
    page = Page(curve_page(write(tmp_path)))
    check_sealed(page)
    assert page.source.count('class="spot') == 3
    assert page.source.count('class="band"') == 1
    assert "240 (forecast)" in page.text
    assert "0.5500" in page.text
    assert "It goes on." in page.text


def test_without_a_law_there_are_points_alone(tmp_path):
    page = Page(curve_page(write(tmp_path, fit=None, doubling=None)))
    assert "No law is fitted." in page.text
    assert 'class="band"' not in page.source


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_a_curve_becomes_markup(tmp_path, text):
    failed = [{"rung": text, "run": text, "fault": text, "exit_code": 1}]
    figures = {"curve": text, "metric": text, "split": text, "stand_ins": [text]}
    for number, sentences in enumerate(([text], [])):
        folder = tmp_path / str(number)
        folder.mkdir()
        more = {"machine": {text: text}, "sentences": sentences, "failed": failed}
        page = Page(curve_page(write(folder, **figures, **more)))
        check_sealed(page)
        assert page.text.count(text) >= 6


def test_what_is_no_curve_is_an_error(tmp_path):
    with pytest.raises(RunError, match="toolkit curve writes it"):
        curve_page(tmp_path)
    with pytest.raises(RunError, match="point 1 lacks scores, mean"):
        curve_page(write(tmp_path, points=[{"size": 3}]))
