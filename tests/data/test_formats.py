"""Our readers of CSV and JSON against Python's own."""

import csv
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.data.json_text import NotJsonError, parse
from toolkit.data.quoting import records_of

CELLS = st.text(st.sampled_from('ab ,;"\n\t'), max_size=6)
ROWS = st.lists(st.lists(CELLS, min_size=1, max_size=4), max_size=6)


@given(rows=ROWS, quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
@settings(max_examples=200, deadline=None)
def test_what_csv_writes_is_read_again(rows, quoting, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "rows.csv"
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, quoting=quoting, lineterminator="\n").writerows(rows)
    lines = path.read_text(encoding="utf-8").split("\n")[:-1]
    records = list(records_of(lines, ",", "rfc4180"))
    assert [record.fault for record in records] == [""] * len(rows)
    assert [record.cells for record in records] == rows
    assert [record.first for record in records[1:]] == [record.last + 1 for record in records[:-1]]


@given(text=st.text(st.sampled_from('ab,"\n'), max_size=20))
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_as_csv_reads_it_or_refused(text):
    lines = text.split("\n")
    records = list(records_of(lines, ",", "rfc4180"))
    ends = [0, *(record.last for record in records)]
    assert all(end < record.first <= record.last for end, record in zip(ends, records))
    assert ends[-1] == len(lines)
    try:
        expected = [row or [""] for row in csv.reader(text.splitlines(True), strict=True)]
    except csv.Error:
        assert any(record.fault for record in records)
        return
    if not any(record.fault for record in records):
        rows = [record.cells for record in records]
        assert rows[: len(expected)] == expected
        assert all(row == [""] for row in rows[len(expected) :])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
)  # fmt: skip


@given(value=JSON, indent=st.sampled_from([None, 2]))
@settings(max_examples=100, deadline=None)
def test_json_is_read_as_python_reads_it(value, indent):
    assert parse(json.dumps(value, indent=indent)) == value


@given(text=st.lists(st.sampled_from([*'{}[]:,"\\ \n01', "null", '"a"', "NaN"]), max_size=12))
@settings(max_examples=400, deadline=None)
def test_what_is_no_json_is_refused_with_a_line_of_it(text):
    text = "".join(text)
    fault = None
    try:
        value = parse(text)
    except NotJsonError as error:
        fault = error
    if fault is None:
        assert value == json.loads(text)
    else:
        assert 1 <= fault.line <= text.count("\n") + 1
        assert fault.what.isprintable()


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ('{"a": 1,\n "b": {"c": 2,\n "c": 3}}', 3, "key 'c' twice in an object"),
        ('{"a": {"a": 1}, "b":\n {"a": 1}, \n"a": 1}', 3, "key 'a' twice in an object"),
        ('[{"a": 1},\n{"a": 1},\n{"a": "x:a", "b": ["a", "a"]},\n-Infinity]', 4,
         "found -Infinity, which is no JSON"),
        ('["NaN",\n NaN]', 2, "found NaN, which is no JSON"),
        ('["\\"}{", {"a\\"b": 1,\n"a\\u0022b": 2}]', 2, "key 'a\"b' twice in an object"),
    ],
)  # fmt: skip
def test_what_python_takes_and_json_does_not_is_found_in_its_line(text, line, what):
    with pytest.raises(NotJsonError) as caught:
        parse(text)
    assert (caught.value.line, caught.value.what) == (line, what)
