"""Rows that come one after the other are those that are read at once, whatever holds them."""

import csv
import json

import pyarrow
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from tests.data.test_walk import outcome
from toolkit.data import columnar
from toolkit.data import text as text_module
from toolkit.data.columnar import Arrow, Parquet
from toolkit.data.delimited import Csv, Tsv
from toolkit.data.json_lines import JsonLines
from toolkit.data.split import Rule, Split
from toolkit.errors import DataError
from toolkit.examples import Question, Tagged, Text

QUIET = {
    "suppress_health_check": [HealthCheck.function_scoped_fixture],
    "deadline": None,
}

CELLS = st.sampled_from(
    ["text,label\n", "id,text,label\n", "a,x\n", "b,y\r\n", '"a\nb",x\n', 'c,"\n', ",,\n", "\n",
     "7,a,x\n", "8,a,x\n", "a,x,,\n", "a\n", "\0", '"a"b,x\n', "a\rb,x\n"]
)  # fmt: skip
OBJECTS = st.sampled_from(
    ['{"text": "a", "label": "x"}\n', '{"text": "b", "label": "y", "id": 1}\n', "\n", " \n", "{\n",
     "3\n", "{}\n", '{"text": "c", "label": 1, "id": "1"}\n', '["a", "x"]\n', '["b", 2]\n',
     '["c"]\n', '{"text": "d", "label": ["x"], "id": "2"}\n', '[{"text": "a"}]\n']
)  # fmt: skip
TAGS = st.lists(st.sampled_from(["O", "B-X", "I-X", "E-X", "S-X", "NN"]), max_size=3)
SENTENCES = st.builds(
    lambda tags, more: json.dumps({"words": ["w"] * (len(tags) + more), "tags": tags}) + "\n",
    TAGS,
    st.sampled_from([0, 0, 0, 0, 0, 1]),
)
BY_POSITION = {"text": 0, "label": -1}


@pytest.mark.parametrize(
    ("data", "reads", "pieces"),
    [
        pytest.param(Csv(train="a"), Text, CELLS, id="csv"),
        pytest.param(Csv(train="a", columns=BY_POSITION), Text, CELLS, id="csv-by-position"),
        pytest.param(Tsv(train="a"), Text, CELLS.map(lambda c: c.replace(",", "\t")), id="tsv"),
        pytest.param(JsonLines(train="a"), Text, OBJECTS, id="jsonl"),
        pytest.param(JsonLines(train="a", labels="multi"), Text, OBJECTS, id="jsonl-multi"),
        pytest.param(JsonLines(train="a"), Tagged, SENTENCES, id="jsonl-tags"),
    ],
)
@settings(max_examples=80, **QUIET)
@given(drawn=st.data(), block=st.integers(1, 40))
def test_rows_in_blocks_are_read_as_the_whole(
    tmp_path, monkeypatch, data, reads, pieces, drawn, block
):
    content = "".join(drawn.draw(st.lists(pieces, min_size=1, max_size=30)))
    path = tmp_path / "file"
    path.write_text(content, encoding="utf-8", newline="")
    with monkeypatch.context() as patch:  # as of a pipe, which is read once
        patch.setattr("os.path.isfile", lambda place: False)
        whole = outcome(lambda: data.read(str(path), reads))
    monkeypatch.setattr(text_module, "_BLOCK", block)
    assert outcome(lambda: data.read(str(path), reads)) == whole
    split = data.model_copy(update={"train": str(path)})
    assert outcome(lambda: split.walk("train", reads).reading()) == whole
    assert outcome(lambda: split.splits(reads, ["train"])["train"]) == whole


TEXTS = st.text(
    st.characters(codec="utf-8", exclude_characters="\0\r"), min_size=1, max_size=6
).filter(str.strip)
ROWS = st.lists(st.tuples(TEXTS, TEXTS, st.sampled_from(["x", "y z", "é"])), min_size=1, max_size=9)


def written_as_csv(path, rows, separator):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=separator, lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writerows([("text", "pair", "label"), *rows])


def written_as_json(path, rows):
    objects = [dict(zip(("text", "pair", "label"), row)) for row in rows]
    path.write_text("".join(json.dumps(each) + "\n" for each in objects), encoding="utf-8")


def table_of(rows):
    return pyarrow.table(dict(zip(("text", "pair", "label"), map(list, zip(*rows)))))


def written_as_arrow(path, rows, new):
    table = table_of(rows)
    with new(str(path), table.schema) as writer:
        writer.write_table(table, max_chunksize=3)


