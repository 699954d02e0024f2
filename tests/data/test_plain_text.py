"""Plain text: files, folders and archives as documents, with everything left out counted."""

import io
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.data.plain_text import PlainText
from toolkit.errors import DataError
from toolkit.examples import Document, Tagged, Text

TWO = "first line\nsecond line\n\n\nanother one\n"


def data(path, **keys):
    return PlainText(train=str(path), **keys)


def texts(reading):
    return [each.text for each in reading.examples]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text(TWO, encoding="utf-8")
    return path


def test_an_empty_line_ends_a_document(file):
    reading = data(file).read(str(file))
    assert texts(reading) == ["first line\nsecond line", "another one"]
    assert reading.notes[0] == "2 documents, 6 words, 3 lines; 1 file read"
    assert [each.id for each in reading.examples] == ["1", "2"]


@pytest.mark.parametrize(
    ("documents", "expected"),
    [
        ("line", ["first line", "second line", "another one"]),
        ("file", ["first line\nsecond line\n\n\nanother one"]),
    ],
)
def test_a_recipe_says_what_ends_a_document(file, documents, expected):
    assert texts(data(file, documents=documents).read(str(file))) == expected


def test_dropped_lines_are_counted_by_their_expression(file):
    reading = data(file, drop=("^second", "another$", "never")).read(str(file))
    assert texts(reading) == ["first line", "another one"]
    assert reading.notes[1:] == [
        "1 line dropped, as data.drop says: ^second",
        "0 lines dropped, as data.drop says: another$",
        "0 lines dropped, as data.drop says: never",
    ]


def test_a_folder_is_its_files_in_order_without_hidden_ones(tmp_path):
    (tmp_path / "b").mkdir()
    for name in ("b/2.txt", "a.txt", ".hidden", "b/10.txt"):
        (tmp_path / name).write_text(name, encoding="utf-8")
    reading = data(tmp_path).read(str(tmp_path))
    assert texts(reading) == ["a.txt", "b/10.txt", "b/2.txt"]
    assert [each.id for each in reading.examples] == ["a.txt:1", "b/10.txt:1", "b/2.txt:1"]


@pytest.mark.parametrize("suffix", ["tar", "tar.gz", "tar.xz", "tgz"])
def test_an_archive_is_read_as_the_folder_is(tmp_path, suffix):
    folder = tmp_path / "some"
    folder.mkdir()
    archive = tmp_path / f"some.{suffix}"
    mode = {"tar": "w", "tgz": "w:gz"}.get(suffix, f"w:{suffix[4:]}")
    with tarfile.open(archive, mode) as packed:
        for name, content in (("z.txt", TWO), ("a.txt", "alone"), ("empty.txt", "")):
            (folder / name).write_text(content, encoding="utf-8")
            member = tarfile.TarInfo(name)
            member.size = len(content)
            packed.addfile(member, io.BytesIO(content.encode()))
    in_archive = data(archive).read(str(archive))
    in_folder = data(folder).read(str(folder))
    assert in_archive == in_folder
    assert texts(in_archive) == ["alone", "first line\nsecond line", "another one"]


def test_a_document_has_the_same_id_wherever_its_folder_lies(tmp_path):
    readings = []
    for place in ("here", "there"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "a.txt").write_text(TWO, encoding="utf-8")
        readings.append(data(tmp_path / place).read(str(tmp_path / place)).examples)
    assert readings[0] == readings[1]


def test_bytes_that_are_no_text_are_faults_of_their_files(tmp_path):
    (tmp_path / "good.txt").write_bytes(b"fine\n")
    (tmp_path / "bad.txt").write_bytes(b"fine\n\xff\n")
    with pytest.raises(DataError, match=r"bad\.txt:2: byte 0xff at offset 5, expected UTF-8"):
        data(tmp_path).read(str(tmp_path))


def test_a_damaged_archive_is_one_line(tmp_path):
    path = tmp_path / "a.tar.xz"
    path.write_bytes(b"no archive")
    with pytest.raises(DataError, match=r"a\.tar\.xz: cannot be read"):
        data(path).read(str(path))


def test_no_document_is_an_error(tmp_path):
    (tmp_path / "a.txt").write_text("x\n", encoding="utf-8")
    with pytest.raises(DataError, match="no document in it"):
        data(tmp_path, drop=("x",)).read(str(tmp_path))


@pytest.mark.parametrize("reads", [Text, Tagged])
def test_a_task_that_wants_labels_cannot_have_them_from_plain_text(file, reads):
    with pytest.raises(DataError, match=r"set another data\.format"):
        data(file).read(str(file), reads)


def test_an_expression_that_is_none_is_a_fault_of_the_recipe(file):
    [(key, message)] = data(file, drop=("fine", "(")).faults()
    assert key == "drop"
    assert "'('" in message


def test_a_share_is_a_part_by_the_text_and_a_rule_of_split_another(tmp_path):
    path = tmp_path / "many.txt"
    path.write_text("\n\n".join(f"document {n}" for n in range(2000)), encoding="utf-8")
    tenth = data(path, share=0.1).read(str(path))
    assert 150 < len(tenth.examples) < 250
    assert tenth.notes[1].startswith(f"{len(tenth.examples)} of 2,000 documents")
    half = PlainText.model_validate_json(
        f'{{"train": "{path}", "share": 0.1, "split": {{"dev": {{"share": 0.1}}}}}}'
    )
    splits = half.splits(Document)
    # a tenth of the tenth: a rule that took the same texts as the share would take all of them
    assert 5 < len(splits["dev"].examples) < 45
    assert len(splits["dev"].examples) + len(splits["train"].examples) == len(tenth.examples)


@given(lines=st.lists(st.text(alphabet="ab \t", max_size=5), max_size=12))
@settings(max_examples=60, deadline=None)
def test_no_word_is_lost_whatever_ends_a_document(lines, tmp_path_factory):
    path = tmp_path_factory.mktemp("lines") / "a.txt"
    path.write_text("x\n" + "\n".join(lines), encoding="utf-8")
    words = path.read_text(encoding="utf-8").split()
    for documents in ("blank", "line", "file"):
        found = texts(data(path, documents=documents).read(str(path)))
        assert " ".join(found).split() == words
