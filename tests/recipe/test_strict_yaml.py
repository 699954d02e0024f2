"""The strict YAML reader: YAML 1.2 values, places, and faults of form in one line each."""

import json
import math
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.recipe.marks import Place
from toolkit.recipe.strict_yaml import LARGEST_FILE, read, read_file


def plain(text):
    document = read(text, "f.yaml")
    assert document.faults == []
    return document.root.plain()


def faults(text):
    return [str(fault) for fault in read(text, "f.yaml").faults]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3e-5", 3e-5), ("1e3", 1000.0), ("1E+3", 1000.0), ("-.5", -0.5), ("5.", 5.0),
        ("1.5", 1.5), ("0", 0), ("-12", -12), ("+3", 3), ("0x1F", 31), ("0o17", 15),
        ("true", True), ("False", False), ("TRUE", True), ("null", None), ("~", None),
        ("", None), ("-.inf", -math.inf), (".inf", math.inf), ("9223372036854775807", 2**63 - 1),
    ],
)  # fmt: skip
def test_scalars_are_those_of_yaml_1_2(text, value):
    read_value = plain(f"a: {text}")["a"]
    assert read_value == value
    assert type(read_value) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        "no", "yes", "on", "off", "y", "12:30", "12:30:45", "2024-01-01", "1_000", "010", "-007",
        "00.5", "0b11", "1e", "e5", ".", "tRUE", "nULL", "=", "0o8", "0xg", "1.2.3", "+",
    ],
)  # fmt: skip
def test_what_yaml_1_1_would_misread_is_text(text):
    assert plain(f"{text}: {text}") == {text: text}


def test_nan_is_read():
    assert math.isnan(plain("a: .nan")["a"])


@pytest.mark.parametrize("text", ["'3'", '"3"', "|-\n  3", ">-\n  3"])
def test_a_quoted_or_block_scalar_is_text(text):
    assert plain(f"a: {text}") == {"a": "3"}


def test_the_merge_key_is_a_key_like_any_other():
    assert plain("<<: {a: 1}") == {"<<": {"a": 1}}


def test_a_byte_order_mark_is_skipped(tmp_path):
    path = tmp_path / "f.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")
    assert read_file(path).root.plain() == {"a": 1, "b": 2}


def test_every_value_knows_its_line_and_that_of_its_key():
    root = read("a:\n  b: 1\n  c:\n    [x,\n     y]\n", "f.yaml").root
    assert root.child("a").key == Place("f.yaml", 1)
    assert root.child("a").child("b").place == Place("f.yaml", 2)
    _, last = root.walk(("a", "c", 1))
    assert last.place == Place("f.yaml", 5)
    assert root.walk(("a", "c")) == (("a", "c"), root.child("a").child("c"))
    assert root.child("a").child("c").key == Place("f.yaml", 3)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a:\n\tb: 1", "f.yaml:2: a tab, expected spaces"),
        ("a: @x", "f.yaml:1: no value begins with '@': put it in quotes"),
        ("a: b: c", "f.yaml:1: a ':' too many: check the indentation, or quote the value"),
        ("a:\n b:3\n c: 4", "f.yaml:3: a ':' too many: check the indentation, or quote the value"),
        ("b: 1\na: [1, 2\nc: 3", "f.yaml:2: a list that is not closed, expected ',' or ']'"),
        ("a: {b: 1\nc: 3", "f.yaml:1: a '{' that is not closed, expected ',' or '}'"),
        ("b: 1\na: 'x\nc: 3\n", "f.yaml:2: a quote that is not closed"),
        ('a: "C:\\data"', "f.yaml:1: an escape that YAML does not know: use single quotes"),
        ('a: "\\UFFFFFFFF"', "f.yaml:1: an escape for a character that Unicode does not have"),
        ("a:\n  b: 1\n c: 2", "f.yaml:3: is indented unlike the lines around it"),
        ("a: *", "f.yaml:1: no value begins with '*' or '&': put it in quotes"),
        ("a: 1\n...\nx", "f.yaml:3: expected nothing after the end of the document"),
        ("a: x\x07", "f.yaml:1: character U+0007 is not allowed"),
        ("a: - b", "f.yaml:1: a '-' too many: a list begins on its own line"),
    ],
)
def test_a_fault_of_syntax_is_one_line_in_plain_words(text, expected):
    assert faults(text) == [expected]
    assert read(text, "f.yaml").root is None


