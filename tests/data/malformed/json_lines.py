"""Wrong files of JSON lines."""

from tests.data.malformed import Wrong
from toolkit.examples import Question, Tagged

GOOD = '{"text": "a", "label": "x"}\n'


def beside(line: str) -> str:
    """A line between two good ones."""
    return GOOD + line + "\n" + GOOD


def labelled(*labels: str, key: str = "label") -> str:
    """A line for each label, as JSON."""
    return "".join(f'{{"text": "a", "{key}": {label}}}\n' for label in labels)


def sentence(words: str, tags: str) -> str:
    return f'{{"words": {words}, "tags": {tags}}}\n'


def asked(answers: str, context: str = "Rome is old") -> str:
    return f'{{"question": "What?", "context": "{context}", "answers": {answers}}}\n'


WRONG = [
    # the bytes
    Wrong("empty", "", [": an empty file"]),
    Wrong("latin-1", beside('{"text": "ü"}').encode("latin-1"), [
        ":2: byte 0xfc at offset 38, expected UTF-8"
    ]),
    Wrong("nul", beside('{"text": "\0"}'), [":2: byte 0x00 at offset 38, expected text"]),
    Wrong("utf-16", GOOD.encode("utf-16"), [": UTF-16, expected UTF-8 text"]),
    Wrong("gzip", b"\x1f\x8b\x08\x00", [": gzip, expected UTF-8 text"]),
    Wrong("only-empty-lines", "\n \n", [": no row in it"]),
    # no JSON
    Wrong("cut-inside-a-string", GOOD + '{"text": "a', [
        ":2: JSON that ends inside a string, which begins in column 10"
    ]),
    Wrong("cut-behind-a-comma", beside('{"text": "a",'), [
        ":2: JSON that ends too early (column 14)"
    ]),
    Wrong("plain-text", beside("hello there"), [":2: no JSON from column 1 on: 'hello there'"]),
    Wrong("a-table", "text,label\na,x\nb,y\n", [
        ":1: no JSON from column 1 on: 'text,label'; none of 3 lines is JSON"
    ]),
    Wrong("single-quotes", beside("{'text': 'a', 'label': 'b'}"), [
        """:2: no JSON from column 2 on: "'text': 'a', 'label'…\""""
    ]),
    Wrong("two-objects-in-a-line", beside(GOOD.strip() * 2), [
        ":2: more than one JSON value (column 28)"
    ]),
    Wrong("a-tab-in-a-string", beside('{"text": "a\tb"}'), [
        """:2: no JSON from column 12 on: '\\tb"}'"""
    ]),
    Wrong("nan", beside('{"text": "a", "label": NaN}'), [":2: found NaN, which is no JSON"]),
    Wrong("minus-infinity", beside('{"text": "a", "label": -Infinity}'), [
        ":2: found -Infinity, which is no JSON"
    ]),
    Wrong("a-key-twice", beside('{"text": "a", "label": "x", "label": "y"}'), [
        ":2: key 'label' twice in an object"
    ]),
    Wrong("a-key-twice-further-in", beside('{"text": "a", "meta": {"k": 1, "\\u006b": 2}}'), [
        ":2: key 'k' twice in an object"
    ]),
    Wrong("nested-without-end", beside("[" * 100_000), [":2: JSON that is nested too deeply"]),
    Wrong("a-number-without-end", beside('{"text": "a", "label": ' + "9" * 5000 + "}"), [
        ":2: a number of 5,000 digits"
    ]),
    Wrong("a-list-over-several-lines", '[\n  {"text": "a", "label": "x"}\n]\n', [
        ": one JSON value over several lines, expected one in each: format: json"
    ]),
    Wrong("a-list-of-objects-in-one-line", f"[{GOOD.strip()}, {GOOD.strip()}]", [
        ": a list of JSON objects, expected one in each line: format: json"
    ]),
    # rows
    Wrong("a-row-that-is-a-list", beside('["a", "x"]'), [
        ":2: found a list, expected an object, as in line 1"
    ]),
    Wrong("a-row-that-is-text", beside('"a"'), [
        ":2: found 'a', expected an object, as in line 1"
    ]),
    Wrong("a-row-that-is-null", beside("null"), [
        ":2: found null, expected an object, as in line 1"
    ]),
    Wrong("rows-that-are-numbers", "1\n2\n", [
        ":1: found 1, expected an object", ":2: found 2, expected an object"
    ]),
    Wrong("lists-of-different-length", '["a", "x"]\n["b"]\n["c", "y"]\n', [
        ":2: 1 column, expected 2"
    ]),
    Wrong("lists-of-three", '["a", "b", "x"]\n', [
        ": 3 columns without names, expected data.columns, such as {text: 0, label: 1}"
    ]),
    Wrong("positions-of-objects", GOOD, [
        ": rows with keys, but data.columns.text is 0, expected a key"
    ], {"columns": {"text": 0}}),
    # texts
    Wrong("no-text", beside('{"label": "x"}'), [":2: text: missing, expected text"]),
    Wrong("null-text", beside('{"text": null, "label": "x"}'), [
        ":2: text: found null, expected text"
    ]),
    Wrong("text-that-is-a-number", beside('{"text": 3, "label": "x"}'), [
        ":2: text: found 3, expected text"
    ]),
    Wrong("text-that-is-a-list", beside('{"text": ["a"], "label": "x"}'), [
        ":2: text: found a list, expected text"
    ]),
    Wrong("text-that-is-an-object", beside('{"text": {"en": "a"}, "label": "x"}'), [
        ":2: text: found an object, expected text"
    ]),
    Wrong("empty-text", beside('{"text": " \\n", "label": "x"}'), [
        ":2: text: found ' \\n', expected text"
    ]),
    Wrong("half-a-character", beside('{"text": "a\\ud83d", "label": "x"}'), [
        ":2: text: found 'a\\ud83d', expected text without a half of a surrogate pair (at 1)"
    ]),
    Wrong("nul-in-a-text", beside('{"text": "a\\u0000", "label": "x"}'), [
        ":2: text: found 'a\\x00', expected text without a NUL character (at 1)"
    ]),
    Wrong("a-pair-in-some-rows-only", beside('{"text": "a", "pair": "b", "label": "x"}'), [
        ":1: pair: missing, expected text", ":3: pair: missing, expected text"
    ]),
    Wrong("no-key-that-is-known", '{"body": "a", "mood": "x"}\n', [
        ": no column 'text'. It has body, mood: set data.columns.text",
        ": no column 'label'. It has body, mood: set data.columns.label",
    ]),
    Wrong("many-keys-and-none-is-known", '{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"label":"x"}\n', [
        ": no column 'text'. It has a, b, c, d, e and 2 more: set data.columns.text"
    ]),
    # labels
    Wrong("a-number-among-labels", labelled('"x"', '"y"', "3"), [
        ":3: label: found 3, expected text, as in line 1"
    ]),
    Wrong("a-label-among-numbers", labelled("0", '"y"', "3"), [
        ":2: label: found 'y', expected a whole number, as in line 1"
    ]),
    Wrong("a-truth-among-numbers", labelled("0", "1", "true"), [
        ":3: label: found true, expected a whole number, as in line 1"
    ]),
    Wrong("null-label", labelled('"x"', "null"), [":2: label: found null, expected a label"]),
    Wrong("empty-label", labelled('"x"', '""'), [":2: label: found '', expected a label"]),
    Wrong("white-space-behind-a-label", labelled('"pos"', '"pos "'), [
        ":2: label: found 'pos ', expected a label without white space around it"
    ]),
    Wrong("a-fraction-where-a-label-is-wanted", labelled("0.5", "1.5"), [
        ":1: label: found 0.5, expected a label (labels: regression reads numbers); "
        "none of 2 is as expected"
    ]),
    Wrong("a-list-where-one-label-is-wanted", labelled('["x"]', '"x"'), [
        ":1: label: found a list, expected one label (labels: multi reads lists)"
    ]),
    Wrong("a-label-that-is-an-object", labelled('"x"', '{"x": 1}'), [
        ":2: label: found an object, expected a label"
    ]),
    Wrong("several-with-null", labelled('["x"]', "null", '["x", null]', "3"), [
        ":2: label: found null, expected a list of labels",
        ":3: label: found a list, expected a label",
        ":4: label: found 3, expected a list of labels, or text that label_separator splits",
    ], {"labels": "multi"}),
    Wrong("several-with-a-number-among-labels", labelled('["x", "y"]', '["x", 1]'), [
        ":2: label: found a list, expected text, as in line 1"
    ], {"labels": "multi"}),
    Wrong("text-where-a-number-is-wanted", labelled("1.5", '"2.5"', "true", "null", "[1]"), [
        ":2: label: found '2.5', expected a number",
        ":3: label: found true, expected a number",
        ":4: label: found null, expected a number",
        ":5: label: found a list, expected a number",
    ], {"labels": "regression"}),
    Wrong("a-number-too-large", labelled("1.5", "1e999"), [
        ":2: label: found .inf, expected a number"
    ], {"labels": "regression"}),
    # ids
    Wrong("ids-twice", labelled('"x"').replace("{", '{"id": 1, ') * 2, [
        ":2: id '1' again, as in line 1"
    ]),
    Wrong("ids-twice-as-number-and-text", '{"id": 1, "text": "a"}\n{"id": "1", "text": "b"}\n', [
        ":2: id '1' again, as in line 1"
    ], bare=True),
    Wrong("no-id-in-one-row", '{"id": 1, "text": "a"}\n{"text": "b"}\n', [
        ":2: id: missing, expected an id, text or a whole number"
    ], bare=True),
    Wrong("an-id-that-is-a-list", '{"id": [1], "text": "a"}\n{"id": 2, "text": "b"}\n', [
        ":1: id: found a list, expected an id, text or a whole number"
    ], bare=True),
    # words and tags
    Wrong("words-that-are-text", sentence('"a b"', '["O", "O"]') + sentence('["a"]', '["O"]'), [
        ":1: words: found 'a b', expected a list of words"
    ], reads=Tagged),
    Wrong("fewer-tags-than-words", sentence('["a", "b"]', '["O"]'), [
        ":1: 2 words, 1 tag, expected as many"
    ], reads=Tagged),
    Wrong("no-tags", sentence('["a"]', '["O"]') + '{"words": ["b"]}\n', [
        ":2: tags: missing, expected a list of tags"
    ], reads=Tagged),
    Wrong("an-empty-word", sentence('["a", ""]', '["O", "O"]'), [
        ":1: word 1: the word is empty"
    ], reads=Tagged),
    Wrong("a-word-that-is-a-number", sentence('["a", 2]', '["O", "O"]'), [
        ":1: word 1: found 2, expected a word"
    ], reads=Tagged),
    Wrong("tags-that-are-numbers", sentence('["a"]', "[0]") * 2, [
        ":1: word 0: found 0, expected a tag (labels_file says what numbers stand for); "
        "none of 2 is as expected"
    ], reads=Tagged),
    Wrong("a-span-that-opens-with-i", sentence('["a", "b"]', '["B-X", "I-X"]')
          + sentence('["a", "b"]', '["O", "I-X"]'), [
        ":2: word 1: 'I-X' after 'O', expected 'B-X' (scheme IOB2, as in line 1)"
    ], reads=Tagged),
    Wrong("sentences-without-words", sentence("[]", "[]"), [": no example in it"], reads=Tagged),
    Wrong("tags-of-no-words", sentence("[]", '["O"]'), [
        ":1: 0 words, 1 tag, expected as many"
    ], reads=Tagged),
    # questions
    Wrong("an-answer-that-is-elsewhere", asked(
        '{"text": ["old"], "answer_start": [0]}', "Rome is very old"
    ), [
        ":1: answers[0]: 'old' is not at 0 ('Rom' is) but at 13"
    ], reads=Question),
    Wrong("more-texts-than-starts", asked('{"text": ["Rome", "old"], "answer_start": [0]}'), [
        ":1: answers: found 2 texts and 1 start, expected as many"
    ], reads=Question),
    Wrong("answers-that-are-text", asked('["Rome"]') + asked('"Rome"'), [
        ":1: answers[0]: found 'Rome', expected an object",
        ":2: answers: found 'Rome', expected a list of {text, answer_start}",
    ], reads=Question),
    Wrong("answers-without-a-start", asked('[{"text": "Rome"}]'), [
        ":1: answers[0].answer_start: missing, expected a whole number"
    ], reads=Question),
    Wrong("no-answers-at-all", '{"question": "a", "context": "b"}\n', [
        ": no column 'answers'. It has question, context: set data.columns.answers"
    ], reads=Question),
    Wrong("an-empty-context", asked("[]", " "), [
        ":1: context: found ' ', expected text"
    ], reads=Question),
]  # fmt: skip
