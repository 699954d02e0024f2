"""What the guides show must work as it stands there."""

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.forked import command_forked, script_forked
from tests.recipes import write_recipe
from toolkit import load_recipe
from toolkit.compare.reading import read_ladder
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


def typed(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Type a command of the toolkit in a folder with modules."""
    return command_forked(*words, folder=folder, meanwhile=lambda: sys.path.insert(0, ""))


def test_the_custom_task_keeps_the_contract(custom_task):
    done = script_forked("check.py", folder=custom_task)
    assert done.returncode == 0, done.stderr


def test_the_custom_task_runs_by_recipe_and_predicts(custom_task):
    allow = ("--allow-code", "my_tasks")
    done = typed(custom_task, "finetune", "mentions.yaml", *allow)
    assert done.returncode == 0, done.stderr
    text = "Marta Kowalski moved to Leeds."
    done = typed(custom_task, "predict", "runs/mentions", text, *allow)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"\((('\w+',? ?)*)\)\n", done.stdout)


def test_the_custom_task_is_not_run_unless_it_is_allowed(custom_task):
    (custom_task / "my_tasks.py").write_text("open('touched', 'w')", encoding="utf-8")
    done = typed(custom_task, "finetune", "mentions.yaml")
    assert done.returncode == 2
    assert "--allow-code my_tasks" in done.stderr
    assert not (custom_task / "touched").exists()


@pytest.fixture
def own_cell(tmp_path):
    (cell,) = blocks("models.md", "python")
    (tmp_path / "my_cells.py").write_text(cell, encoding="utf-8")
    write_recipe(tmp_path, "{type: 'my_cells:Slow', embedding: 16, hidden: 16, layers: 2}")
    return tmp_path


def test_a_cell_of_ones_own_trains_and_predicts(own_cell):
    allow = ("--allow-code", "my_cells")
    done = typed(own_cell, "finetune", "small.yaml", *allow)
    assert done.returncode == 0, done.stderr
    done = typed(own_cell, "predict", "runs/small", "Marta lives in Leeds.", *allow)
    assert done.returncode == 0, done.stderr


def test_the_tables_of_the_models_are_what_their_script_measures():
    guide = (DOCS / "models.md").read_text(encoding="utf-8")
    done = script_forked("docs/models.py", folder=DOCS.parent)
    assert done.returncode == 0, done.stderr
    tables = [done.stdout.splitlines(), guide.splitlines()]
    measured, shown = ([line for line in lines if line.startswith("| ")] for lines in tables)
    first = shown.index(measured[0])  # the guide begins with another table
    rows = zip(measured, shown[first:], strict=True)
    assert [row for row in rows if not agree(*row)] == []


def agree(line: str, other: str) -> bool:
    """Whether rows of a table say the same, but for what another processor rounds otherwise."""
    ours, theirs = ([cell.strip() for cell in each.split("|")] for each in (line, other))
    if len(ours) != len(theirs):
        return False
    pairs = zip(ours, theirs, strict=True)
    return all(one == two or near(one, two) for one, two in pairs)


def near(one: str, two: str) -> bool:
    try:
        return float(one) == pytest.approx(float(two), rel=0.5)
    except ValueError:
        return False


def test_the_gradients_over_distance_are_drawn(tmp_path):
    done = script_forked("docs/models.py", "--plots", tmp_path, folder=DOCS.parent)
    assert done.returncode == 0, done.stderr
    drawn = ElementTree.parse(tmp_path / "gradients.svg").getroot()
    lines = drawn.findall("{http://www.w3.org/2000/svg}polyline")
    assert len(lines) == 6
    heights = [
        [float(point.split(",")[1]) for point in line.get("points").split()] for line in lines
    ]
    assert heights[0][-1] > heights[-1][-1] + 200  # down there the RNN, up there an open LSTM


def test_the_custom_baseline_runs_by_recipe_and_predicts(tmp_path):
    (code,) = blocks("custom-baseline.md", "python")
    (recipe,) = blocks("custom-baseline.md", "yaml")
    (tmp_path / "my_baselines.py").write_text(code, encoding="utf-8")
    (tmp_path / "tickets.yaml").write_text(recipe, encoding="utf-8")
    for name in ("train", "dev"):
        text = (sample_folder("tickets") / f"{name}.jsonl").read_text(encoding="utf-8")
        (tmp_path / f"{name}.jsonl").write_text(text, encoding="utf-8")
    allow = ("--allow-code", "my_baselines")
    done = typed(tmp_path, "finetune", "tickets.yaml", *allow)
    assert done.returncode == 0, done.stderr
    done = typed(tmp_path, "predict", "runs/tickets", "My parcel.", "", *allow)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"(\w+ \(0\.\d\d\)\n){2}", done.stdout)


def test_the_keys_of_a_teacher_are_those_of_a_recipe(tmp_path):
    block, _ = blocks("distillation.md", "yaml")
    recipe = (
        "task: {type: sequence-classification}\nmodel: {type: lstm}\ndata: {format: csv, train: x}"
    )
    path = tmp_path / "student.yaml"
    path.write_text(f"{recipe}\n{block}", encoding="utf-8")
    assert load_recipe(path).train.distill.teacher == "runs/banking77-minilm"


def test_the_ladder_of_taught_taggers_is_one(tmp_path, monkeypatch):
    monkeypatch.setenv("TOOLKIT_DATA", str(tmp_path))
    for name in ("wnut17", "glove"):
        (tmp_path / name).mkdir()
    for name in ("wnut17train.conll", "emerging.dev.conll", "emerging.test.annotated"):
        (tmp_path / "wnut17" / name).touch()
    (tmp_path / "glove" / "glove.twitter.25d.top12k.txt").touch()
    path = tmp_path / "taught.yaml"
    path.write_text(blocks("distillation.md", "yaml")[1], encoding="utf-8")
    rungs = read_ladder(path).rungs
    taught = [runs[0].train.distill for runs in rungs.values()]
    assert [settings and settings.temperature for settings in taught] == [None, 2.0, 1.0]
    assert len({settings.weight for settings in taught if settings}) == 1
