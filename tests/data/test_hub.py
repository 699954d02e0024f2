import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from toolkit import hub
from toolkit.data.hub import Hub
from toolkit.errors import DataError
from toolkit.examples import Answer, Question, Tagged, Text

LABELS = ["O", "B-PER", "I-PER", "B-LOC"]
WORDS = [["Ann", "Lee", "ran"], ["Oslo"], []]
NUMBERS = [[1, 2, 0], [3], []]
STRINGS = [["I-PER", "I-PER", "O"], ["I-LOC"], []]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A local data set in Parquet: class labels, IOB1 strings and bare numbers."""
    import datasets

    place = tmp_path_factory.mktemp("parquet") / "ner"
    features = datasets.Features(
        {
            "tokens": datasets.List(datasets.Value("string")),
            "ner_tags": datasets.List(datasets.ClassLabel(names=LABELS)),
            "iob1": datasets.List(datasets.Value("string")),
            "numbers": datasets.List(datasets.Value("int64")),
            "text": datasets.Value("string"),
        }
    )
    columns = {"tokens": WORDS, "ner_tags": NUMBERS, "iob1": STRINGS, "numbers": NUMBERS}
    rows = datasets.Dataset.from_dict({**columns, "text": ["", "", ""]}, features=features)
    place.mkdir()
    for split in ("train", "validation"):
        rows.to_parquet(str(place / f"{split}.parquet"))
    return str(place)


@pytest.fixture(autouse=True)
def _own_caches(monkeypatch, tmp_path):
    for name in (
        "HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE",
        "HF_DATASETS_CACHE", "HF_TOKEN", "HF_TOKEN_PATH", "http_proxy", "HTTP_PROXY",
    ):  # fmt: skip
        monkeypatch.setenv(name, "")  # so that it is put back, whoever sets it
        monkeypatch.delenv(name)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(hub, "_silent", {})
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "datasets")


@pytest.fixture
def no_host(monkeypatch):
    """An address where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    monkeypatch.setenv("HF_ENDPOINT", address)
    return address


def of(folder, **options):
    return Hub(train="train", dataset=folder, **options)


def lines_of_refusal(data, split="train"):
    with pytest.raises(DataError) as caught:
        data.read(split)
    return caught.value.lines()


def write_rows(path, words, tags):
    import datasets

    path.mkdir()
    datasets.Dataset.from_dict({"tokens": words, "ner_tags": tags}).to_parquet(
        str(path / "train.parquet")
    )
    return str(path)


def test_class_labels_become_their_names(folder):
    reading = of(folder).read("train")
    assert reading.examples == [
        Tagged(("Ann", "Lee", "ran"), ("B-PER", "I-PER", "O"), "0"),
        Tagged(("Oslo",), ("B-LOC",), "1"),
    ]
    assert reading.notes == [
        "2 sentences, 4 words; columns tokens, ner_tags and text; scheme IOB2 (detected)",
        "columns found by their usual names: words from 'tokens', tags from 'ner_tags'",
        "1 row without a word dropped",
    ]


def test_strings_are_used_as_they_are_and_become_iob2(folder):
    reading = of(folder, columns={"tags": "iob1"}).read("validation")
    assert [example.tags for example in reading.examples] == [("B-PER", "I-PER", "O"), ("B-LOC",)]
    assert "2 tags IOB1 -> IOB2" in reading.notes


def test_labels_are_mapped(folder):
    data = of(folder, label_map={"B-PER": "O", "I-PER": "O"})
    assert [example.tags for example in data.read("train").examples] == [("O",) * 3, ("B-LOC",)]


def test_a_split_may_be_cut_and_added(folder):
    assert len(of(folder).read("train[:1]+validation[:2]").examples) == 3


def test_a_folder_behind_a_variable_is_read(folder, monkeypatch):
    monkeypatch.setenv("SOME_DATA", str(Path(folder).parent))
    assert of("${SOME_DATA}/ner").missing() == []
    monkeypatch.delenv("SOME_DATA")
    assert (
        of("${SOME_DATA}/ner")
        .missing()[0]
        .startswith("data.dataset: the environment variable SOME_DATA")
    )


def test_a_local_data_set_needs_no_hub(folder, monkeypatch):
    def refuse(*_):
        raise AssertionError("asked the Hub")

    monkeypatch.setattr(hub, "find", refuse)
    assert of(folder).missing() == []


