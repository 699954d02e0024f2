"""What the guides show must work as it stands there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from toolkit.standin import sample_folder

DOCS = Path(__file__).parents[1] / "docs"


def blocks(name: str, language: str) -> list[str]:
    text = (DOCS / name).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@pytest.fixture
def custom_task(tmp_path):
    task, check = blocks("custom-task.md", "python")
    (recipe,) = blocks("custom-task.md", "yaml")
    (tmp_path / "my_tasks.py").write_text(task, encoding="utf-8")
    (tmp_path / "check.py").write_text(check, encoding="utf-8")
    (tmp_path / "mentions.yaml").write_text(recipe, encoding="utf-8")
    for name in ("train", "dev"):
        text = (sample_folder("ner") / f"{name}.conll").read_text(encoding="utf-8")
        (tmp_path / f"{name}.conll").write_text("\n\n".join(text.split("\n\n")[:40]) + "\n")
    return tmp_path


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *command], cwd=folder, capture_output=True, text=True)


def test_the_custom_task_keeps_the_contract(custom_task):
    done = run(custom_task, "check.py")
    assert done.returncode == 0, done.stderr


def test_the_custom_task_runs_by_recipe_and_predicts(custom_task):
    allow = ("--allow-code", "my_tasks")
    done = run(custom_task, "-m", "toolkit", "finetune", "mentions.yaml", *allow)
    assert done.returncode == 0, done.stderr
    text = "Marta Kowalski moved to Leeds."
    done = run(custom_task, "-m", "toolkit", "predict", "runs/mentions", text, *allow)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"\((('\w+',? ?)*)\)\n", done.stdout)


def test_the_custom_task_is_not_run_unless_it_is_allowed(custom_task):
    (custom_task / "my_tasks.py").write_text("open('touched', 'w')", encoding="utf-8")
    done = run(custom_task, "-m", "toolkit", "finetune", "mentions.yaml")
    assert done.returncode == 2
    assert "--allow-code my_tasks" in done.stderr
    assert not (custom_task / "touched").exists()
