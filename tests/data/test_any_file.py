"""Whatever is in a file, it is read or refused."""

import io
import json
import re

import hypothesis
import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from toolkit.data.columnar import Arrow, Parquet
from toolkit.data.conll import Conll, Conllu
from toolkit.data.delimited import Csv, Tsv
from toolkit.data.json_lines import JsonLines
from toolkit.data.json_records import Json
from toolkit.data.spans import Spans
from toolkit.data.squad import Squad
from toolkit.errors import DataError
from toolkit.examples import Question, Tagged, Text

ODD = [
    "\t",
    " ",
    "\n",
    "\r",
    "\0",
    "\r\n",
    "\n\n",
    "\u00a0",
    "\u2028",
    "\ufeff",
    "\u00b2",
    "\ud800",
]
COLUMNS = [
    *"#-_=1Oab", "\t\t", "# sent_id = 1", "# ",
    "-DOCSTART-", "B-X", "I-X", "E-X", "L-Y", "1-2", "1.1", "9" * 5000,
    "a\tB-X\n", "b\tI-X\n", "c O\n", "1\ta\tB-X\n", "2\tb\tO\t-\t-\n",
]  # fmt: skip
CELLS = [
    *'ab",;|\t', '""', '"a', 'b"', "text,label\n", "text\tlabel\n", "id,text,label\n", "a,x\n",
    "b\ty\n", '"a\nb",x\n', "1,2,3\n", ",,\n", "nan",
]  # fmt: skip
MARKS = [
    *'{}[],:"0', "null", "true", "NaN", "1e999", "9" * 5000, '"text"', '"label"', '"id"', "\\u",
    '"\\ud800"', "[" * 3000, '{"text": "a", "label": "x"}', '{"text": "b", "spans": [[0, 1, "X"]]}',
    '["a", "x"]', '{"data": []}', '{"train": [["a", "x"]]}', ',"id": 1}',
]  # fmt: skip
READERS = {
    "conll": (Conll(train="a"), Tagged, COLUMNS),
    "conllu": (Conllu(train="a"), Tagged, COLUMNS),
    "csv": (Csv(train="a"), Text, CELLS),
    "csv-by-position": (Csv(train="a", columns={"text": 0, "label": -1}), Text, CELLS),
    "csv-numbers": (Csv(train="a", labels="regression"), Text, CELLS),
    "csv-words": (Csv(train="a", columns={"words": 0, "tags": 1}), Tagged, CELLS),
    "tsv": (Tsv(train="a"), Text, CELLS),
    "tsv-quoted": (Tsv(train="a", quoting="rfc4180"), Text, CELLS),
    "jsonl": (JsonLines(train="a"), Text, MARKS),
    "json": (Json(train="a"), Text, MARKS),
    "squad": (Squad(train="a"), Question, MARKS),
    "spans": (Spans(train="a"), Tagged, MARKS),
    "parquet": (Parquet(train="a"), Text, MARKS),
    "arrow": (Arrow(train="a"), Text, MARKS),
}  # fmt: skip
LINE = re.compile(r":(\d+): ")


def assert_read_or_refused(data, reads, content, path, bare):
    """One of the two, with faults in the file, and examples that are whole."""
    path.write_bytes(content)
    source = str(path)
    examples, faults = [], []
    try:
        examples = (data.read_bare if bare else data.read)(source, reads).examples
    except DataError as error:
        faults = error.faults
    assert bool(examples) != bool(faults)
    assert len(set(faults)) == len(faults)
    num_lines = content.count(b"\n") + 1
    for fault in faults:
        assert fault.startswith((f"{source}:", f"{source}[", f"{source}#"))
        line = LINE.match(fault, len(source))
        assert not line or 1 <= int(line[1]) <= num_lines
    assert len({example.id for example in examples}) == len(examples)
    for example in examples:
        assert isinstance(example, reads)
        assert all(example[0])
        assert not bare or example == example.without_gold()
    if reads is Tagged:
        assert all(len(each.tags or each.words) == len(each.words) for each in examples)
    if reads is Text and not bare:
        assert all(example.label not in (None, "") for example in examples)


