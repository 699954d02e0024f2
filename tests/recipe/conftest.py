"""Recipes in a folder of their own, with stand-ins for the classes that they name."""

from collections.abc import Callable
from pathlib import Path

import pytest

from toolkit import registry

STAND_INS = "tests.recipe.stand_ins"
GOOD = """\
task:
  type: tagging
model:
  type: pretrained
  checkpoint: bert-base-cased
data:
  format: conll
  train: train.conll
  dev: dev.conll
train:
  epochs: 3
  learning_rate: 3e-5
"""


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    """The recipe room does not need the real tasks, models and readers."""
    names = {
        "task": {"tagging": "Tagging", "sorting": "Sorting"},
        "model": {"pretrained": "Pretrained", "lstm": "Lstm"},
        "data": {"conll": "Conll"},
    }
    for block, classes in names.items():
        addresses = {name: f"{STAND_INS}:{cls}" for name, cls in classes.items()}
        monkeypatch.setitem(registry.BUILT_IN, block, addresses)
    monkeypatch.setitem(registry.KIND, "task", (f"{STAND_INS}:Task",))
    monkeypatch.setitem(registry.KIND, "model", (f"{STAND_INS}:Encoder",))


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """`write(text, "ner.yaml")`: a file in the working directory, which is a fresh one."""
    monkeypatch.chdir(tmp_path)

    def write_file(text: str | bytes, name: str = "ner.yaml") -> str:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return name

    return write_file
