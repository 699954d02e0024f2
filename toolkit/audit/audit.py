"""The audit whole: reads what a recipe names, looks at it, and says what it found.

Brings no torch and no transformers. What would stop training before its first step is found here
as well, by the same code.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from toolkit.audit.duplicate_findings import (
    conflict_finding,
    copy_findings,
    empty_finding,
    name_of_part,
    shared_findings,
)
from toolkit.audit.duplicates import Copies, Shared, Texts
from toolkit.audit.entities import Unseen, entity_findings, unseen_entities
from toolkit.audit.findings import Finding, Row, ranked
from toolkit.audit.labels import Labels, label_findings, labels_of
from toolkit.audit.tokens import Tokens, tokens_of
from toolkit.recipe.schema import Recipe


class Audit(NamedTuple):
    """What was found about a recipe and its data."""

    recipe: str
    stand_in: Sequence[str]
    rows: Mapping[str, int]
    notes: Mapping[str, Sequence[str]]  # split -> what its reader says
    labels: Labels
    tokens: Tokens | None  # None: the tokenizer is not to be had, as a finding says
    copies: Sequence[Copies]
    shared: Sequence[tuple[str, Shared]]  # with what the part is called
    conflicts: Sequence[Sequence[Row]]
    unseen: Sequence[Unseen]
    findings: Sequence[Finding]  # the worst first

    @property
    def has_errors(self) -> bool:
        """Whether training would not start."""
        return any(finding.severity == "error" for finding in self.findings)


def audit(recipe: Recipe) -> Audit:
    """Look at a recipe and its data.

    The data has to be here (`standin.ready`). DataError where it cannot be read at all.
    """
    readings = recipe.data.splits(recipe.task.reads)
    splits = {name: reading.examples for name, reading in readings.items()}
    task = recipe.task.learn(splits["train"])
    texts = Texts(task, splits)
    copies, conflicts, shared = texts.copies(), texts.conflicts(task), texts.shared_parts()
    labels = labels_of(task, splits)
    unseen = unseen_entities(task, splits)
    faults = task.faults_of_splits({f"data.{name}": found for name, found in splits.items()})
    tokens = tokens_of(task, recipe, splits)
    findings = [
        *(Finding("error", "fault", fault) for fault in faults),
        *(tokens.findings if isinstance(tokens, Tokens) else tokens),
        *copy_findings(task, copies),
        *conflict_finding(task, conflicts),
        *empty_finding(texts.empty()),
        *label_findings(labels),
        *shared_findings(task, shared),
        *entity_findings(unseen),
    ]
    return Audit(
        recipe=recipe.run.name,
        stand_in=recipe.run.stand_in,
        rows={name: len(examples) for name, examples in splits.items()},
        notes={name: reading.notes for name, reading in readings.items()},
        labels=labels,
        tokens=tokens if isinstance(tokens, Tokens) else None,
        copies=copies,
        shared=[(name_of_part(task, each.part), each) for each in shared],
        conflicts=conflicts,
        unseen=unseen,
        findings=ranked(findings),
    )
