"""Wrong files of every format: each is refused with a line for each of its faults."""

import pytest

from tests.data.malformed import Wrong, assert_told, read
from tests.data.malformed.columnar import WRONG as COLUMNAR
from tests.data.malformed.conll import WRONG as CONLL
from tests.data.malformed.delimited import WRONG as DELIMITED
from tests.data.malformed.json_lines import WRONG as JSON_LINES
from tests.data.malformed.json_records import WRONG as JSON_RECORDS
from tests.data.malformed.spans import WRONG as SPANS
from tests.data.malformed.squad import WRONG as SQUAD
from toolkit.errors import DataError

TABLES = {
    "conll": CONLL,
    "csv": DELIMITED,
    "jsonl": JSON_LINES,
    "json": JSON_RECORDS,
    "squad": SQUAD,
    "spans": SPANS,
    "parquet": COLUMNAR,
}
WRONG = [
    wrong if wrong.format else wrong._replace(format=format)
    for format, table in TABLES.items()
    for wrong in table
]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: f"{wrong.format}-{wrong.name}")
def test_a_wrong_file_is_refused_with_a_line_for_each_fault(wrong, tmp_path):
    assert_told(wrong, tmp_path)


@pytest.mark.parametrize("format", ["conll", "csv", "jsonl", "json", "squad", "spans", "parquet"])
def test_paths_that_lead_to_no_file_are_refused(format, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"a\tO\n")
    for path, expected in {
        f"{tmp_path}/folder": "a folder, expected a file",
        f"{tmp_path}/none/x": f"no such file since there is no folder {tmp_path}/none.",
        f"{tmp_path}/file/x": f"no such file since there is no folder {tmp_path}/file.",
        f"{tmp_path}/{'x' * 300}": "cannot be read: File name too long",
        f"{tmp_path}/a\0b": "cannot be read: embedded null byte",
    }.items():
        with pytest.raises(DataError) as caught:
            read(Wrong("path", "", [], format=format), path)
        assert caught.value.lines() == [f"{path}: {expected}"]


def test_there_are_enough_wrong_files():
    assert len({(wrong.format, wrong.name) for wrong in WRONG}) == len(WRONG) >= 300
