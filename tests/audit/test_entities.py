"""Entities that training never shows."""

from toolkit.audit.entities import entity_findings, unseen_entities
from toolkit.examples import Tagged, Text
from toolkit.tasks.sequence_classification import SequenceClassification
from toolkit.tasks.token_classification import TokenClassification

TRAIN = [Tagged(("Ada", "Lovelace", "in", "Rome"), ("B-PER", "I-PER", "O", "B-LOC"))]
TASK = TokenClassification().learn(TRAIN)


def test_an_entity_is_seen_by_type_and_text_in_any_case():
    dev = [
        Tagged(("ADA", "lovelace"), ("B-PER", "I-PER")),
        Tagged(("Rome", "Ada"), ("B-PER", "B-PER")),
        Tagged(("rome", "here"), ("B-LOC", "O")),
    ]
    [found] = unseen_entities(TASK, {"train": TRAIN, "dev": dev})
    assert found.types == {"PER": (2, 3), "LOC": (0, 1)}
    assert found.examples == ['dev:2 "Rome" (PER)', 'dev:2 "Ada" (PER)']
    [finding] = entity_findings([found])
    assert finding.message.startswith("2 of 4 entities of dev (50 %) are not in train")


def test_what_has_no_entities_has_no_table():
    rows = [Text("a", label="x")]
    assert unseen_entities(SequenceClassification(), {"train": rows, "dev": rows}) == []
    plain = [Tagged(("a",), ("NOUN",))]
    task = TokenClassification().learn(plain)
    assert unseen_entities(task, {"train": plain, "dev": plain}) == []