def test_equal_keys_are_a_fault_each_with_both_lines():
    assert faults("a: 1\nb: {c: 1,\n  c: 2}\na: 3\n") == [
        "f.yaml:3: b.c: given twice, first on line 2",
        "f.yaml:4: a: given twice, first on line 1",
    ]


def test_equal_keys_are_equal_however_they_are_written():
    assert faults("a: 1\n'a': 2") == ["f.yaml:2: a: given twice, first on line 1"]


def test_tags_anchors_and_aliases_are_refused_all_at_once():
    text = "a: !!python/object/apply:os.system [ls]\nb: &x 1\nc: *x\nd: &y !!str 1\n*x : 2\n"
    assert faults(text) == [
        "f.yaml:1: a: found the tag !!python/object/apply:os.system, "
        "expected a value and nothing else",
        "f.yaml:2: b: found the anchor &x, expected a value and nothing else",
        "f.yaml:3: c: found the alias *x, expected a value and nothing else",
        "f.yaml:4: d: found the anchor &y and the tag !!str, expected a value and nothing else",
        "f.yaml:5: ?: found an alias, a list or a block as a key, expected text",
    ]


def test_a_key_that_is_no_text_is_a_fault():
    assert faults("1: x\nnull: y\n? [a]\n: z\n") == [
        "f.yaml:1: 1: found 1 as a key, expected text (put it in quotes)",
        "f.yaml:2: null: found null as a key, expected text (put it in quotes)",
        "f.yaml:3: ?: found an alias, a list or a block as a key, expected text",
    ]


def test_a_second_document_is_a_fault():
    assert faults("a: 1\n---\nb: 1\n") == ["f.yaml:2: a second document, expected one"]


def test_a_character_escaped_in_two_halves_is_made_whole():
    assert plain('a: "\\ud83d\\ude00"') == {"a": "😀"}


def test_half_a_character_and_a_number_beyond_64_bits_are_faults():
    assert faults('a: "\\ud83d"\nb: 9223372036854775808\n') == [
        "f.yaml:1: a: an escape for half a character, expected the character itself",
        "f.yaml:2: b: found 9223372036854775808, expected a number of at most 64 bits",
    ]


@pytest.mark.parametrize("bomb", ["[" * 9_000, "{" * 9_000, "? " * 9_000, "- " * 9_000])
def test_depth_is_limited(bomb):
    start = time.monotonic()
    assert faults(bomb) == ["f.yaml:1: more than 20 levels deep"]
    assert time.monotonic() - start < 5  # quadratic in the depth, were it followed


def test_a_large_file_is_not_read(tmp_path):
    path = tmp_path / "f.yaml"
    path.write_text("#" * (LARGEST_FILE + 1))
    assert [str(fault) for fault in read_file(path).faults] == [
        f"{path}: is larger than 1,000,000 bytes, too large for a recipe"
    ]


def test_bytes_that_are_not_utf_8_are_a_fault_with_their_line(tmp_path):
    path = tmp_path / "f.yaml"
    path.write_bytes("a: 1\nb: é\n".encode("latin-1"))
    assert [str(fault) for fault in read_file(path).faults] == [f"{path}:2: byte 0xe9 is not UTF-8"]


def test_a_folder_is_no_file(tmp_path):
    assert [str(fault) for fault in read_file(tmp_path).faults] == [
        f"{tmp_path}: cannot be read: is a directory"
    ]


def test_an_empty_text_is_null():
    assert plain("") is None
    assert plain("# only a comment\n") is None


@settings(deadline=None)
@given(st.text())
def test_any_text_is_a_document_or_one_line_a_fault(text):
    document = read(text, "f.yaml")
    assert document.root is not None or document.faults
    assert all(str(fault).isprintable() for fault in document.faults)


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=20)
TREES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | WORDS
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@settings(deadline=None)
@given(TREES)
def test_json_is_read_as_it_is_meant(tree):
    assert plain(json.dumps(tree)) == tree
