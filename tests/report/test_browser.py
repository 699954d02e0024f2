"""Pages in a real browser: drawn, filtered, paged; no fault of the script, no request."""

import html
import json
import re
import shutil
import subprocess

import pytest

from tests.report.ladders import make_ladder
from toolkit.report import compare_page, run_page

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
BROWSER = next((found for name in NAMES if (found := shutil.which(name))), None)
pytestmark = pytest.mark.skipif(
    BROWSER is None, reason=f"no browser is installed: looked for {', '.join(NAMES)}"
)
# what a page must not do, each where a text would have it done
ATTACK = "<img src=http://127.0.0.1:9/x onerror=document.title='broken'>"


def browse(page, tmp_path, *flags):
    """The page as the browser has it when its script is done, and what the browser said."""
    log = tmp_path / "net.json"
    done = subprocess.run(
        [
            BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
            "--no-first-run", "--disable-background-networking", "--disable-component-update",
            "--disable-sync", f"--user-data-dir={tmp_path / 'profile'}", f"--log-net-log={log}",
            "--enable-logging=stderr", "--virtual-time-budget=2000", "--dump-dom", *flags,
            page.as_uri(),
        ],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    asked = set(re.findall(r'"url":"(https?://[^"]*)"', log.read_text(errors="replace")))
    return done.stdout, said, {url for url in asked if "127.0.0.1" in url or "example" in url}


def check(dom, said, asked, num_cases):
    assert said == []
    assert asked == set()
    assert re.search(r'<html[^>]* data-ready="\d+"', dom)
    assert dom.count('<article class="case') == num_cases
    assert "<title>broken" not in dom


def spoil(folder):
    """Texts that would be markup where they were not text."""
    path = folder / "predictions-test.jsonl"
    records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for record in records:
        for key in ("text", "question", "context"):
            if key in record:
                record[key] += ATTACK
        if "words" in record:
            record["words"][0] += ATTACK
    text = "".join(json.dumps(record) + "\n" for record in records)
    path.write_text(text, encoding="utf-8")
    return len(records)


@pytest.mark.parametrize("kind", ["spans", "classes", "answers", "numbers", "gaps"])
def test_a_page_of_a_run_is_drawn_in_a_browser(runs, tmp_path, kind):
    num = spoil(folder := runs.copy(kind, tmp_path / "run"))
    dom, *rest = browse(run_page(folder), tmp_path)
    check(dom, *rest, min(20, num))
    if kind != "gaps":
        assert html.escape(ATTACK, quote=False).replace("'", "'") in dom
    if kind == "spans":
        assert '<mark class="' in dom.partition('id="cases"')[2]


def test_a_page_of_a_ladder_is_drawn_in_a_browser(runs, tmp_path):
    folder = runs.copy("classes", tmp_path / "run")
    num = spoil(folder)
    ladder = make_ladder(tmp_path / "ladder", folder, [f"rung {ATTACK}", "two"])
    dom, *rest = browse(compare_page(ladder), tmp_path)
    check(dom, *rest, min(20, num))
    panels = dom.partition('id="cost-panels"')[2].partition("</section>")[0]
    assert panels.count("hidden") == panels.count("<figure>") - 1  # one cost is shown
