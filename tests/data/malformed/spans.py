"""Wrong files of texts with spans."""

import json
from typing import Any

from tests.data.malformed import Wrong
from toolkit.examples import Text

TEXT = "Ada Lovelace saw New York-City"


def marked(*spans: Any, key: str = "entities", text: Any = TEXT, **keys: Any) -> str:
    """A line."""
    return json.dumps({"text": text, key: list(spans), **keys}) + "\n"


def exported(*results: Any, **keys: Any) -> str:
    """A task of Label Studio with an annotation for each result."""
    annotations = [{"result": result} if isinstance(result, list) else result for result in results]
    return json.dumps([{"id": 7, "data": {"text": TEXT}, "annotations": annotations, **keys}])


WRONG = [
    Wrong("empty", "", [": an empty file"]),
    Wrong("no-json", "Ada\n", [":1: no JSON from column 1 on: 'Ada'"]),
    Wrong("a-list-that-is-cut", "[\n" + marked().strip() + ",\n", [
        ":2: JSON that ends too early (column 60)"
    ]),
    Wrong("bad-bytes-in-a-list", b'[{"text": "\xff"}]', [
        ":1: byte 0xff at offset 11, expected UTF-8"
    ]),
    Wrong("a-key-twice", '{"text": "a", "spans": [], "text": "b"}\n', [
        ":1: key 'text' twice in an object"
    ]),
    Wrong("rows-that-are-text", marked() + '"Ada"\n', [
        ":2: found 'Ada', expected an object, as in line 1"
    ]),
    Wrong("no-text", marked() + '{"entities": []}\n', [":2: text: missing, expected text"]),
    Wrong("no-text-anywhere", '{"body": "a", "entities": []}\n', [
        ": no column 'text'. It has body, entities: set data.columns.text"
    ]),
    Wrong("an-empty-text", marked() + marked(text=" "), [":2: text: found ' ', expected text"]),
    Wrong("no-spans", marked() + '{"text": "a"}\n', [
        ":2: entities: missing, expected a list of spans"
    ]),
    Wrong("no-spans-anywhere", '{"text": "a"}\n', [
        ": no column 'spans'. It has text: set data.columns.spans"
    ]),
    Wrong("spans-under-two-keys", '{"text": "a", "entities": [], "label": []}\n', [
        ": spans may be 'entities' or 'label': set data.columns.spans"
    ]),
    Wrong("a-declared-key-that-is-not-there", marked(), [
        ": no column 'marks'. It has text, entities"
    ], {"columns": {"spans": "marks"}}),
    Wrong("spans-that-are-text", marked() + '{"text": "a", "entities": "PER"}\n', [
        ":2: entities: found 'PER', expected a list of spans"
    ]),
    Wrong("ids-twice", marked(id=1) + marked(id=1), [":2: id '1' again, as in line 1"]),
    Wrong("a-span-of-two", marked([0, 3]), [
        ":1: entities[0]: found a list of 2, expected [start, end, type]"
    ]),
    Wrong("a-span-that-is-text", marked("Ada"), [
        ":1: entities[0]: found 'Ada', expected {start, end, label} or [start, end, type]"
    ]),
    Wrong("a-span-without-end", marked({"start": 0, "label": "PER"}), [
        ":1: entities[0].end: missing, expected a whole number"
    ]),
    Wrong("an-offset-that-is-text", marked(["0", 3, "PER"]), [
        ":1: entities[0].start: found '0', expected a whole number"
    ]),
    Wrong("an-offset-that-is-a-fraction", marked([0, 3.0, "PER"]), [
        ":1: entities[0].end: found 3.0, expected a whole number"
    ]),
    Wrong("a-span-without-type", marked({"start": 0, "end": 3}), [
        ":1: entities[0].label: missing, expected the type of the span"
    ]),
    Wrong("an-empty-type", marked([0, 3, ""]), [
        ":1: entities[0].label: found '', expected the type of the span"
    ]),
    Wrong("white-space-behind-a-type", marked([0, 3, "PER "]), [
        ":1: entities[0].label: found 'PER ', expected no white space around it"
    ]),
    Wrong("two-types", marked({"start": 0, "end": 3, "labels": ["PER", "LOC"]}), [
        ":1: entities[0]: 2 types, expected one"
    ]),
    Wrong("a-span-behind-the-text", marked([17, 31, "LOC"]), [
        ":1: entities[0]: from 17 to 31, but the text has 30 characters"
    ]),
    Wrong("a-span-before-the-text", marked([-1, 3, "PER"]), [
        ":1: entities[0]: from -1 to 3, but the text has 30 characters"
    ]),
    Wrong("a-span-that-ends-before-it-begins", marked([12, 0, "PER"]), [
        ":1: entities[0]: from 12 to 0, but the text has 30 characters"
    ]),
    Wrong("a-span-of-nothing", marked([3, 3, "PER"]), [
        ":1: entities[0]: from 3 to 3 is '', expected a word"
    ]),
    Wrong("a-span-of-white-space", marked([3, 4, "PER"]), [
        ":1: entities[0]: from 3 to 4 is ' ', expected a word"
    ]),
    Wrong("a-span-that-covers-other-text", marked(
        {"start": 0, "end": 3, "label": "PER", "text": "Eve"}
    ), [":1: entities[0]: 'Eve' is not at 0 ('Ada' is) and occurs nowhere"]),
    Wrong("spans-that-overlap", marked([0, 12, "PER"], [4, 16, "LOC"]), [
        ":1: entities[1]: 'Lovelace saw' shares a word with 'Ada Lovelace' (entities[0])"
    ]),
    Wrong("spans-in-spans", marked([0, 12, "PER"], [4, 12, "LOC"]), [
        ":1: entities[1]: 'Lovelace' shares a word with 'Ada Lovelace' (entities[0])"
    ]),
    Wrong("two-types-of-one-span", marked([0, 12, "PER"], [0, 12, "ORG"]), [
        ":1: entities[1]: 'Ada Lovelace' shares a word with 'Ada Lovelace' (entities[0])"
    ]),
    Wrong("two-spans-in-one-word", marked([21, 25, "A"], [26, 30, "B"]), [
        ":1: entities[1]: 'City' shares a word with 'York' (entities[0])"
    ]),
    Wrong("three-faults-in-one-text", marked([0, 3], [0, 99, "X"], [0, 3, None]), [
        ":1: entities[0]: found a list of 2, expected [start, end, type]",
        ":1: entities[2].label: found null, expected the type of the span",
        ":1: entities[1]: from 0 to 99, but the text has 30 characters",
    ]),
    Wrong("two-annotations-of-a-task", exported([], []), [
        "[0]: annotations: found 2, expected one of each text"
    ]),
    Wrong("an-annotation-without-a-result", exported({}), [
        "[0]: annotations[0].result: missing, expected a list of objects"
    ]),
    Wrong("a-result-without-a-value", exported([{"type": "labels"}]), [
        "[0]: spans[0]: found null, expected {start, end, label} or [start, end, type]"
    ]),
    Wrong("a-task-without-its-text", exported([], data={"a": "x", "b": "y"}), [
        "[0]: data: no key 'text'. It has a, b"
    ]),
    Wrong("only-tasks-that-were-skipped", exported({"was_cancelled": True}), [": no text in it"]),
    Wrong("for-a-task-that-reads-texts", marked(), [
        ": this format gives words, tags, "
        "and the task reads Text (text, pair, label, id): set another data.format"
    ], reads=Text),
]  # fmt: skip
