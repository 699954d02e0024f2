"""Wrong Parquet and Arrow files."""

import io
import json
from typing import Any

import pyarrow
from pyarrow import parquet

from tests.data.malformed import Wrong
from toolkit.examples import Question, Tagged

NAMES = {"label": {"names": ["bad", "good"], "_type": "ClassLabel"}}


def rows(names: Any = None, **columns: Any) -> Any:
    """A table; `names` as the `datasets` library notes what class labels stand for."""
    made = pyarrow.table(columns)
    if names is None:
        return made
    features = json.dumps({"info": {"features": names}})
    return made.replace_schema_metadata({"huggingface": features})


def as_parquet(table: Any, **options: Any) -> bytes:
    sink = io.BytesIO()
    parquet.write_table(table, sink, **options)
    return sink.getvalue()


def as_arrow(table: Any, stream: bool = False) -> bytes:
    sink = io.BytesIO()
    with (pyarrow.ipc.new_stream if stream else pyarrow.ipc.new_file)(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


GOOD = rows(text=["a", "b"], label=["x", "y"])
TWICE = pyarrow.Table.from_arrays([pyarrow.array(["a"])] * 2, names=["text", "text"])
TYPES = {"text": pyarrow.array([b"a", b"b"]), "label": ["x", "y"]}

WRONG = [
    Wrong("empty", "", [": an empty file"]),
    Wrong("csv", "text,label\n", [": no Parquet file"]),
    Wrong("arrow", as_arrow(GOOD), [": no Parquet file"]),
    Wrong("only-the-magic", b"PAR1", [
        ": cannot be read: …"
    ]),
    Wrong("cut", as_parquet(GOOD)[:-20], [
        ": cannot be read: …"
    ]),
    Wrong("no-rows", as_parquet(GOOD[:0]), [": no row in it"]),
    Wrong("a-column-twice", as_parquet(TWICE), [": column 'text' twice"]),
    Wrong("no-label", as_parquet(GOOD.select(["text"])), [
        ": no column 'label'. It has text: set data.columns.label"
    ]),
    Wrong("null-text", as_parquet(rows(text=["a", None], label=["x", "y"])), [
        "[1]: text: found null, expected text"
    ]),
    Wrong("bytes", as_parquet(rows(**TYPES)), [
        "[0]: text: found b'a', expected text; none of 2 is as expected"
    ]),
    Wrong("a-label-without-a-name", as_parquet(rows(NAMES, text=["a", "b"], label=[1, -1])), [
        "[1]: label: found -1, expected a number from 0 to 1 (the data set)"
    ]),
    Wrong("a-fraction-as-label", as_parquet(rows(text=["a"], label=[0.5])), [
        "[0]: label: found 0.5, expected a label (labels: regression reads numbers)"
    ]),
    Wrong("not-a-number", as_parquet(rows(text=["a", "b"], label=[0.5, float("nan")])), [
        "[1]: label: found .nan, expected a number"
    ], {"labels": "regression"}),
    Wrong("tags-without-names", as_parquet(rows(tokens=[["a"], ["b"]], ner_tags=[[0], [1]])), [
        "[0]: word 0: found 0, expected a tag (labels_file says what numbers stand for); "
        "none of 2 is as expected"
    ], reads=Tagged),
    Wrong("an-answer-that-is-elsewhere", as_parquet(rows(
        question=["a"], context=["b c"], answers=[{"text": ["d"], "answer_start": [0]}]
    )), ["[0]: answers[0]: 'd' is not at 0 ('b' is) and occurs nowhere"], reads=Question),
    Wrong("parquet-as-arrow", as_parquet(GOOD), [": no Arrow file"], format="arrow"),
    Wrong("arrow-without-rows", as_arrow(GOOD[:0]), [": no row in it"], format="arrow"),
    Wrong("arrow-with-null", as_arrow(rows(text=["a", None], label=["x", "y"]), stream=True), [
        "[1]: text: found null, expected text"
    ], format="arrow"),
    Wrong("arrow-with-ids-twice", as_arrow(rows(text=["a", "b"], id=[1, 1])), [
        "[1]: id '1' again, as in row 0"
    ], format="arrow", bare=True),
]  # fmt: skip
