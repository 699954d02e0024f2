"""An audit as JSON: its keys are stable, and each number says what it is."""

from typing import Any

from toolkit.audit.audit import Audit
from toolkit.audit.findings import Finding
from toolkit.audit.minhash import SCHEME
from toolkit.audit.tokens import SplitTokens, Tokens

VERSION = 1  # of the keys


def record_of(audit: Audit) -> dict[str, Any]:
    """The audit as JSON can hold it.

    `splits.<name>` holds `rows`, `labels` (or `numbers`) and `tokens`; `about` says how each kind
    of number was made.
    """
    return {
        "version": VERSION,
        "recipe": audit.recipe,
        "stand_in": bool(audit.stand_in),
        "stand_ins": list(audit.stand_in),
        "about": _about(audit),
        "splits": {name: _split(audit, name) for name in audit.rows},
        "duplicates": [copies.counts() for copies in audit.copies],
        "shared_texts": [
            {"split": each.split, "of": each.of, "part": name}
            | {"shared": each.shared, "distinct": each.distinct}
            for name, each in audit.shared
        ],
        "conflicting_labels": {
            "texts": len(audit.conflicts),
            "examples": sum(map(len, audit.conflicts)),
        },
        "unseen_entities": {
            each.split: {
                "unseen": each.unseen,
                "total": each.total,
                "types": {
                    kind: {"unseen": unseen, "total": total}
                    for kind, (unseen, total) in each.types.items()
                },
            }
            for each in audit.unseen
        },
        "findings": [_finding(finding) for finding in audit.findings],
    }


def _about(audit: Audit) -> dict[str, Any]:
    return {
        "labels": {"unit": audit.labels.unit},
        "tokens": None if audit.tokens is None else _about_tokens(audit.tokens),
        "duplicates": {
            "exact": "the same characters in every text",
            "normalised": "equal after NFKC, case folding and joining white space, not exact",
            "near": SCHEME,
            "counted": "examples of split that repeat one of the split `of`, each once",
        },
        "shared_texts": "different normalised texts, of examples that have several",
        "conflicting_labels": "normalised texts with more than one gold label, over all splits",
        "unseen_entities": "mentions whose type and normalised text train lacks",
    }


def _about_tokens(tokens: Tokens) -> dict[str, Any]:
    return {
        "vocabulary_of": tokens.source,
        "max_length": tokens.size.max_length,
        "overlap": tokens.size.overlap,
        "counted": "without special tokens; windows as training makes them",
        "fertility": "tokens a word, as given or as white space parts them",
        "unknown_share": "of the tokens; null: the tokenizer has no unknown one",
    }


def _split(audit: Audit, name: str) -> dict[str, Any]:
    labels = audit.labels
    record: dict[str, Any] = {"rows": audit.rows[name], "notes": list(audit.notes[name])}
    if name in labels.numbers:
        record["numbers"] = dict(labels.numbers[name])
    else:
        record["labels"] = {label: labels.counts[name].get(label, 0) for label in labels.known()}
    record["tokens"] = None if audit.tokens is None else _tokens(audit.tokens.splits[name])
    return record


def _tokens(found: SplitTokens) -> dict[str, Any]:
    return {
        "tokens": found.tokens,
        "words": found.words,
        "fertility": found.tokens / found.words if found.words else None,
        "unknown_share": None if found.unknown is None else found.unknown / max(1, found.tokens),
        "lengths": dict(found.lengths),
        "windows": found.windows,
        "long_examples": found.long_examples,
        "truncated_examples": found.truncated,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {**finding._asdict(), "examples": list(finding.examples)}