@pytest.mark.parametrize("kind", READERS)
@given(data=st.data(), bare=st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_file_is_read_whole_or_refused_with_a_line_for_each_fault(
    kind, data, bare, tmp_path_factory
):
    reader, reads, pieces = READERS[kind]
    text = data.draw(st.lists(st.sampled_from(pieces + ODD), max_size=30).map("".join))
    path = tmp_path_factory.getbasetemp() / "any"
    assert_read_or_refused(reader, reads, text.encode(errors="surrogatepass"), path, bare)


LEAVES = st.sampled_from(
    [
        None,
        True,
        False,
        0,
        1,
        -1,
        3.5,
        2**70,
        "",
        " ",
        "a",
        "Ada",
        "B-X",
        "O",
        "I-X",
        "é\u0301",
        "\ud800",
    ]
)
KEYS = st.sampled_from(
    ["text", "pair", "label", "id", "words", "tags", "tokens", "question", "context", "answers",
     "answer_start", "entities", "spans", "start", "end", "data", "annotations", "result", "value",
     "paragraphs", "qas", "is_impossible", "title", "sentence", "category"]
)  # fmt: skip
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4)
)
RECORDS = st.dictionaries(KEYS, VALUES, max_size=5)
QUESTIONS = st.fixed_dictionaries(
    {}, optional={"id": LEAVES, "question": LEAVES, "answers": VALUES, "is_impossible": LEAVES}
)
ANSWERS = st.lists(
    st.fixed_dictionaries({"text": LEAVES, "answer_start": st.integers(-2, 9)}), max_size=3
)
OF_SQUAD = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.sampled_from(["a", "b", 1]),
            "question": st.just("what"),
            "answers": ANSWERS,
        }
    )
    | QUESTIONS,
    max_size=3,
).map(lambda qas: {"data": [{"paragraphs": [{"context": "Ada\n\né\u0301a 😀 Ada", "qas": qas}]}]})
SPANS = st.lists(
    st.tuples(st.integers(-1, 12), st.integers(-1, 12), st.sampled_from(["X", "Y", ""])), max_size=4
)
MARKED = st.fixed_dictionaries({"text": st.sampled_from(["Ada  b-c 😀", "a", " "]), "spans": SPANS})
SHAPES = {
    "jsonl": (JsonLines(train="a"), [Text, Tagged, Question], RECORDS),
    "json": (Json(train="a"), [Text, Tagged, Question], VALUES),
    "squad": (Squad(train="a"), [Question], OF_SQUAD),
    "spans": (Spans(train="a"), [Tagged], MARKED | RECORDS),
    "spans-longest": (Spans(train="a", overlaps="longest"), [Tagged], MARKED),
}


@pytest.mark.parametrize("kind", SHAPES)
@given(data=st.data(), bare=st.booleans())
@settings(max_examples=150, deadline=None)
def test_json_of_any_shape_is_read_or_refused(kind, data, bare, tmp_path_factory):
    reader, classes, shape = SHAPES[kind]
    values = data.draw(st.lists(shape, min_size=1, max_size=4))
    if kind == "squad":
        content = json.dumps(values[0])
    elif kind == "json":
        content = json.dumps(values)
    else:
        content = "".join(json.dumps(value) + "\n" for value in values)
    path = tmp_path_factory.getbasetemp() / "any"
    reads = data.draw(st.sampled_from(classes))
    assert_read_or_refused(reader, reads, content.encode(), path, bare)


def as_bytes(format):
    table = pyarrow.table({"text": ["a", "b", "c"] * 5, "label": ["x", "y", "x"] * 5})
    sink = io.BytesIO()
    if format == "parquet":
        parquet.write_table(table, sink)
    else:
        with pyarrow.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
    return sink.getvalue()


@pytest.mark.parametrize("reader", [Parquet(train="a"), Arrow(train="a")], ids=["parquet", "arrow"])
@given(
    changes=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=4),
    cut=st.integers(0, 40),
)
@hypothesis.example(changes=[(148, 128)], cut=0)  # a byte of a column's name that no text has
@settings(max_examples=150, deadline=None)
def test_damaged_columns_are_read_or_refused(reader, changes, cut, tmp_path_factory):
    content = bytearray(as_bytes(type(reader).__name__.lower()))
    for place, value in changes:
        content[place % len(content)] = value
    path = tmp_path_factory.getbasetemp() / "any"
    assert_read_or_refused(reader, Text, bytes(content[: len(content) - cut]), path, False)
