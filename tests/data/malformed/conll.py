"""Wrong files of columns: CoNLL, Universal NER, CoNLL-U, and lines of text."""

from tests.data.malformed import Wrong
from toolkit.data.conll import ColumnNumbers

REST = "\t_" * 6
UD = "{}\t{}\t_\t{}" + REST  # a line of CoNLL-U: id, form, upos


def ud(*rows: tuple[str, str, str]) -> bytes:
    return "".join(UD.format(*row) + "\n" for row in rows).encode()


WRONG = [
    # the bytes
    Wrong("empty", b"", [": an empty file"]),
    Wrong("only-a-byte-order-mark", b"\xef\xbb\xbf", [": an empty file"]),
    Wrong("utf-16-little", "a\tO\n".encode("utf-16"), [": UTF-16, expected UTF-8 text"]),
    Wrong(
        "utf-16-big", b"\xfe\xff" + "a\tO\n".encode("utf-16-be"), [": UTF-16, expected UTF-8 text"]
    ),
    Wrong("utf-32", "a\tO\n".encode("utf-32"), [": UTF-32, expected UTF-8 text"]),
    Wrong("gzip", b"\x1f\x8b\x08\x00abc", [": gzip, expected UTF-8 text"]),
    Wrong("zip", b"PK\x03\x04abc", [": zip, expected UTF-8 text"]),
    Wrong("parquet", b"PAR1abc", [": Parquet, expected UTF-8 text"]),
    Wrong(
        "latin-1",
        "a\tO\nGrün\tO\n\nRüm\tB-LOC\n".encode("latin-1"),
        [
            ":2: byte 0xfc at offset 6, expected UTF-8",
            ":4: byte 0xfc at offset 13, expected UTF-8",
        ],
    ),
    Wrong(
        "bad-byte-behind-a-byte-order-mark",
        b"\xef\xbb\xbfa\tO\n\xff\tO\n",
        [":2: byte 0xff at offset 7, expected UTF-8"],
    ),
    Wrong(
        "a-character-cut-at-the-end",
        b"a\tO\nGr\xc3",
        [":2: byte 0xc3 at offset 6, expected UTF-8"],
    ),
    Wrong(
        "surrogates-as-utf-8",
        b"a\tO\n\xed\xa0\xbd\tO\n",
        [":2: byte 0xed at offset 4, expected UTF-8"],
    ),
    Wrong("nul", b"a\tO\nb\0\tO\n", [":2: byte 0x00 at offset 5, expected text"]),
    Wrong(
        "utf-16-without-mark",
        "a\tO\n".encode("utf-16-le"),
        [
            ":1: byte 0x00 at offset 1, expected text",
            ":2: byte 0x00 at offset 7, expected text",
        ],
    ),
    Wrong(
        "lone-carriage-return-in-a-line",
        b"a\tO\nb\tO\rc\tO\n",
        [":2: a \\r inside the line at offset 7, expected lines that end in \\n or \\r\\n"],
    ),
    Wrong(
        "old-line-ends",
        b"a\tO\rb\tO\r",
        [":1: a \\r inside the line at offset 3, expected lines that end in \\n or \\r\\n"],
    ),
    Wrong(
        "bad-byte-and-bad-column-are-both-said",
        b"a\tO\nb\n\n\xff\tO\n\nc\tI-X\n\nd\tB-X\ne\tI-X\n\nf\tB-X\n",
        [
            ":2: 1 column, expected 2 (tab)",
            ":4: byte 0xff at offset 7, expected UTF-8",
            ":6: 'I-X' at the start of a sentence, expected 'B-X' (scheme IOB2, as in line 8)",
        ],
    ),
    # nothing to read
    Wrong("only-empty-lines", b"\n\n\n", [": no sentence in it"]),
    Wrong("only-white-space", b" \n\t\n\t \n", [": no sentence in it"]),
    Wrong("only-documents", b"-DOCSTART- -X- O O\n\n-DOCSTART-\n", [": no sentence in it"]),
    Wrong(
        "only-comments-conllu",
        b"# sent_id = 1\n\n# more\n",
        [": no sentence in it"],
        format="conllu",
    ),
    Wrong(
        "only-unwritten-words-conllu",
        ud(("0.1", "x", "X")),
        [": no sentence in it"],
        format="conllu",
    ),
    # columns
    Wrong("one-column", b"a\nb\n", [": 1 column (space), expected at least 2, a word and its tag"]),
    Wrong(
        "spaces-where-tabs-are-declared",
        b"a O\nb O\n",
        [": 1 column (tab), expected at least 2, a word and its tag"],
        {"separator": "tab"},
    ),
    Wrong("tag-missing", b"a\tO\nb\nc\tO\n", [":2: 1 column, expected 2 (tab)"]),
    Wrong(
        "tag-missing-and-no-spurious-fault-behind-it",
        b"a\tB-X\nb\nc\tI-X\n\nd\tB-X\n",
        [":2: 1 column, expected 2 (tab)"],
    ),
    Wrong("column-too-many", b"a\tO\nb\tO\tX\nc\tO\n", [":2: 3 columns, expected 2 (tab)"]),
    Wrong(
        "column-missing-in-conll-2003",
        b"a NN B-NP O\nb NN O\nc NN B-NP O\n",
        [":2: 3 columns, expected 4 (space)"],
    ),
    Wrong(
        "line-of-spaces-in-a-file-of-tabs",
        b"a\tO\nb O\nc\tO\n",
        [":2: 1 column, expected 2 (tab); spaces separate this line"],
    ),
    Wrong("hashtag-without-tag", b"#one\tO\n\n#two\n\nc\tO\n", [":3: 1 column, expected 2 (tab)"]),
    Wrong(
        "comment-inside-a-sentence",
        b"a\tO\n# note\nb\tO\n",
        [":2: 1 column, expected 2 (tab); comments stand in front of a sentence"],
    ),
    Wrong("empty-word", b"a\tO\n\tO\nb\tO\n", [":2: the word is empty"]),
    Wrong("word-of-one-space", b"a\tO\n \tO\nb\tO\n", [":2: the word is empty"]),
    Wrong("empty-tag", b"a\tO\nb\t\nc\tO\n", [":2: the tag is empty"]),
    Wrong("empty-tag-with-tabs-behind", b"a\tO\nb\t\t\nc\tO\n", [":2: the tag is empty"]),
    Wrong(
        "empty-word-and-empty-tag",
        b"a\tx\tO\n\tx\t\nb\tx\tO\n",
        [":2: the word is empty", ":2: the tag is empty"],
    ),
    Wrong(
        "empty-word-in-a-file-of-spaces",
        b"a O\n O\nb O\n",
        [":2: 1 column, expected 2 (space)"],
    ),
    Wrong(
        "declared-tag-is-not-there",
        b"a\tO\nb\tO\n",
        [": 2 columns (tab), but columns.tag is 4 (the first column is 0)"],
        {"columns": ColumnNumbers(tag=4)},
    ),
    Wrong(
        "declared-word-is-not-there",
        b"a\tO\nb\tO\n",
        [": 2 columns (tab), but columns.word is -3 (the first column is 0)"],
        {"columns": ColumnNumbers(word=-3)},
    ),
    Wrong(
        "word-and-tag-in-one-column",
        b"a\tO\nb\tO\n",
        [": 2 columns (tab): word and tag are both column 1, expected two"],
        {"columns": ColumnNumbers(word=1)},
    ),
    Wrong(
        "short-line-that-is-not-o",
        b"1\ta\tB-X\t-\tm\n2\tb\tO\n3\tc\tI-X\n\n1\td\tB-X\t-\tm\n2\te\tI-X\t-\tm\n",
        [":3: 3 columns, expected 5 (tab)"],
    ),
    # numbers and ids
    Wrong(
        "empty-line-missing-in-universal-ner",
        b"1\ta\tO\n2\tb\tO\n1\tc\tO\n2\td\tO\n",
        [":3: id '1', expected '3': is the empty line between two sentences missing?"],
    ),
    Wrong(
        "word-left-out-of-universal-ner",
        b"1\ta\tO\n2\tb\tO\n4\td\tO\n",
        [":3: id '4', expected '3'"],
    ),
    Wrong(
        "sent-id-twice",
        b"# sent_id = s1\n1\ta\tO\n\n# sent_id = s2\n1\tb\tO\n\n# sent_id = s1\n1\tc\tO\n",
        [":7: sent_id 's1' again, as in line 1"],
    ),
    Wrong(
        "sent-id-that-is-the-number-of-another-sentence",
        b"1\ta\tO\n\n# sent_id = 1\n1\tb\tO\n",
        [":3: sent_id '1' again, as in line 1"],
    ),
    # tags
    Wrong(
        "span-that-opens-with-i",
        b"a\tB-X\nb\tI-X\n\nc\tO\nd\tI-X\n\ne\tB-X\n",
        [":5: 'I-X' after 'O', expected 'B-X' (scheme IOB2, as in line 1)"],
    ),
    Wrong(
        "span-that-changes-its-type",
        b"a\tB-X\nb\tI-Y\nc\tO\nd\tB-Y\n",
        [":2: 'I-Y' after 'B-X', expected 'B-Y' (scheme IOB2, as in line 1)"],
    ),
    Wrong(
        "span-over-the-end-of-a-sentence",
        b"a\tB-X\n\nb\tI-X\n\nc\tB-X\n",
        [":3: 'I-X' at the start of a sentence, expected 'B-X' (scheme IOB2, as in line 1)"],
    ),
    Wrong(
        "two-schemes-in-one-file",
        b"a\tI-X\nb\tO\n\nc\tB-X\nd\tO\n",
        [":1: 'I-X' at the start of a sentence, expected 'B-X' (scheme IOB2, as in line 4)"],
    ),
    Wrong(
        "iob1-with-a-b-too-many",
        b"a\tI-X\nb\tB-X\nc\tO\nd\tI-X\ne\tO\nf\tB-X\n",
        [":6: 'B-X' after 'O', expected 'I-X' (scheme IOB1, as in line 1)"],
    ),
    Wrong(
        "not-the-declared-scheme",
        b"a\tO\nb\tB-X\n",
        [":2: 'B-X' after 'O', expected 'I-X' (scheme IOB1)"],
        {"scheme": "iob1"},
    ),
    Wrong(
        "bioes-without-an-end",
        b"a\tB-X\nb\tE-X\nc\tS-Y\nd\tB-X\ne\tO\n",
        [":4: 'B-X' before 'O', expected 'S-X' (scheme BIOES, as in line 2)"],
    ),
    Wrong(
        "bioes-without-a-begin",
        b"a\tS-X\nb\tO\nc\tE-X\nd\tB-Y\ne\tE-Y\n",
        [":3: 'E-X' after 'O', expected 'S-X' (scheme BIOES, as in line 1)"],
    ),
    Wrong(
        "bilou-with-a-tag-of-bioes",
        b"a\tU-X\nb\tB-X\nc\tL-X\nd\tO\ne\tS-X\n",
        [":5: 'S-X' after 'O', expected 'U-X' (scheme BILOU, as in line 1)"],
    ),
    Wrong(
        "tag-without-prefix-among-spans",
        b"a\tB-X\nb\tI-X\nc\tX\n",
        [":3: tag 'X', expected O or a type behind B-, I- (scheme IOB2, as in line 1)"],
    ),
    Wrong(
        "underscore-for-a-hyphen",
        b"a\tB-X\nb\tI-X\nc\tB_X\n",
        [":3: tag 'B_X', expected O or a type behind B-, I- (scheme IOB2, as in line 1)"],
    ),
    Wrong(
        "small-o",
        b"a\tB-X\nb\tI-X\nc\to\n",
        [":3: tag 'o', expected O or a type behind B-, I- (scheme IOB2, as in line 1)"],
    ),
    Wrong(
        "span-among-plain-tags",
        b"a\tDET\nb\tB-NOUN\nc\tVERB\n",
        [":2: tag 'B-NOUN' among plain tags such as 'DET' in line 1: set scheme"],
    ),
    Wrong(
        "repair-does-not-invent-a-prefix",
        b"a\tB-X\nb\tI-X\nc\tX\nd\tI-X\n",
        [":3: tag 'X', expected O or a type behind B-, I- (scheme IOB2, as in line 1)"],
        {"repair": "conll"},
    ),
    Wrong(
        "label-map-that-leaves-half-a-span",
        b"a\tB-X\nb\tI-X\n\nc\tB-Y\nd\tI-Y\n",
        [":2: 'I-X' after 'O', expected 'B-X' (scheme IOB2, as in line 4)"],
        {"label_map": {"B-X": "O"}},
    ),
    # CoNLL-U
    Wrong(
        "conllu-read-as-conll",
        ud(("1", "a", "X")),
        [": CoNLL-U: set format: conllu, or columns.tag"],
    ),
    Wrong(
        "conllu-nine-columns-since-a-tab-is-a-space",
        ud(("1", "a", "X")) + b"2\tb _\tX" + REST.encode() + b"\n",
        [":2: 9 columns, expected 10 (tab)"],
        format="conllu",
    ),
    Wrong(
        "conllu-of-spaces",
        b"1 a _ X _ _ _ _ _ _\n",
        [":1: 1 column, expected 10 (tab); spaces separate this line"],
        format="conllu",
    ),
    Wrong(
        "conllu-id-that-is-no-number",
        ud(("1", "a", "X"), ("two", "b", "X"), ("3", "c", "X")),
        [":2: id 'two', expected '2'"],
        format="conllu",
    ),
    Wrong(
        "conllu-empty-line-missing",
        ud(("1", "a", "X"), ("2", "b", "X"), ("1", "c", "X")),
        [":3: id '1', expected '3': is the empty line between two sentences missing?"],
        format="conllu",
    ),
    Wrong(
        "conllu-without-annotation",
        ud(("1", "a", "X"), ("2", "b", "_")),
        [":2: no upos ('_'), expected one; label_map can name it"],
        format="conllu",
    ),
    Wrong("conllu-empty-form", ud(("1", "", "X")), [":1: the word is empty"], format="conllu"),
    Wrong("conllu-empty-tag", ud(("1", "a", "")), [":1: the tag is empty"], format="conllu"),
    Wrong(
        "conllu-sent-id-twice",
        b"# sent_id = s\n" + ud(("1", "a", "X")) + b"\n# sent_id = s\n" + ud(("1", "b", "X")),
        [":4: sent_id 's' again, as in line 1"],
        format="conllu",
    ),
    Wrong(
        "conllu-comment-inside-a-sentence",
        ud(("1", "a", "X")) + b"# note\n" + ud(("2", "b", "X")),
        [":2: 1 column, expected 10 (tab); comments stand in front of a sentence"],
        format="conllu",
    ),
    # what prediction reads
    Wrong(
        "words-with-bad-bytes",
        b"a\n\xff\n",
        [":2: byte 0xff at offset 2, expected UTF-8"],
        bare=True,
    ),
    Wrong(
        "words-with-a-line-of-two",
        b"a\nb\nc d\n",
        [":3: 2 columns, expected 1 (space)"],
        bare=True,
    ),
    Wrong("no-words", b"\n\n", [": no sentence in it"], bare=True),
    Wrong(
        "lines-with-bad-bytes",
        b"ok\nGr\xfcn\n",
        [":2: byte 0xfc at offset 5, expected UTF-8"],
        format="lines",
    ),
]
