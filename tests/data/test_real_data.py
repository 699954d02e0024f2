"""The sentence counts of real data sets, as their documentation has them."""

from collections import Counter

import pytest

from toolkit.data.conll import Conll, Conllu

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
