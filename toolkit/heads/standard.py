"""The name of a pretrained family's own head: what a task asks of an encoder that has one."""

from typing import NamedTuple


class StandardHead(NamedTuple):
    """The head that a pretrained family brings for a kind of task, and how it is shaped."""

    auto_class: str  # of transformers: "AutoModelForTokenClassification"
    labels: tuple[str, ...]
