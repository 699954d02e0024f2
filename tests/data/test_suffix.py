"""Which reader a file of someone's own gets."""

import pytest

from toolkit.data.conll import Conll, Conllu
from toolkit.data.delimited import Csv, Tsv
from toolkit.data.given import Given
from toolkit.data.hub import Hub
from toolkit.data.json_lines import JsonLines
from toolkit.data.json_records import Json
from toolkit.data.spans import Spans
from toolkit.data.squad import Squad
from toolkit.data.suffix import read_named, reader_of
from toolkit.errors import DataError
from toolkit.examples import Question, Tagged, Text

CONLL = Conll(train="${X}/train.tsv")
SPANS = Spans(train="a.jsonl")
HUB = Hub(train="train", dataset="me/data")
CSV = Csv(train="a.csv", columns={"text": 0, "label": 1})


@pytest.mark.parametrize(
    ("data", "source", "reads", "reader"),
    [
        (CONLL, "new.tsv", Tagged, CONLL),
        (CONLL, "new.conll", Tagged, CONLL),
        (CONLL, "new.tagged", Tagged, CONLL),
        (CONLL, "new.jsonl", Tagged, JsonLines(train="new.jsonl")),
        (CONLL, "new.conllu", Tagged, Conllu(train="new.conllu")),
        (SPANS, "new.JSONL", Tagged, SPANS),
        (SPANS, "new.tsv", Tagged, Conll(train="new.tsv")),
        (CSV, "new.csv", Text, CSV),
        (CSV, "new.tsv", Text, Tsv(train="new.tsv")),
        (CSV, "new.json", Text, Json(train="new.json")),
        (CSV, "new.json", Question, Squad(train="new.json")),
        (Json(train="a.json#train"), "b.json", Text, Json(train="a.json#train")),
        (HUB, "validation", Tagged, HUB),
        (HUB, "train[:10%]", Tagged, HUB),
        (HUB, "new.conll", Tagged, Conll(train="new.conll")),
        (HUB, "new.json", Question, Squad(train="new.json")),
        (Given(train=[]), "new.csv", Text, Csv(train="new.csv")),
    ],
)
def test_a_file_is_read_by_the_recipe_or_by_its_suffix(data, source, reads, reader):
    assert reader_of(data, source, reads) == reader


def test_a_file_without_a_known_suffix_is_no_split_of_the_hub(write):
    path = write("a\tO\n", "new.tagged")
    assert reader_of(HUB, path, Tagged) == Conll(train=path)


def test_a_split_that_the_recipe_names_is_read_with_its_rules(write):
    path = write("a,x\nb,y\n", "a.csv")
    data = Csv(train=path)
    assert len(read_named(data, "train", Text).examples) == 2
    assert len(read_named(data, path, Text).examples) == 2
    with pytest.raises(DataError) as caught:
        read_named(data, "dev", Text)
    assert caught.value.lines() == ["the recipe has no data.dev, expected train or a file"]
