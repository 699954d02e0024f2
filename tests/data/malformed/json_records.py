"""Wrong JSON files of rows."""

from tests.data.malformed import Wrong

GOOD = '{"text": "a", "label": "x"}'

WRONG = [
    Wrong("empty", "", [": an empty file"]),
    Wrong("bad-bytes", b'[{"text": "\xff"}]', [":1: byte 0xff at offset 11, expected UTF-8"]),
    Wrong("cut", f"[\n  {GOOD},\n  {GOOD}", [":3: JSON that ends too early (column 30)"]),
    Wrong("comma-missing", f"[\n  {GOOD}\n  {GOOD}\n]\n", [
        """:3: no JSON from column 3 on: '{"text": "a", "label…'"""
    ]),
    Wrong("a-value-a-line", f"{GOOD}\n{GOOD}\n", [
        ":2: another JSON value, expected one in the file (format: jsonl reads one a line)"
    ]),
    Wrong("a-key-twice", f'[\n  {GOOD},\n  {{"text": "a", "label": "x", "text": "b"}}\n]\n', [
        ":3: key 'text' twice in an object"
    ]),
    Wrong("nan", f'[\n  {GOOD},\n  {{"text": "a", "label": NaN}}\n]\n', [
        ":3: found NaN, which is no JSON"
    ]),
    Wrong("a-number-without-end", f'[\n{GOOD},\n{{"label": {"1" * 4301}}}]\n', [
        ":3: a number of 4,301 digits"
    ]),
    Wrong("nested-without-end", "[" * 100_000, [":1: JSON that is nested too deeply"]),
    Wrong("text", '"a"', [": found 'a', expected a list of rows"]),
    Wrong("null", "null", [": found null, expected a list of rows"]),
    Wrong("an-empty-list", "[]", [": no row in it"]),
    Wrong("an-object-without-a-list", '{"text": "a", "label": "x"}', [
        ": no list of rows in it. It has text, label"
    ]),
    Wrong("an-empty-object", "{}", [": no list of rows in it. It has nothing"]),
    Wrong("several-lists", '{"train": [], "dev": [], "test": []}', [
        ": several lists (train, dev, test): name one, as in file.json#train"
    ]),
    Wrong("a-split-that-is-not-there", '{"train": [], "dev": []}', [
        ": no key 'tain'. Did you mean 'train'? It has train, dev"
    ], key="#tain"),
    Wrong("a-split-of-a-list", f"[{GOOD}]", [
        ": found a list, expected an object with 'train'"
    ], key="#train"),
    Wrong("a-split-that-is-no-list", '{"train": {"rows": 3}}', [
        "#train.rows: found 3, expected a list"
    ], key="#train.rows"),
    Wrong("one-of-two-splits-is-not-there", '{"a": [["x", "y"]]}', [
        ": no key 'b'. It has a"
    ], key="#a+b"),
    Wrong("a-split-without-rows", '{"a": []}', [": no row in it"], key="#a"),
    Wrong("a-row-that-is-null", f"[{GOOD}, null]", [
        "[1]: found null, expected an object, as in row 0"
    ]),
    Wrong("a-row-of-three", '{"train": [["a", "x"], ["b", "y", "z"], ["c", "x"]]}', [
        "#train[1]: 3 columns, expected 2"
    ]),
    Wrong("an-empty-text", f'[{GOOD}, {{"text": "", "label": "x"}}]', [
        "[1]: text: found '', expected text"
    ]),
    Wrong("a-label-that-is-null", '{"train": [["a", "x"], ["b", null]]}', [
        "#train[1]: column 1: found null, expected a label"
    ], key="#train"),
    Wrong("a-fault-in-the-second-of-two-splits", '{"a": [["x", "y"]], "b": [["x", 3]]}', [
        "#b[0]: column 1: found 3, expected text, as in row 0"
    ], key="#a+b"),
    Wrong("a-number-among-labels", '[["a", "x"], ["b", "y"], ["c", 3]]', [
        "[2]: column 1: found 3, expected text, as in row 0"
    ]),
    Wrong("ids-twice", '[{"id": 5, "text": "a"}, {"id": 5, "text": "b"}]', [
        "[1]: id '5' again, as in row 0"
    ], bare=True),
    Wrong("lists-of-columns", '{"text": ["a", "b"], "label": ["x", "y"]}', [
        ": several lists (text, label): name one, as in file.json#text"
    ]),
]  # fmt: skip
