"""Odd files that are right, with what was mended on the way."""

from typing import NamedTuple

import pytest

from toolkit.data.conll import Conll, Conllu

UD = b"1-2\tab" + b"\t_" * 8 + b"\n1\ta\t_\tX" + b"\t_" * 6 + b"\n2\tb\t_\tY" + b"\t_" * 6 + b"\n"


class Odd(NamedTuple):
    name: str
    content: bytes
    sentences: list[tuple[tuple[str, ...], tuple[str, ...]]]
    note: str | None = None  # one of the notes
    format: str = "conll"


AB = [(("a", "b"), ("O", "B-X"))]
ODD = [
    Odd(
        "byte-order-mark",
        b"\xef\xbb\xbfa\tO\nb\tB-X\n",
        AB,
        "a byte order mark at the start was dropped",
    ),
    Odd("crlf", b"a\tO\r\nb\tB-X\r\n\r\n", AB, "3 lines ended in \\r\\n"),
    Odd("mixed-line-ends", b"a\tO\r\nb\tB-X\n", AB, "1 line ended in \\r\\n"),
    Odd("no-line-end-at-the-end", b"a\tO\nb\tB-X", AB),
    Odd("runs-of-empty-lines", b"\n\n\na\tO\nb\tB-X\n\n\n\nc\tO\n\n\n", [*AB, (("c",), ("O",))]),
    Odd(
        "lines-of-white-space",
        b"a\tO\nb\tB-X\n\t\nc\tO\n  \n",
        [*AB, (("c",), ("O",))],
        "2 lines between sentences held only white space",
    ),
    Odd(
        "separators-at-the-end",
        b"a\tO\t\nb\tB-X\n\nc\tO\t\t\nd\tO\n",
        [*AB, (("c", "d"), ("O", "O"))],
        "2 lines ended in separators, dropped",
    ),
    Odd(
        "separator-at-the-end-of-every-line",
        b"a\tO\t\nb\tB-X\t\n",
        AB,
        "2 lines ended in separators, dropped",
    ),
    Odd(
        "spaces-around-columns",
        b"a \tO\nb\t B-X \n",
        AB,
        "2 lines had spaces around a column, dropped",
    ),
    Odd(
        "no-break-space-behind-a-tag",
        "a\tO\nb\tB-X\u00a0\n".encode(),
        AB,
        "1 line had spaces around a column, dropped",
    ),
    Odd(
        "tabs-among-spaces",
        b"a O\nb\tB-X\n\nc O\nd O\n",
        [*AB, (("c", "d"), ("O", "O"))],
        "1 line held tabs, read as spaces",
    ),
    Odd("columns-aligned-with-spaces", b"a    O\nb  B-X  \n", AB),
    Odd(
        "words-with-spaces-in-a-file-of-tabs",
        b"New York\tB-X\nis\tO\n",
        [(("New York", "is"), ("B-X", "O"))],
    ),
    Odd(
        "no-break-space-in-a-word",
        "a\u00a0b O\nc B-X\n".encode(),
        [(("a\u00a0b", "c"), ("O", "B-X"))],
    ),
    Odd(
        "line-separators-in-words",
        "a\u2028b\tO\nc\x0cd\tB-X\ne\x85\tO\n".encode(),
        [(("a\u2028b", "c\x0cd", "e\x85"), ("O", "B-X", "O"))],
    ),
    Odd(
        "zero-width-words",
        "\u200b\tO\n\ufe0f\tB-X\n".encode(),
        [(("\u200b", "\ufe0f"), ("O", "B-X"))],
    ),
    Odd(
        "hashes-that-are-words-with-tabs",
        b"#\tO\n#tag\tB-X\n\n# 1\tO\n",
        [(("#", "#tag"), ("O", "B-X")), (("# 1",), ("O",))],
    ),
    Odd("hashes-that-are-words-with-spaces", b"# O\n#tag B-X\n", [(("#", "#tag"), ("O", "B-X"))]),
    Odd(
        "comments-in-front-of-sentences",
        b"# made by hand\n# text = a b\na\tO\nb\tB-X\n",
        AB,
        "2 comment lines skipped",
    ),
    Odd(
        "comments-in-a-file-of-spaces",
        b"# id = 7\na O\nb B-X\n\n# see the guide\nc O\n",
        [*AB, (("c",), ("O",))],
        "2 comment lines skipped",
    ),
    Odd(
        "sentence-without-words",
        b"# sent_id = 1\n\na\tO\nb\tB-X\n",
        AB,
        "1 sentence without a word dropped",
    ),
    Odd(
        "documents-without-sentences",
        b"-DOCSTART-\n\n-DOCSTART- -X-\n\na O\nb B-X\n",
        AB,
        "2 documents (-DOCSTART-)",
    ),
    Odd(
        "word-that-begins-like-a-document",
        b"-DOCSTART-s\tO\nb\tB-X\n",
        [(("-DOCSTART-s", "b"), ("O", "B-X"))],
    ),
    Odd("no-spans-at-all", b"a\tO\nb\tO\n", [(("a", "b"), ("O", "O"))]),
    Odd("plain-tags", b"a\tDET\nb\tNOUN\n", [(("a", "b"), ("DET", "NOUN"))]),
    Odd(
        "conllu-with-words-written-as-one",
        UD,
        [(("a", "b"), ("X", "Y"))],
        "1 line of multiword tokens and empty nodes skipped",
        "conllu",
    ),
    Odd(
        "conllu-comment-with-a-tab",
        b"# text = a\tb\n" + UD,
        [(("a", "b"), ("X", "Y"))],
        "1 comment line skipped",
        "conllu",
    ),
]


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: odd.name)
def test_an_odd_file_is_read_and_what_was_mended_is_counted(odd, tmp_path):
    path = tmp_path / "train.conll"
    path.write_bytes(odd.content)
    block = (Conll if odd.format == "conll" else Conllu)(train=str(path))
    reading = block.read(str(path))
    assert [(example.words, example.tags) for example in reading.examples] == odd.sentences
    if odd.note is None:
        assert len(reading.notes) == 1
    else:
        assert odd.note in reading.notes[1:]


def test_there_are_enough_odd_files():
    assert len({odd.name for odd in ODD}) == len(ODD) >= 12
