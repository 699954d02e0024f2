"""The name of a pretrained family's own head: what a task asks of an encoder that has one."""

from typing import NamedTuple


class StandardHead(NamedTuple):
    """The head that a pretrained family brings for a kind of task, and how it is shaped."""

    auto_class: str  # of transformers: "AutoModelForTokenClassification"
    labels: tuple[str, ...]  # in the order of the scores; none: they are the vocabulary's
    outputs: tuple[str, ...] = ("logits",)  # what makes the scores; several are stacked at the end
    config: tuple[tuple[str, str], ...] = ()  # more keys of the family's configuration
    comes_along: bool = False  # checkpoints hold its weights too: say it where one does not
