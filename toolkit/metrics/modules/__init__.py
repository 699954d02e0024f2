"""Our scorers as `evaluate` modules, computed by the same functions, without a network.

`evaluate.load(folder("spans")).compute(predictions=…, references=…)`. Values are in [0, 1], None
where a score is undefined.
"""

from pathlib import Path
from typing import Literal


def folder(name: Literal["classification", "regression", "spans", "squad"]) -> str:
    """The path that `evaluate.load` takes."""
    return str(Path(__file__).parent / name)