@pytest.mark.parametrize(
    ("options", "split", "fault"),
    [
        (
            {},
            "valid",
            "data set {0} has no split 'valid'. Did you mean 'validation'? "
            "It has train, validation",
        ),
        ({}, "train+tset", "data set {0} has no split 'tset'. It has train, validation"),
        ({}, "train[:x]", "data set {0}: Unrecognized instruction format: train[:x]"),
        (
            {"config": "en"},
            "train",
            "data set {0}: BuilderConfig 'en' not found. Available: ['default']",
        ),
        (
            {"columns": {"words": "token"}},
            "train",
            "{0}[train]: no column 'token'. Did you mean 'tokens'? "
            "It has tokens, ner_tags, iob1, numbers, text",
        ),
        (
            {"columns": {"tags": "numbers"}},
            "train",
            "{0}[train] row 0: word 0: found 1, expected a tag "
            "(labels_file says what numbers stand for); none of 4 is as expected",
        ),
        (
            {"columns": {"tags": "text"}},
            "train",
            "{0}[train] row 0: text: found '', expected a list of tags; none of 3 is as expected",
        ),
        (
            {"columns": {"words": "numbers"}},
            "train",
            "{0}[train] row 0: word 0: found 1, expected a word; none of 4 is as expected",
        ),
        (
            {"scheme": "bioes"},
            "train[1:2]",
            "{0}[train[1:2]] row 0: word 0: 'B-LOC' at the end of a sentence, expected 'S-LOC' "
            "(scheme BIOES)",
        ),
    ],
)
def test_what_is_not_in_the_data_set_is_one_line(folder, options, split, fault):
    assert lines_of_refusal(of(folder, **options), split) == [fault.format(folder)]


def test_every_wrong_row_is_a_line(tmp_path):
    words = [["a", "b"], ["c"], ["", "d"], ["e"], ["f"], ["g"]]
    tags = [["O"], ["B-X"], ["O", None], ["I-X"], None, ["B-X"]]
    place = write_rows(tmp_path / "rows", words, tags)
    assert lines_of_refusal(of(place)) == [
        f"{place}[train] row 0: 2 words, 1 tag, expected as many",
        f"{place}[train] row 2: word 0: the word is empty",
        f"{place}[train] row 2: word 1: the tag is empty",
        f"{place}[train] row 3: word 0: 'I-X' at the start of a sentence, expected 'B-X' "
        "(scheme IOB2, as in row 1)",
        f"{place}[train] row 4: ner_tags: found null, expected a list of tags",
    ]


def test_a_split_without_sentences_is_refused(folder):
    assert lines_of_refusal(of(folder), "train[2:]") == [f"{folder}[train[2:]]: no example in it"]


def test_broken_parquet_and_empty_folders_are_one_line_each(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "train.parquet").write_bytes(b"PAR1 and nothing else")
    for name in ("empty", "broken", "none"):
        (line,) = lines_of_refusal(of(str(tmp_path / name)))
        assert line.startswith(f"data set {tmp_path / name}: ")


def test_texts_and_questions_of_a_data_set(tmp_path):
    import datasets

    features = datasets.Features(
        {
            "sentence": datasets.Value("string"),
            "label": datasets.ClassLabel(names=["bad", "good"]),
            "question": datasets.Value("string"),
            "context": datasets.Value("string"),
            "answers": datasets.Sequence(
                {"text": datasets.Value("string"), "answer_start": datasets.Value("int32")}
            ),
            "id": datasets.Value("string"),
        }
    )
    answers = [{"text": ["Rome"], "answer_start": [3]}, {"text": [], "answer_start": []}]
    columns = {"sentence": ["fine", "not so"], "label": [1, 0], "question": ["Where?", "Who?"]}
    columns |= {"context": ["In Rome", "x"], "answers": answers, "id": ["q1", "q2"]}
    (tmp_path / "rows").mkdir()
    rows = datasets.Dataset.from_dict(columns, features=features)
    rows.to_parquet(str(tmp_path / "rows" / "train.parquet"))
    data = of(str(tmp_path / "rows"), columns={"text": "sentence"})
    texts = data.read("train", Text).examples
    assert texts == [Text("fine", label="good", id="q1"), Text("not so", label="bad", id="q2")]
    reading = of(str(tmp_path / "rows")).read("train", Question)
    assert reading.examples == [
        Question("Where?", "In Rome", (Answer("Rome", 3),), "q1"),
        Question("Who?", "x", (), "q2"),
    ]
    assert reading.notes[1:] == ["1 question without an answer"]


def test_a_data_set_that_cannot_be_had_is_missing(no_host):
    (line,) = of("me/data").missing()
    assert line.startswith("data.dataset: data set 'me/data' is neither here nor in the Hub cache")


def test_a_prepared_data_set_is_read_with_no_hub(folder, no_host, tmp_path):
    import datasets

    made = datasets.load_dataset(folder, cache_dir=str(tmp_path / "made"))
    place = tmp_path / "datasets" / "me___tiny" / "default" / "0.0.0" / "c0ffee"
    info = made["train"].info
    place.mkdir(parents=True)
    for split, file in made.cache_files.items():
        Path(file[0]["filename"]).rename(place / f"tiny-{split}.arrow")
    info.dataset_name, info.config_name = "tiny", "default"
    info.write_to_directory(str(place))
    code = (
        "from toolkit.data.hub import Hub; data = Hub(train='train', dataset='me/tiny'); "
        "assert data.missing() == []; print(len(data.read('train').examples))"
    )
    environment = {**os.environ, "HF_DATASETS_CACHE": str(tmp_path / "datasets")}
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "2"
    assert time.perf_counter() - start < 15
