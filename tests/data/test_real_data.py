"""The counts of real data sets, as their documentation has them."""

from collections import Counter

import pytest

from toolkit.data.conll import Conll, Conllu
from toolkit.data.delimited import Csv, Tsv
from toolkit.data.json_lines import JsonLines
from toolkit.data.json_records import Json
from toolkit.data.split import Rule, Split
from toolkit.data.squad import Squad
from toolkit.examples import Question, Text

pytestmark = pytest.mark.real_data

OTHERS_OUT = {"B-O": "O", "B-OTH": "O", "I-OTH": "O"}


@pytest.mark.parametrize(
    ("path", "num_sentences"),
    [
        ("wnut17/wnut17train.conll", 3394),
        ("wnut17/emerging.dev.conll", 1009),
        ("wnut17/emerging.test.annotated", 1287),
        ("bc5cdr/train.tsv", 4560),
        ("bc5cdr/devel.tsv", 4581),
        ("bc5cdr/test.tsv", 4797),
        ("uner/en_ewt/en_ewt-ud-train.early-0c7ce0de.iob2", 12543),
        ("uner/en_ewt/en_ewt-ud-dev.iob2", 2001),
        ("uner/en_ewt/en_ewt-ud-test.iob2", 2077),
        ("uner/zh_gsdsimp/zh_gsdsimp-ud-test.iob2", 500),
        ("uner/pt_bosque/pt_bosque-ud-test.iob2", 1167),
        ("uner/hr_set/hr_set-ud-test.iob2", 1136),
        ("uner/de_pud/de_pud-ud-test.iob2", 1000),
        ("uner/ru_pud/ru_pud-ud-test.iob2", 1000),
    ],
)
def test_every_sentence_of_a_file_is_read(data_folder, path, num_sentences):
    reading = Conll(train=path, label_map=OTHERS_OUT).read(str(data_folder / path))
    assert len(reading.examples) == num_sentences
    assert "scheme IOB2 (detected)" in reading.notes[0]
    types = {tag[2:] for example in reading.examples for tag in example.tags if tag != "O"}
    if path.startswith("uner"):
        assert types == {"PER", "LOC", "ORG"}


@pytest.mark.parametrize(
    ("path", "num_sentences"),
    [
        ("ud_en_ewt/en_ewt-ud-train.rebuilt.conllu", 12544),
        ("ud_en_ewt/en_ewt-ud-dev.conllu", 2001),
        ("ud_en_ewt/en_ewt-ud-test.conllu", 2077),
        ("ud_de_gsd/de_gsd-ud-test.conllu", 977),
    ],
)
def test_every_sentence_of_a_treebank_is_read(data_folder, path, num_sentences):
    for tag in ("upos", "xpos"):
        reading = Conllu(train=path, tag=tag).read(str(data_folder / path))
        assert len(reading.examples) == num_sentences
        assert all(example.text for example in reading.examples)


def test_wnut17_says_how_many_of_its_separators_are_not_empty(data_folder):
    reading = Conll(train="a").read(str(data_folder / "wnut17/wnut17train.conll"))
    assert reading.notes == [
        "3,394 sentences, 62,730 words; separator tab, 2 columns; scheme IOB2 (detected)",
        "2,394 lines between sentences held only white space",
    ]


def test_hr_set_is_read_from_the_third_column(data_folder):
    path = str(data_folder / "uner/hr_set/hr_set-ud-test.iob2")
    tags = Counter(tag for each in Conll(train=path).read(path).examples for tag in each.tags)
    assert (tags["B-OTH"], tags["I-OTH"], tags["B-PER"]) == (133, 174, 392)


def labels_of(reading):
    return Counter(example.label for example in reading.examples)


@pytest.mark.parametrize(("name", "number"), [("train", 10003), ("test", 3080)])
def test_banking77(data_folder, name, number):
    path = str(data_folder / f"banking77/{name}.csv")
    reading = Csv(train=path).read(path, Text)
    assert len(reading.examples) == number
    assert len(labels_of(reading)) == 77
    assert reading.notes[0].endswith("comma, header; columns text and category; 77 labels")
    assert sum("\n" in example.text for example in reading.examples) == {3080: 3}.get(number, 10)


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("train", 15000),
        ("val", 3000),
        ("test", 4500),
        ("train+oos_train", 15100),
        ("val+oos_val", 3100),
        ("test+oos_test", 5500),
    ],
)
def test_clinc150(data_folder, name, number):
    path = str(data_folder / "clinc150/data_full.json")
    reading = Json(train=path).read(f"{path}#{name}", Text)
    labels = labels_of(reading)
    assert len(reading.examples) == number
    assert len(labels) == 150 + ("+" in name)
    assert labels["oos"] == number - {"tr": 15000, "va": 3000, "te": 4500}[name[:2]]


