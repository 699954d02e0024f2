"""Files that were right until something happened to them: read or refused, never anything else."""

import json
import random

import pyarrow
import pytest

from tests.data.malformed.columnar import as_arrow, as_parquet
from tests.data.test_any_file import CELLS, COLUMNS, MARKS, ODD, assert_read_or_refused
from toolkit.data.columnar import Arrow, Parquet
from toolkit.data.conll import Conll, Conllu
from toolkit.data.delimited import Csv, Tsv
from toolkit.data.json_lines import JsonLines
from toolkit.data.json_records import Json
from toolkit.data.spans import Spans
from toolkit.data.squad import Squad
from toolkit.examples import Question, Tagged, Text
from toolkit.standin import sample_folder


def head(name, lines):
    """The first lines of a file that comes along."""
    text = sample_folder(name.partition("/")[0]).joinpath(name.partition("/")[2])
    return b"".join(text.read_bytes().splitlines(keepends=True)[:lines])


def as_lines(*records):
    return "".join(json.dumps(record) + "\n" for record in records).encode()


TREE = "# text = a b\n" + "".join(
    f"{number}\t{word}\t_\tNOUN\t_\t_\t0\t_\t_\t_\n" for number, word in ((1, "a"), (2, "b"))
)
ROWS = [
    {"id": str(number), "text": f"text {number}", "label": "xy"[number % 2]} for number in range(6)
]
DOCCANO = {"id": 4, "text": "Ada saw Rome", "label": [[0, 3, "PER"], [8, 12, "LOC"]]}
RESULT = {
    "from_name": "label",
    "type": "labels",
    "value": {"start": 0, "end": 3, "labels": ["PER"]},
}
LABEL_STUDIO = {"id": 5, "data": {"text": "Ada saw"}, "annotations": [{"result": [RESULT]}]}
PRODIGY = {"text": "Eve", "spans": [{"start": 0, "end": 3, "label": "PER"}], "answer": "accept"}
ANSWER = {"text": "Rome", "answer_start": 8}
QUESTIONS = [
    {"id": "1", "question": "What?", "answers": [ANSWER], "is_impossible": False},
    {"id": "2", "question": "Why?", "answers": [], "is_impossible": True},
]
PARAGRAPH = {"context": "Ada saw Rome", "qas": QUESTIONS}
SQUAD = {"version": "2.0", "data": [{"title": "A", "paragraphs": [PARAGRAPH]}]}
TABLE = pyarrow.table({name: [row[name] for row in ROWS] for name in ROWS[0]})
RIGHT = {
    "conll": (Conll(train="a"), Tagged, head("ner/train.conll", 40), COLUMNS),
    "conllu": (Conllu(train="a"), Tagged, f"{TREE}\n{TREE}\n".encode(), COLUMNS),
    "csv": (Csv(train="a"), Text, b'text,label\n"a, b",x\n"c ""d""\ne",y\nf,x\n', CELLS),
    "tsv": (Tsv(train="a"), Text, b"text\tlabel\na b\tx\nc\ty\n\"d\tx\n", CELLS),
    "jsonl": (JsonLines(train="a"), Text, as_lines(*ROWS), MARKS),
    "jsonl-questions": (JsonLines(train="a"), Question, as_lines(
        {"question": "What?", "context": "Ada saw Rome", "answers": [ANSWER]}), MARKS),
    "json": (Json(train="a"), Text, json.dumps(ROWS, indent=1).encode(), MARKS),
    "squad": (Squad(train="a"), Question, json.dumps(SQUAD).encode(), MARKS),
    "doccano": (Spans(train="a"), Tagged, as_lines(DOCCANO, {**DOCCANO, "id": 6}), MARKS),
    "label-studio": (Spans(train="a"), Tagged, json.dumps([LABEL_STUDIO]).encode(), MARKS),
    "prodigy": (Spans(train="a"), Tagged, as_lines(PRODIGY), MARKS),
    "parquet": (Parquet(train="a"), Text, as_parquet(TABLE), MARKS),
    "arrow": (Arrow(train="a"), Text, as_arrow(TABLE), MARKS),
    "arrow-stream": (Arrow(train="a"), Text, as_arrow(TABLE, stream=True), MARKS),
}  # fmt: skip


def mutated(content, pieces, draw):
    """The file with a few of its bytes changed, cut out, doubled, moved, or something put in."""
    for _ in range(draw.choice((1, 1, 2, 4))):
        at = draw.randrange(len(content) + 1)
        end = min(len(content), at + draw.choice((0, 1, 1, 2, 9, 99)))
        piece = draw.choice([*pieces, *ODD])
        to = draw.randrange(len(content) + 1)
        content = draw.choice(
            (
                content[:at] + content[end:],
                content[:end] + content[at:],
                content[:at],
                content[:at] + bytes([draw.randrange(256)]) + content[at + 1 :],
                content[:at] + piece.encode(errors="surrogatepass") + content[end:],
                content[:to] + content[at:end] + content[to:],
            )
        )
    return content


def assert_survives(kind, times, path):
    reader, reads, content, pieces = RIGHT[kind]
    draw = random.Random(kind)
    for _ in range(times):
        changed = mutated(content, pieces, draw)
        assert_read_or_refused(reader, reads, changed, path, draw.random() < 0.5)


@pytest.mark.parametrize("kind", RIGHT)
def test_the_file_is_right_before_anything_happens_to_it(kind, tmp_path):
    reader, reads, content, _ = RIGHT[kind]
    path = tmp_path / "file"
    path.write_bytes(content)
    assert reader.read(str(path), reads).examples


@pytest.mark.parametrize("kind", RIGHT)
def test_a_changed_file_is_read_whole_or_refused(kind, tmp_path):
    assert_survives(kind, 150, tmp_path / "file")


@pytest.mark.slow
@pytest.mark.parametrize("kind", RIGHT)
def test_a_file_changed_in_twenty_thousand_ways_is_read_whole_or_refused(kind, tmp_path):
    assert_survives(kind, 20_000, tmp_path / "file")
