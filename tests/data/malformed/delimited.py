"""Wrong CSV and TSV files."""

from tests.data.malformed import Wrong
from toolkit.examples import Tagged

POSITIONS = {"columns": {"text": 0, "label": 1}}
HINT = " (quoting: none reads quotes as they are)"

WRONG = [
    # the bytes
    Wrong("empty", "", [": an empty file"]),
    Wrong("utf-16", "text,label\na,b\n".encode("utf-16"), [": UTF-16, expected UTF-8 text"]),
    Wrong(
        "latin-1",
        "text,label\nGrün,a\nok,b\nRüm,a\n".encode("latin-1"),
        [
            ":2: byte 0xfc at offset 13, expected UTF-8",
            ":4: byte 0xfc at offset 24, expected UTF-8",
        ],
    ),
    Wrong("nul", "text,label\na\0,b\n", [":2: byte 0x00 at offset 12, expected text"]),
    Wrong("zip-of-excel", b"PK\x03\x04abc", [": zip, expected UTF-8 text"]),
    Wrong(
        "old-line-ends",
        "text,label\ra,b\r",
        [":1: a \\r inside the line, expected lines that end in \\n or \\r\\n"],
    ),
    # nothing to read
    Wrong("only-empty-lines", "\n\n \n", [": no row in it"]),
    Wrong("only-separators", ",\n,\n", [": no row in it"]),
    Wrong("only-a-header", "text,label\n", [": no row in it"]),
    # columns
    Wrong(
        "no-column-for-the-text",
        "id,body,label\n1,a,b\n",
        [": no column 'text'. It has id, body, label: set data.columns.text"],
        {"header": True},
    ),
    Wrong(
        "a-column-that-is-nearly-there",
        "txet,label\na,b\n",
        [": no column 'text'. Did you mean 'txet'? It has txet, label: set data.columns.text"],
        {"header": True},
    ),
    Wrong(
        "a-declared-column-that-is-not-there",
        "text,category\na,b\n",
        [": no column 'categories'. Did you mean 'category'? It has text, category"],
        {"columns": {"label": "categories"}},
    ),
    Wrong(
        "two-declared-columns-that-are-not-there",
        "a,b\n1,2\n",
        [": no column 'x'. It has a, b", ": no column 'y'. It has a, b"],
        {"columns": {"text": "x", "label": "y"}, "header": True},
    ),
    Wrong(
        "two-columns-that-may-be-the-label",
        "text,category,intent\na,b,c\n",
        [": label may be 'category' or 'intent': set data.columns.label"],
    ),
    Wrong(
        "the-wrong-separator",
        "text;label\na;b\nc;d\n",
        [": 1 column without names, expected data.columns, such as {text: 0, label: 1}"],
    ),
    Wrong(
        "the-wrong-separator-under-a-header",
        "text,label\na\tb\nc\td\n",
        [
            ":2: 1 column, expected 2 (comma); a tab separates this line; none of 2 is as expected",
        ],
    ),
    Wrong(
        "three-columns-without-names",
        "a,b,c\nd,e,f\n",
        [": 3 columns without names, expected data.columns, such as {text: 0, label: 1}"],
    ),
    Wrong(
        "names-that-nobody-knows-and-no-header-declared",
        "Tweet,Mood,Date\na,b,c\n",
        [": 3 columns without names, expected data.columns, such as {text: 0, label: 1}"],
    ),
    Wrong(
        "a-position-that-is-not-there",
        "a,b\nc,d\n",
        [": 2 columns, but data.columns.label is 2 (the first column is 0)"],
        {"columns": {"text": 0, "label": 2}},
    ),
    Wrong(
        "names-for-columns-without",
        "a,b\nc,d\n",
        [
            ": 2 columns without names, but data.columns.text is 'x', expected a position from 0",
            ": 2 columns without names, but data.columns.label is 'y', expected a position from 0",
        ],
        {"columns": {"text": "x", "label": "y"}},
    ),
    Wrong(
        "a-header-that-is-an-example",
        "What,Mood\n" + "one,good\ntwo,bad\n" * 10,
        [
            ":1: label 'Mood' is in no other row: "
            "set data.header: true if the row names columns, false if it is an example"
        ],
    ),
    Wrong("a-name-twice", "text,label,label\na,b,c\n", [":1: column 'label' twice in the header"]),
    Wrong("cell-missing", "text,label\na,b\nc\nd,e\n", [":3: 1 column, expected 2 (comma)"]),
    Wrong(
        "cell-too-many",
        "text,label\na,b\nc,d,e\n",
        [":3: 3 columns, expected 2 (comma)"],
    ),
    Wrong(
        "cell-too-many-behind-a-field-of-two-lines",
        'text,label\n"a\nb",c\n"d\ne",f,g\nh,i,j\n',
        [
            ":4: 3 columns, expected 2 (comma); its quotes reach to line 5",
            ":6: 3 columns, expected 2 (comma)",
        ],
    ),
    # quotes
    Wrong(
        "quote-that-never-closes",
        'text,label\na,b\n"c,d\ne,f\n',
        [f":3: a quote opens here and never closes{HINT}"],
    ),
    Wrong(
        "quote-that-never-closes-in-the-second-cell",
        'text,label\n"a\nb","c\nd,e\n',
        [f":3: a quote opens here and never closes{HINT}"],
    ),
    Wrong(
        "letters-behind-a-quote",
        'text,label\n"a"b,c\n"d" ,e\n',
        [
            f":2: a quote closes before 'b', expected a separator{HINT}",
            f":3: a quote closes before ' ', expected a separator{HINT}",
        ],
    ),
    Wrong(
        "quote-that-closes-lines-below",
        'text,label\n"a,b\nc,"d"\ne,f\n',
        [f":2: the quote that opens here closes in line 3 before 'd', expected a separator{HINT}"],
    ),
    Wrong(
        "quoted-cells-of-two-lines-in-tsv",
        'text\tlabel\na\tb\n"c\nd"\te\n',
        [":3: 1 column, expected 2 (tab); quoting: rfc4180 reads quoted cells"],
        format="tsv",
    ),
    Wrong(
        "commas-in-tsv",
        "text\tlabel\na,b\n",
        [":2: 1 column, expected 2 (tab); a comma separates this line"],
        format="tsv",
    ),
    # values
    Wrong("empty-text", "text,label\na,b\n,c\n", [":3: text: found '', expected text"]),
    Wrong("white-text", "text,label\na,b\n  ,c\n", [":3: text: found '  ', expected text"]),
    Wrong("empty-quoted-text", 'text,label\na,b\n"",c\n', [":3: text: found '', expected text"]),
    Wrong("empty-label", "text,label\na,b\nc,\n", [":3: label: found '', expected a label"]),
    Wrong("empty-pair", "text,pair,label\na,b,c\nd,,e\n", [":3: pair: found '', expected text"]),
    Wrong(
        "a-column-without-any-label",
        "text,label\na,\nb,\n",
        [":2: label: found '', expected a label; none of 2 is as expected"],
    ),
    Wrong(
        "a-label-that-is-no-number",
        'text,label\na,1.5\nb,high\nc,\nd,nan\ne,inf\nf,1e999\ng,"1,5"\nh,0x1\n',
        [
            ":3: label: found 'high', expected a number",
            ":4: label: found '', expected a number",
            ":5: label: found 'nan', expected a number",
            ":6: label: found 'inf', expected a number",
            ":7: label: found '1e999', expected a number",
            ":8: label: found '1,5', expected a number",
            ":9: label: found '0x1', expected a number",
        ],
        {"labels": "regression"},
    ),
    Wrong(
        "a-header-among-numbers",
        "a,b,score\nc,d,1.5\n",
        [":1: column 2: found 'score', expected a number"],
        {"labels": "regression", "columns": {"text": 0, "pair": 1, "label": -1}, "header": False},
    ),
    Wrong(
        "an-empty-label-among-several",
        'text,label\na,"x,,y"\n',
        [":2: label: found 'x,,y', expected a label"],
        {"labels": "multi"},
    ),
    Wrong(
        "ids-twice",
        "id,text,label\n7,a,x\n8,b,x\n7,c,y\n8,d,y\n",
        [":4: id '7' again, as in line 2", ":5: id '8' again, as in line 3"],
    ),
    Wrong(
        "empty-id",
        "id,text,label\n7,a,x\n,b,x\n",
        [":3: id: found '', expected an id, text or a whole number"],
    ),
    Wrong(
        "words-and-tags-of-different-number",
        "words,tags\na b,O O\nc d,O\n",
        [":3: 2 words, 1 tag, expected as many"],
        reads=Tagged,
    ),
    Wrong(
        "two-faults-in-one-row-and-one-in-another",
        "text,label\n,\na,b\nc\n,b\n",
        [
            ":4: 1 column, expected 2 (comma)",
            ":5: text: found '', expected text",
        ],
    ),
    Wrong(
        "texts-to-predict-without-a-text",
        "a,b\nc,d\n",
        [": 2 columns without names, expected data.columns, such as {text: 0}"],
        bare=True,
    ),
    Wrong(
        "a-field-that-the-examples-do-not-have",
        "text,label\na,b\n",
        ["data.columns: no field 'txt' in Text. Did you mean 'text'? It has text, pair, label, id"],
        {"columns": {"txt": "text"}},
    ),
]
