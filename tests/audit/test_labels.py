"""Labels: how often, where they are lacking, and which look like slips of others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.audit.labels import label_findings, labels_of, quartiles, typos
from toolkit.examples import Answer, Question, Tagged, Text
from toolkit.recipe.load import load_recipe
from toolkit.tasks.question_answering import QuestionAnswering
from toolkit.tasks.sequence_classification import SequenceClassification
from toolkit.tasks.token_classification import TokenClassification


def texts(*labels):
    return [Text("text", label=label) for label in labels]


def kinds(task, **splits):
    return [(each.severity, each.kind) for each in label_findings(labels_of(task, splits))]


def test_spans_are_counted_by_type_and_plain_tags_by_the_word():
    rows = [Tagged(("a", "b", "c"), ("B-X", "I-X", "B-Y"))]
    found = labels_of(TokenClassification().learn(rows), {"train": rows})
    assert (found.unit, found.counts) == ("span", {"train": {"X": 1, "Y": 1}})
    rows = [Tagged(("a", "b", "c"), ("NOUN", "VERB", "NOUN"))]
    found = labels_of(TokenClassification().learn(rows), {"train": rows})
    assert (found.unit, found.counts) == ("word", {"train": {"NOUN": 2, "VERB": 1}})


def test_several_labels_of_a_text_are_counted_each():
    rows = [Text("a", label=("x", "y")), Text("b", label=("y",)), Text("c", label=())]
    found = labels_of(SequenceClassification(labels="multi"), {"train": rows})
    assert found.counts == {"train": {"y": 2, "x": 1}}


def test_questions_are_counted_by_whether_they_have_an_answer():
    rows = [Question("q", "c", ()), Question("q", "c", (Answer("c", 0),)), Question("q", "c")]
    assert labels_of(QuestionAnswering(), {"dev": rows}).counts == {
        "dev": {"answer": 1, "no answer": 1}
    }


def test_of_questions_only_never_answering_can_be_right_by_habit():
    none, some = Question("q", "c", ()), Question("q", "c", (Answer("c", 0),))
    assert kinds(QuestionAnswering(), dev=[some, some, none]) == []
    [finding] = label_findings(labels_of(QuestionAnswering(), {"dev": [none, none, some]}))
    assert finding.message == (
        "always answering 'no answer' is right in 67 % of dev: compare exact with it"
    )


def test_numbers_are_described_and_not_counted():
    rows = texts(0.0, 1, 2.0, 5.0)
    found = labels_of(SequenceClassification(labels="regression"), {"train": rows})
    assert found.counts == {"train": {}}
    assert found.numbers["train"] == {
        "count": 4, "mean": 2.0, "min": 0.0, "lower_quartile": 0.75, "median": 1.5,
        "upper_quartile": 2.75, "max": 5.0,
    }  # fmt: skip
    assert label_findings(found) == []


@given(st.lists(st.floats(-1e6, 1e6), min_size=1))
def test_quartiles_are_in_order(values):
    row = quartiles(values)
    ordered = [row[k] for k in ("min", "lower_quartile", "median", "upper_quartile", "max")]
    assert ordered == sorted(ordered)


def test_a_label_that_a_split_lacks_is_named():
    task = SequenceClassification()
    found = label_findings(labels_of(task, {"train": texts("a", "b"), "dev": texts("a", "c")}))
    assert [(each.severity, each.kind) for each in found] == [
        ("warning", "absent-labels"), ("note", "absent-labels"),
    ]  # fmt: skip
    assert "train lacks 1 of 3 labels: c" in found[0].message
    assert "dev lacks 1 of 3 labels: b" in found[1].message


def test_a_label_that_outweighs_all_others_is_the_score_to_beat():
    rows = texts(*["no"] * 9, "yes")
    [finding] = label_findings(labels_of(SequenceClassification(), {"train": rows}))
    assert finding.message.startswith("always answering 'no' is right in 90 % of train")
    assert finding.message.endswith("compare accuracy with it")
    multi = SequenceClassification(labels="multi")
    assert kinds(multi, train=[Text("a", label=("x",)), Text("b", label=())]) == []


@pytest.mark.parametrize(
    ("odd", "meant"),
    [
        ("Person", "person"), ("person ", "person"), ("card-arrival", "card_arrival"),
        ("card arrival", "card_arrival"), ("реrson", "person"), ("ｐerson", "person"),
        ("persn", "person"), ("persoon", "person"), ("perosn", "person"), ("pwrson", "person"),
        ("locations", "location"), ("per\u200bson\u200b", "per\u200bson"), ("café", "cafe"),
    ],
)  # fmt: skip
def test_slips_are_found(odd, meant):
    assert typos({meant: 1000, odd: 3, "unlike": 400}) == [(odd, meant)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("VB", "VBD"), ("NNP", "NNPS"), ("NOUN", "PRON"), ("level 1", "level 2"),
        ("top_up_by_card", "top_up_by_cash"), ("joy", "boy"), ("DET", "DEP"),
        ("relief", "grief"), ("c", "c++"),
    ],
)  # fmt: skip
def test_names_of_their_own_are_not(one, other):
    assert typos({one: 1000, other: 3}) == []


def test_a_frequent_label_is_no_slip_of_another():
    assert typos({"ordinals": 900, "ordinal": 1000}) == []
    assert typos({"Ordinal": 900, "ordinal": 1000}) == [("Ordinal", "ordinal")]


def test_slips_are_a_warning_that_says_where():
    rows = texts(*["person"] * 300, "persn")
    splits = {"train": rows, "dev": texts("person", "persn")}
    found = label_findings(labels_of(SequenceClassification(), splits))
    [finding] = [each for each in found if each.kind == "label-typos"]
    assert finding.severity == "warning"
    assert finding.examples == ["'persn' (2 labels) for 'person' (301), in train, dev"]


@pytest.mark.real_data
@pytest.mark.parametrize(
    "name",
    ["banking77-lstm", "clinc150-lstm", "goemotions-lstm", "pos-lstm", "wnut17-lstm", "bc5cdr-lstm",
     "uner-lstm", "breaking-nli-lstm", "med-lstm", "boolq-lstm"],
)  # fmt: skip
def test_real_labels_hold_no_slips(data_folder, monkeypatch, name):
    monkeypatch.setenv("TOOLKIT_DATA", str(data_folder))
    recipe = load_recipe(name)
    splits = {
        split: reading.examples for split, reading in recipe.data.splits(recipe.task.reads).items()
    }
    labels = labels_of(recipe.task.learn(splits["train"]), splits)
    assert typos(labels.total()) == []


@pytest.mark.real_data
@pytest.mark.parametrize("tag", ["xpos", "deprel", "feats"])
def test_real_tags_of_treebanks_hold_no_slips(data_folder, monkeypatch, tag):
    monkeypatch.setenv("TOOLKIT_DATA", str(data_folder))
    recipe = load_recipe("pos-lstm", f"data.tag={tag}")
    examples = recipe.data.splits(recipe.task.reads, ["train"])["train"].examples
    labels = labels_of(recipe.task.learn(examples), {"train": examples})
    assert typos(labels.total()) == []
