"""Odd files of rows, questions and spans that are right, with what was mended on the way."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest

from tests.data.malformed import CLASSES, write
from toolkit.examples import Answer, Question, Tagged, Text
from toolkit.registry import look_up


class Odd(NamedTuple):
    """A file, its examples, and all notes but the first."""

    name: str
    format: str
    content: bytes | str
    examples: list[Any]
    notes: list[str]
    options: Mapping[str, Any] = {}
    bare: bool = False


def texts(*pairs: tuple[Any, ...], first: int = 1) -> list[Text]:
    """Texts with labels, numbered by line."""
    return [
        Text(pair[0], label=pair[1], id=str(number)) for number, pair in enumerate(pairs, first)
    ]


def squad(context: str, *answers: tuple[str, int], **keys: Any) -> str:
    listed = [{"text": text, "answer_start": start} for text, start in answers]
    question = {"id": "q", "question": "What?", "answers": listed, **keys}
    paragraph = {"context": context, "qas": [question]}
    return json.dumps({"data": [{"title": "A", "paragraphs": [paragraph]}]})


def questions(context: str, *answers: tuple[str, int]) -> list[Question]:
    found = tuple(Answer(*answer) for answer in answers)
    return [Question("What?", context, found, "q", "A")]


def marked(text: str, *spans: Any, key: str = "entities", **keys: Any) -> str:
    return json.dumps({"text": text, key: list(spans), **keys}) + "\n"


def tagged(text: str, tags: str, name: str = "1") -> Tagged:
    return Tagged.of(text)._replace(tags=tuple(tags.split()), id=name)


AB = texts(("a", "x"), ("b", "y"), first=2)
JSON_AB = '{"text": "a", "label": "x"}\n{"text": "b", "label": "y"}\n'
FAMILY = "👨‍👩‍👧 saw Rome"
PER = {"start": 0, "end": 3, "label": "PER"}

ODD = [
    # CSV and TSV
    Odd("byte-order-mark", "csv", b"\xef\xbb\xbftext,label\na,x\nb,y\n", AB,
        ["a byte order mark at the start was dropped"]),
    Odd("crlf", "csv", "text,label\r\na,x\r\nb,y\r\n", AB, ["3 lines ended in \\r\\n"]),
    Odd("no-line-end-at-the-end", "csv", "text,label\na,x\nb,y", AB, []),
    Odd("empty-lines", "csv", "\ntext,label\na,x\n\n \nb,y\n\n",
        [Text("a", label="x", id="3"), Text("b", label="y", id="6")], ["4 empty rows skipped"]),
    Odd("rows-of-separators", "csv", "text,label\na,x\nb,y\n,\n,\n", AB, ["2 empty rows skipped"]),
    Odd("separators-at-the-end", "csv", "text,label\na,x,,\nb,y\n", AB,
        ["1 row ended in separators, dropped"]),
    Odd("words-that-mean-nothing-elsewhere", "csv", "text,label\nNA,null\nNone,nan\n",
        texts(("NA", "null"), ("None", "nan"), first=2), []),
    Odd("quotes-inside-a-cell", "csv", 'text,label\nsay "a",x\n5" disk,y\n',
        texts(('say "a"', "x"), ('5" disk', "y"), first=2), []),
    Odd("quoted-everything", "csv", '"text","label"\n"a ""b"", c","x"\n',
        texts(('a "b", c', "x"), first=2), []),
    Odd("cells-of-several-lines", "csv", 'text,label\n"a\n\nb",x\nc,y\n',
        [Text("a\n\nb", label="x", id="2"), Text("c", label="y", id="5")], []),
    Odd("a-return-inside-quotes", "csv", 'text,label\n"a\rb",x\n',
        texts(("a\rb", "x"), first=2), []),
    Odd("line-separators-in-a-text", "csv", "text,label\na\u2028b\x0c,x\n",
        texts(("a\u2028b\x0c", "x"), first=2), []),
    Odd("no-header", "csv", "a,x\nb,y\n", texts(("a", "x"), ("b", "y")), []),
    Odd("a-text-called-text", "csv", "text,x\na,y\n", texts(("text", "x"), ("a", "y")), []),
    Odd("names-in-capitals", "csv", "Text, Label\na,x\nb,y\n", AB,
        ["columns found by their usual names: text from 'Text', label from 'Label'"]),
    Odd("usual-names", "csv", "idx,Sentence,sentiment\n7,a,x\n",
        texts(("a", "x"), first=2),
        ["columns found by their usual names: text from 'Sentence', label from 'sentiment'"]),
    Odd("usual-names-of-pairs", "csv", "premise,hypothesis,gold_label\na,b,x\n",
        [Text("a", "b", "x", "2")],
        ["columns found by their usual names: text from 'premise', pair from 'hypothesis', "
         "label from 'gold_label'"]),
    Odd("spaces-around-labels", "csv", "text,label\na, x\nb,y \n", AB,
        ["2 labels with spaces around, dropped"]),
    Odd("semicolons", "csv", "text;label\na;x\nb;y\n", AB, [], {"separator": "semicolon"}),
    Odd("columns-that-are-not-read", "csv", ",text,note,label,\n0,a,,x,\n1,b,?,y,\n", AB, []),
    Odd("the-last-column-by-position", "csv", "7,a,x\n8,b,y\n",
        texts(("a", "x"), ("b", "y")), [], {"columns": {"text": 1, "label": -1}}),
    Odd("numbers", "csv", "a, 1\nb,2.50\nc,-3e-1\nd,.5\n",
        texts(("a", 1.0), ("b", 2.5), ("c", -0.3), ("d", 0.5)), [],
        {"labels": "regression", "columns": {"text": 0, "label": 1}}),
    Odd("several-labels", "csv", 'text,label\na,"x, y"\nb,\nc,"y,y"\n',
        texts(("a", ("x", "y")), ("b", ()), ("c", ("y",)), first=2),
        ["1 label named twice in a row, read once", "1 row without a label"],
        {"labels": "multi"}),
    Odd("mapped-labels", "csv", "text,label\na,0\nb,1\n", AB,
        ["label_map changed 2 labels", "of label_map, not found here: 2"],
        {"label_map": {"0": "x", "1": "y", "2": "z"}}),
    Odd("quotes-in-tsv", "tsv", 'text\tlabel\n"a\tx\nb"\ty\n',
        texts(('"a', "x"), ('b"', "y"), first=2), []),
    Odd("quoted-cells-in-tsv", "tsv", 'text\tlabel\n"a\tb"\tx\n', texts(("a\tb", "x"), first=2), [],
        {"quoting": "rfc4180"}),
    Odd("texts-only", "csv", "a\nb\n", texts(("a", None), ("b", None)), [], bare=True),
    Odd("labels-that-are-wrong-and-not-read", "csv", "text,label\na,\nb,\n",
        texts(("a", None), ("b", None), first=2), [], bare=True),
    # JSON lines
    Odd("byte-order-mark", "jsonl", b"\xef\xbb\xbf" + JSON_AB.encode(),
        texts(("a", "x"), ("b", "y")), ["a byte order mark at the start was dropped"]),
    Odd("empty-lines", "jsonl", JSON_AB.replace("\n", "\n\n \n"),
        [Text("a", label="x", id="1"), Text("b", label="y", id="4")], ["4 empty lines skipped"]),
    Odd("crlf", "jsonl", JSON_AB.replace("\n", "\r\n"), texts(("a", "x"), ("b", "y")),
        ["2 lines ended in \\r\\n"]),
    Odd("no-line-end-at-the-end", "jsonl", JSON_AB.strip(), texts(("a", "x"), ("b", "y")), []),
    Odd("more-keys-in-some-rows", "jsonl",
        '{"text": "a", "label": "x", "note": {"by": [1]}}\n{"text": "b", "label": "y"}\n',
        texts(("a", "x"), ("b", "y")), ["keys that not every one of 2 rows has: 'note' in 1"]),
    Odd("whole-numbers-as-labels", "jsonl",
        '{"text": "a", "label": 1}\n{"text": "b", "label": 0}\n',
        texts(("a", "1"), ("b", "0")), ["2 numbers read as names of labels"]),
    Odd("truth-as-labels", "jsonl", '{"text": "a", "label": true}\n{"text": "b", "label": false}\n',
        texts(("a", "true"), ("b", "false")),
        ["2 truth values read as names of labels, true and false"]),
    Odd("lists", "jsonl", '["a", "x"]\n["b", "y"]\n', texts(("a", "x"), ("b", "y")), []),
    Odd("escapes", "jsonl", '{"text": "\\ud83d\\ude00 \\u00fc \\u2028", "label": "x"}\n',
        texts(("😀 ü \u2028", "x")), []),
    Odd("white-space-around", "jsonl", ' \t{"text" : "a" , "label" : "x"}  \n',
        texts(("a", "x")), []),
    Odd("lists-and-texts-of-several-labels", "jsonl",
        '["a", ["x", "y"]]\n["b", "y"]\n["c", []]\n',
        texts(("a", ("x", "y")), ("b", ("y",)), ("c", ())), ["1 row without a label"],
        {"labels": "multi"}),
    Odd("ids-of-both-kinds", "jsonl", '{"id": 7, "text": "a"}\n{"id": "b7", "text": "b"}\n',
        [Text("a", id="7"), Text("b", id="b7")], [], bare=True),
    # JSON
    Odd("one-list-under-a-key", "json", '{"version": 1, "rows": [["a", "x"], ["b", "y"]]}',
        texts(("a", "x"), ("b", "y"), first=0), []),
    # SQuAD
    Odd("whole-numbers-as-ids", "squad", squad("a b", ("b", 2), id=3),
        [Question("What?", "a b", (Answer("b", 2),), "3", "A")], []),
    Odd("white-space-that-was-stripped", "squad", squad("  Rome is old", ("Rome", 0)),
        questions("  Rome is old", ("Rome", 2)),
        ["1 answer up to 10 characters off, found where they occur"]),
    Odd("utf-16", "squad", squad(f"{FAMILY} and Rome", ("Rome", 13)),
        questions(f"{FAMILY} and Rome", ("Rome", 10)),
        ["1 answer of which the start was counted in UTF-16 units"]),
    Odd("bytes", "squad", squad("Grüße aus Köln an Köln", ("Köln", 12)),
        questions("Grüße aus Köln an Köln", ("Köln", 10)),
        ["1 answer of which the start was counted in UTF-8 bytes"]),
    Odd("line-ends-of-two", "squad", squad("a\nb\nc Rome, Rome", ("Rome", 8)),
        questions("a\nb\nc Rome, Rome", ("Rome", 6)),
        ["1 answer of which the start was counted with other line ends"]),
    Odd("line-ends-of-one", "squad", squad("a\r\nb\r\nc Rome, Rome", ("Rome", 6)),
        questions("a\r\nb\r\nc Rome, Rome", ("Rome", 8)),
        ["1 answer of which the start was counted with other line ends"]),
    Odd("another-normal-form", "squad", squad("Cafe\u0301 in Ko\u0308ln", ("K\u00f6ln", 8)),
        questions("Cafe\u0301 in Ko\u0308ln", ("Ko\u0308ln", 9)),
        ["1 answer in another Unicode normal form than the context"]),
    Odd("white-space-in-an-answer", "squad", squad("a b", (" b", 1)),
        questions("a b", (" b", 1)), []),
    Odd("no-answer", "squad", squad("a b", is_impossible=True), questions("a b"),
        ["1 question without an answer"]),
    # spans
    Odd("doccano-1", "spans",
        marked("Ada saw Rome", [0, 3, "PER"], [8, 12, "LOC"], key="label", id=9),
        [tagged("Ada saw Rome", "B-PER O B-LOC", "9")],
        ["columns found by their usual names: spans from 'label'"]),
    Odd("doccano-2", "spans", marked(
            "Ada saw Rome", {"id": 4, "label": "PER", "start_offset": 0, "end_offset": 3}, more=[]
        ), [tagged("Ada saw Rome", "B-PER O O")],
        ["columns found by their usual names: spans from 'entities'"]),
    Odd("prodigy", "spans",
        marked("Ada", PER, key="spans", answer="accept")
        + marked("Eve", key="spans", answer="reject"),
        [tagged("Ada", "B-PER")], ["1 text skipped or rejected by the annotator, dropped"]),
    Odd("spacy", "spans", '["Ada saw", {"entities": [[0, 3, "PER"]]}]\n',
        [tagged("Ada saw", "B-PER O")],
        ["columns found by their usual names: spans from 'entities'"]),
    Odd("label-studio", "spans", json.dumps([
            {"id": 1, "data": {"text": "Ada saw"}, "annotations": [
                {"was_cancelled": True, "result": []},
                {"result": [
                    {"type": "labels", "value": {**PER, "text": "Ada", "labels": ["PER"]}},
                    {"type": "choices", "value": {"choices": ["x"]}},
                ]},
            ]},
            {"id": 2, "data": {"text": "b"}, "annotations": []},
        ]).replace('"label": "PER", ', ""),
        [tagged("Ada saw", "B-PER O")],
        ["1 text skipped or rejected by the annotator, dropped",
         "1 annotation other than spans, not read"]),
    Odd("label-studio-in-short", "spans", json.dumps([
            {"id": 1, "text": "Ada saw", "label": [
                {"start": 0, "end": 3, "text": "Ada", "labels": ["PER"]}
            ]},
        ]), [tagged("Ada saw", "B-PER O")],
        ["columns found by their usual names: spans from 'label'"]),
    Odd("spans-that-cut-words", "spans", marked("Adas Haus", [0, 3, "PER"], key="spans"),
        [tagged("Adas Haus", "B-PER O")], ["1 span that cut a word, widened to it"]),
    Odd("white-space-in-spans", "spans",
        marked("Ada saw ", [0, 4, "PER"], [3, 8, "X"], key="spans"),
        [tagged("Ada saw ", "B-PER B-X")], ["2 spans with white space at an end, dropped"]),
    Odd("spans-that-overlap", "spans",
        marked("Ada von Rom", [8, 11, "LOC"], [0, 11, "PER"], key="spans"),
        [tagged("Ada von Rom", "B-PER I-PER I-PER")],
        ["1 span that overlapped a longer one, dropped"], {"overlaps": "longest"}),
    Odd("a-span-twice", "spans", marked("Ada", [0, 3, "PER"], [0, 3, "PER"], key="spans"),
        [tagged("Ada", "B-PER")], ["1 span marked twice, read once"]),
    Odd("types-that-are-mapped", "spans", marked("Ada b", [0, 3, "X"], [4, 5, "Y"], key="spans"),
        [tagged("Ada b", "B-PER O")], ["label_map changed 2 spans"],
        {"label_map": {"X": "PER", "Y": "O"}}),
    Odd("spans-in-utf-16", "spans",
        marked(f"{FAMILY}!", {"start": 13, "end": 17, "label": "LOC", "text": "Rome"}, key="spans"),
        [tagged(f"{FAMILY}!", "O O O O O O B-LOC O")],
        ["1 span of which the start was counted in UTF-16 units"]),
    Odd("spans-not-read", "spans", '{"text": "Ada saw"}\n', [Tagged.of("Ada saw")._replace(id="1")],
        [], bare=True),
]  # fmt: skip


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: f"{odd.format}-{odd.name}")
def test_an_odd_file_is_read_and_what_was_mended_is_counted(odd, tmp_path):
    path = write(odd.content, tmp_path / "file")
    data = look_up("data", odd.format)(train=path, **odd.options)
    reads = CLASSES.get(odd.format, Text)
    reading = data.read_bare(path, reads) if odd.bare else data.read(path, reads)
    assert reading.examples == odd.examples
    assert reading.notes[1:] == odd.notes


def test_there_are_enough_odd_files():
    assert len({(odd.format, odd.name) for odd in ODD}) == len(ODD) >= 50
