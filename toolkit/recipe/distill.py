"""`train.distill`: another run teaches this one.

J. Ba and R. Caruana 2014 match scores by squared differences, G. Hinton et al. 2015 softened
probabilities; R. Tang et al. 2019 teach a BiLSTM by BERT so, on changed copies of its texts too.
"""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from toolkit.data.text import expand
from toolkit.errors import UnreachableError
from toolkit.recipe.block import Block, Learned

RESULTS = "results.json"  # of a run that is finished
Share = Annotated[float, Field(ge=0, le=1)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Distill(Block):
    """Another run teaches this one: its scores are matched, beside the gold or in its place."""

    teacher: str  # the folder of a finished run of the same task: runs/banking77-minilm
    teacher_sha256: Learned[Sha256 | None] = None  # of its weights; null: filled in, then kept to
    loss: Literal["mse", "kl"] = "mse"  # of scores; kl: of probabilities, the only one for answers
    temperature: Annotated[float, Field(gt=0)] = 1.0  # of kl: above 1, small probabilities count
    weight: Annotated[float, Field(gt=0, le=1)] = 1.0  # of the teacher's part; the rest is gold's
    augment: Annotated[int, Field(ge=0)] = 0  # changed copies of each training text, without gold
    mask: Share = 0.1  # of the words of a copy: hidden
    ngram: Share = 0.25  # of the copies: only one to five words of the text, in a row
    transfer: str | None = None  # more texts without gold: .txt, or a source as data reads it

    def faults(self) -> list[tuple[str, str]]:
        """Faults between fields."""
        faults = []
        if self.loss != "kl" and self.temperature != 1:
            message = f"found {self.temperature} with loss: {self.loss}, expected loss: kl"
            faults.append(("temperature", message))
        if self.augment and not (self.mask or self.ngram):
            message = f"found {self.augment} with mask and ngram 0: the copies would not differ"
            faults.append(("augment", message))
        return faults

    def missing(self) -> list[str]:
        """What a variable leads to and is not there, a phrase each."""
        causes = {"teacher": _cause(self.teacher), "transfer": _cause(self.transfer or "")}
        return [f"train.distill.{key}: {cause}" for key, cause in causes.items() if cause]

    def is_finished(self) -> bool:
        """Whether the teacher's run is there and done."""
        return not _cause(self.teacher) and (expand(self.teacher) / RESULTS).is_file()

    def stand_ins(self) -> list[str]:
        """What was replaced when the teacher was trained, which makes this run a stand-in too."""
        if not self.is_finished():  # said where the teacher is opened
            return []
        return _stand_ins(expand(self.teacher) / RESULTS)


def _cause(path: str) -> str:
    """Why a path leads nowhere, where a variable is the reason; else empty."""
    try:
        expand(path)
    except UnreachableError as error:
        return error.faults[0]
    return ""


def _stand_ins(results: Path) -> list[str]:
    try:
        found: Any = json.loads(results.read_text(encoding="utf-8"))
    except ValueError:  # said where the teacher is opened
        return []
    return list(found.get("stand_ins", ())) if isinstance(found, dict) else []