FORMATS = {
    "csv": (Csv, lambda path, rows: written_as_csv(path, rows, ",")),
    "tsv": (Tsv, lambda path, rows: written_as_csv(path, rows, "\t")),
    "jsonl": (JsonLines, written_as_json),
    "parquet": (
        Parquet,
        lambda path, rows: parquet.write_table(table_of(rows), path, row_group_size=2),
    ),
    "arrow-file": (Arrow, lambda *file: written_as_arrow(*file, pyarrow.ipc.new_file)),
    "arrow-stream": (Arrow, lambda *file: written_as_arrow(*file, pyarrow.ipc.new_stream)),
}


@pytest.mark.parametrize("format", FORMATS)
@settings(max_examples=40, **QUIET)
@given(rows=ROWS, block=st.integers(1, 40))
def test_what_was_written_is_read(tmp_path, monkeypatch, format, rows, block):
    made, write = FORMATS[format]
    path = tmp_path / "file"
    write(path, rows)
    monkeypatch.setattr(text_module, "_BLOCK", block)
    monkeypatch.setattr(columnar, "_AT_ONCE", 2)
    quoting = {"quoting": "rfc4180"} if made is Tsv else {}
    walk = made(train=str(path), **quoting).walk("train", Text)
    for _ in range(2):  # each walk begins anew
        assert [(each.text, each.pair, each.label) for each in walk] == rows
        assert walk.notes[0].startswith(f"{len(rows):,} text")


@pytest.mark.parametrize("rows", [["a", "b", "a"], ["a", "b", "c"], [1, "1"], [7, 8]])
def test_ids_are_compared_where_their_hashes_are_equal(write, monkeypatch, rows):
    monkeypatch.setattr("toolkit.data.hashes.hash", lambda value: 0, raising=False)
    monkeypatch.setattr("toolkit.data.fields.hash", lambda value: 0, raising=False)
    lines = [json.dumps({"text": "a", "label": "x", "id": each}) for each in rows]
    data, path = JsonLines(train="a"), write("\n".join(lines))
    names = [str(each) for each in rows]
    if len(set(names)) == len(names):
        assert [example.id for example in data.read(path, Text).examples] == names
        return
    with pytest.raises(DataError) as caught:
        data.read(path, Text)
    assert caught.value.lines() == [f"{path}:{len(rows)}: id {names[-1]!r} again, as in line 1"]


def test_a_quote_that_never_closes_is_a_fault_and_the_lines_behind_it_are_read(write):
    path = write('text,label\n"a\nb",x\n"c,x\nd\ne,x\n')
    with pytest.raises(DataError) as caught:
        Csv(train="a").read(path, Text)
    assert [fault.removeprefix(path) for fault in caught.value.faults] == [
        ":4: a quote opens here and never closes (quoting: none reads quotes as they are)",
        ":5: 1 column, expected 2 (comma)",
    ]


def test_sentences_whose_rows_have_other_faults_do_not_tell_the_scheme(write):
    # by the third row alone, whose id is a fault, the tags would be BIOES
    rows = [
        {"id": 1, "words": ["a"], "tags": ["I-X"]},
        {"id": 2, "words": ["b"], "tags": ["O"]},
        {"id": 2, "words": ["c"] * 3, "tags": ["S-X"] * 3},
        {"id": 3, "words": ["d"], "tags": ["E-X"]},
    ]
    path = write("\n".join(map(json.dumps, rows)))
    with pytest.raises(DataError) as caught:
        JsonLines(train="a").read(path)
    assert [fault.removeprefix(path) for fault in caught.value.faults] == [
        ":3: id '2' again, as in line 2",
        ":4: word 0: 'E-X' at the start of a sentence, expected 'I-X' (scheme IOB1, as in line 1)",
    ]


def test_a_split_by_rule_is_a_part_of_what_goes_by(write):
    path = write("".join(f"text {number}\tx\n" for number in range(20)), "file.tsv")
    data = Tsv(train=path, split=Split(dev=Rule(every=5)))
    for name in ("train", "dev"):
        assert data.walk(name, Text).reading() == data.splits(Text, [name])[name]


def test_answers_stand_in_the_context_of_their_row(write):
    row = {"question": "a?", "context": "b c", "answers": {"text": ["c"], "answer_start": [2]}}
    wrong = row | {"context": "", "answers": 3}
    path = write("\n".join(map(json.dumps, [row, wrong])))
    with pytest.raises(DataError) as caught:
        list(JsonLines(train=path).walk("train", Question))
    assert caught.value.lines() == [f"{path}:2: context: found '', expected text"]