@pytest.mark.parametrize(("name", "number"), [("train", 43410), ("dev", 5426), ("test", 5427)])
def test_goemotions(data_folder, name, number):
    path = str(data_folder / f"goemotions/{name}.tsv")
    data = Tsv(
        train=path,
        columns={"text": 0, "label": 1, "id": 2},
        labels="multi",
        labels_file=str(data_folder / "goemotions/labels.txt"),
    )
    reading = data.read(path, Text)
    labels = Counter(label for example in reading.examples for label in example.label)
    assert len(reading.examples) == number
    assert len(labels) == 28
    assert labels.most_common(1)[0][0] == "neutral"
    assert reading.notes == [f"{number:,} texts; tab, no header; columns 0, 1 and 2; 28 labels"]


@pytest.mark.parametrize("language", ["en", "de", "es", "zh"])
@pytest.mark.parametrize(("name", "number"), [("train", 5749), ("dev", 1500), ("test", 1379)])
def test_stsb(data_folder, language, name, number):
    path = str(data_folder / f"stsb/stsb-{language}-{name}.csv")
    data = Csv(train=path, columns={"text": 0, "pair": 1, "label": 2}, labels="regression")
    reading = data.read(path, Text)
    assert len(reading.examples) == number
    assert all(example.pair and 0 <= example.label <= 5 for example in reading.examples)
    assert "numbers from 0 to 5" in reading.notes[0]


def test_breaking_nli(data_folder):
    path = str(data_folder / "breaking_nli/dataset.jsonl")
    columns = {"label": "gold_label", "id": "pairID"}
    data = JsonLines(train=path, columns=columns, split=Split(dev=Rule(every=5)))
    splits = data.splits(Text)
    assert labels_of(data.read(path, Text)) == {
        "contradiction": 7164, "entailment": 982, "neutral": 47
    }  # fmt: skip
    assert [len(reading.examples) for reading in splits.values()] == [6555, 1638]
    lines = (data_folder / "breaking_nli/dataset.jsonl").read_text().split("\n")
    fifth = splits["dev"].examples[0]
    assert f'"pairID": {fifth.id},' in lines[4]


def test_med(data_folder):
    path = str(data_folder / "med/MED.tsv")
    # the header is line 1: example n is in line n + 1, and line % 5 == 0 is n % 5 == 4
    data = Tsv(train=path, split=Split(dev=Rule(every=5, offset=4)))
    splits = data.splits(Text)
    assert [len(reading.examples) for reading in splits.values()] == [4306, 1076]
    assert all(int(example.id) % 5 == 0 for example in splits["dev"].examples)
    assert set(labels_of(splits["train"])) == {"entailment", "neutral"}
    assert all(example.pair for example in splits["train"].examples)


@pytest.mark.parametrize(("name", "number"), [("v6_dev", 1886), ("v6_test", 3270)])
def test_boolq(data_folder, name, number):
    path = str(data_folder / f"boolq/{name}.json")
    reading = Json(train=path).read(path, Text)
    assert len(reading.examples) == number
    assert set(labels_of(reading)) == {"true", "false"}
    assert all(example.pair for example in reading.examples)


@pytest.mark.parametrize(
    ("name", "number", "without"),
    [
        ("train-v1.1", 9380, 0),
        ("dev-v1.1", 1190, 0),
        ("train-v2.0", 10174, 5063),
        ("dev-v2.0", 1699, 882),
    ],
)
def test_squad(data_folder, name, number, without):
    path = str(data_folder / f"squad/{name}.json")
    reading = Squad(train=path).read(path, Question)
    assert len(reading.examples) == number
    assert sum(not example.answers for example in reading.examples) == without
    assert len(reading.notes) == 1 + bool(without)  # nothing had to be mended
    for example in reading.examples:
        assert all(example.context.startswith(*answer) for answer in example.answers)


def test_xquad(data_folder):
    english = str(data_folder / "squad/dev-v1.1.json")
    ids = {example.id for example in Squad(train=english).read(english).examples}
    for language in ("en", "de", "es", "zh", "ar", "hi", "ru"):
        path = str(data_folder / f"xquad/xquad.{language}.json")
        reading = Squad(train=path).read(path)
        assert len(reading.examples) == 1190
        assert {example.id for example in reading.examples} == ids
        assert len(reading.notes) == 1
