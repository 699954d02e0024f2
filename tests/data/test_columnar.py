"""Parquet and Arrow files."""

import pyarrow
import pytest
from pyarrow import parquet

from tests.data.malformed.columnar import as_arrow, as_parquet, rows
from toolkit.data import columnar
from toolkit.data.columnar import Arrow, Parquet
from toolkit.errors import DataError
from toolkit.examples import Answer, Question, Tagged, Text

NAMED = {"names": ["O", "B-X"], "_type": "ClassLabel"}


@pytest.mark.parametrize("format", ["parquet", "file", "stream"])
def test_rows_of_every_kind_of_file(write, format):
    table = rows(text=["a", "b"], label=["x", "y"], more=[[1], []])
    if format == "parquet":
        path, data = write(as_parquet(table)), Parquet(train="a")
    else:
        path, data = write(as_arrow(table, stream=format == "stream")), Arrow(train="a")
    reading = data.read(path, Text)
    assert reading.examples == [Text("a", label="x", id="0"), Text("b", label="y", id="1")]
    assert reading.notes == ["2 texts; columns text and label; 2 labels"]


@pytest.mark.parametrize(
    "feature",
    [
        {"feature": NAMED, "_type": "List"},
        {"feature": NAMED, "length": -1, "_type": "Sequence"},
        [NAMED],
    ],
)
def test_names_of_class_labels_are_read_as_datasets_writes_them(write, feature):
    table = rows({"ner_tags": feature}, tokens=[["a", "b"]], ner_tags=[[0, 1]])
    assert Parquet(train="a").read(write(as_parquet(table))).examples == [
        Tagged(("a", "b"), ("O", "B-X"), "0")
    ]
    assert Arrow(train="a").read(write(as_arrow(table))).examples[0].tags == ("O", "B-X")


@pytest.mark.parametrize(
    "metadata", [b"", b"[]", b'{"info": 3}', b"\xff", b'{"info": {"features": []}}']
)
def test_what_others_have_written_there_is_not_looked_at(write, metadata):
    table = rows(text=["a"], label=[1]).replace_schema_metadata({"huggingface": metadata})
    assert Parquet(train="a").read(write(as_parquet(table)), Text).examples[0].label == "1"


def test_questions_as_the_hub_has_them(write):
    table = rows(
        id=["q1", "q2"],
        title=["t", "t"],
        question=["a?", "b?"],
        context=["b c", "d"],
        answers=[{"text": ["c", "b"], "answer_start": [2, 0]}, {"text": [], "answer_start": []}],
    )
    assert Parquet(train="a").read(write(as_parquet(table)), Question).examples == [
        Question("a?", "b c", (Answer("c", 2), Answer("b", 0)), "q1", "t"),
        Question("b?", "d", (), "q2", "t"),
    ]


def test_other_ways_to_hold_text_are_the_same(write):
    table = rows(
        text=pyarrow.array(["a", "a"]).dictionary_encode(),
        label=pyarrow.array(["x", "y"], pyarrow.large_string()),
    )
    for content, data in ((as_parquet(table), Parquet), (as_arrow(table), Arrow)):
        examples = data(train="a").read(write(content), Text).examples
        assert [example[:3] for example in examples] == [("a", None, "x"), ("a", None, "y")]


def test_only_the_columns_that_are_read_are_unpacked(write, monkeypatch):
    read = []
    plain = parquet.ParquetFile.iter_batches
    monkeypatch.setattr(
        parquet.ParquetFile,
        "iter_batches",
        lambda file, **options: read.append(options["columns"]) or plain(file, **options),
    )
    table = rows(text=["a"], label=["x"], vector=[[0.5] * 100])
    Parquet(train="a").read(write(as_parquet(table)), Text)
    assert read == [["text"], ["label"]]


def test_files_that_would_fill_the_memory_are_refused(write, monkeypatch):
    path = write(as_parquet(rows(text=["a"] * 1000, label=["x"] * 1000)))
    monkeypatch.setattr(columnar, "MOST_ROWS", 999)
    with pytest.raises(DataError, match=r"1,000 rows, expected up to 999"):
        Parquet(train="a").read(path, Text)
    monkeypatch.setattr(columnar, "MOST_BYTES", 10)
    with pytest.raises(DataError, match=r"a row group of \d+ bytes, expected up to 10"):
        Parquet(train="a").read(path, Text)
