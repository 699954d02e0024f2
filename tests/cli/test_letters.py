"""A terminal whose encoding lacks letters."""

import io
import os
import subprocess
import sys

import pytest

from toolkit.cli.letters import escape_what_is_lacking, has_all_letters

LEGACY = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"}


def written(encoding: str, monkeypatch) -> bytes:
    inside = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(inside, encoding))
    escape_what_is_lacking()
    sys.stdout.write("é … 東")
    sys.stdout.flush()
    return inside.getvalue()


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [
        ("utf-8", "é … 東".encode()),
        ("ascii", rb"\xe9 \u2026 \u6771"),
        ("iso-8859-1", b"\xe9 \\u2026 \\u6771"),
    ],
)
def test_letters_that_are_lacking_are_escaped(encoding, expected, monkeypatch):
    assert written(encoding, monkeypatch) == expected


def test_an_output_that_is_no_file_has_all_letters(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    escape_what_is_lacking()
    assert has_all_letters(sys.stdout)


def test_a_command_tells_a_fault_in_an_ascii_locale(tmp_path):
    recipe = tmp_path / "größe.yaml"
    recipe.write_text("task: {type: …}\n", encoding="utf-8")
    command = [sys.executable, "-m", "toolkit", "check", "größe.yaml"]
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, **LEGACY}, capture_output=True, check=False
    )
    assert done.returncode == 2
    assert b"\\u2026" in done.stderr
    assert b"Traceback" not in done.stderr
