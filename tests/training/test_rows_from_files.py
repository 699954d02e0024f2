"""Rows larger than memory: a first start keeps none of them, and a second start reads none."""

import json
import subprocess
import sys
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

import toolkit
from toolkit.data.rows import Rows
from toolkit.runs.manifest import hash_of_examples
from toolkit.training.cache import Cache
from toolkit.training.training_split import TrainingSplit

SAME = ("model/model.safetensors", "metrics.jsonl", "predictions-dev.jsonl", "recipe.yaml")
NUM_ROWS = 40


def rows(number):
    """Texts that say their label."""
    kinds = ("good", "bad", "odd")
    return [
        {"text": f"a {kinds[each % 3]} thing, number {each}", "label": kinds[each % 3]}
        for each in range(number)
    ]


def write(path, some):
    """Rows in the format that the end of the path says."""
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in some), encoding="utf-8")
    elif path.suffix in (".csv", ".tsv"):
        sign = {".csv": ",", ".tsv": "\t"}[path.suffix]
        lines = [f"{row['text'].replace(',', '')}{sign}{row['label']}\n" for row in some]
        path.write_text(f"text{sign}label\n" + "".join(lines), encoding="utf-8")
    elif path.suffix == ".parquet":
        parquet.write_table(pyarrow.Table.from_pylist(some), path)
    else:
        table = pyarrow.Table.from_pylist(some)
        with pyarrow.ipc.new_stream(str(path), table.schema) as writer:
            writer.write_table(table, max_chunksize=7)


@pytest.fixture(params=["jsonl", "csv", "tsv", "parquet", "arrow"])
def recipe(request, tmp_path):
    """A recipe for texts in a format."""
    for name, number in (("train", NUM_ROWS), ("dev", 9)):
        write(tmp_path / f"{name}.{request.param}", rows(number))
    path = tmp_path / "texts.yaml"
    path.write_text(
        "task: {type: sequence-classification}\n"
        "model: {type: lstm, embedding: 8, hidden: 8}\n"
        f"data: {{format: {request.param}, train: {tmp_path}/train.{request.param}, "
        f"dev: {tmp_path}/dev.{request.param}}}\n"
        "train: {epochs: 1, batch_size: 8, learning_rate: 1e-2, precision: fp32}\n"
        f"evaluate: {{resamples: 20}}\nrun: {{name: texts, folder: {tmp_path}/runs}}\n",
        encoding="utf-8",
    )
    return path


@pytest.fixture
def reads(monkeypatch):
    """The sources that are read, as they are read."""
    sources, plain = [], Rows._walked

    def watched(self, source, asked):
        sources.append(Path(source).stem)
        return plain(self, source, asked)

    monkeypatch.setattr(Rows, "_walked", watched)
    return sources


def test_the_second_start_reads_no_row_and_ends_the_same(recipe, reads, tmp_path, monkeypatch):
    monkeypatch.setenv("TOOLKIT_CACHE", str(tmp_path / "cache"))
    runs = []
    for _ in range(2):
        reads.clear()
        finished = toolkit.finetune(toolkit.load_recipe(recipe), fresh=True)
        runs.append([(finished.folder / name).read_bytes() for name in SAME])
        assert reads.count("train") == 1 - (len(runs) == 2)
    assert runs[0] == runs[1]


def test_the_examples_that_go_by_are_those_that_are_read_at_once(recipe, tmp_path):
    loaded = toolkit.load_recipe(recipe)
    reading = loaded.data.splits(loaded.task.reads, ["train"])["train"]
    split = TrainingSplit.of(loaded, Cache(tmp_path / "cache", print))
    assert [*split] == reading.examples
    assert len(split) == NUM_ROWS
    assert split.sha256 == hash_of_examples(reading.examples)
    assert [*split.facts.notes] == [*reading.notes]
    assert split.learned(loaded.task) == loaded.task.learn(reading.examples)


def peak_megabytes(folder, format, number):
    """The most memory that a process has until its first step on so many rows."""
    folder.mkdir()
    if format == "conll":
        sentences = "".join(
            f"the\tO\nking{each % 999}\tB-PER\n" + "of\tO\n" * 10 + "\n" for each in range(number)
        )
        (folder / "train.conll").write_text(sentences, encoding="utf-8")
        task = "token-classification"
    else:
        text = "king{} " + "of it " * 6
        some = [
            {"text": text.format(each % 999), "label": f"x{each % 3}"} for each in range(number)
        ]
        write(folder / f"train.{format}", some)
        task = "sequence-classification"
    recipe = folder / "texts.yaml"
    recipe.write_text(
        f"task: {{type: {task}}}\nmodel: {{type: lstm, embedding: 8, hidden: 8}}\n"
        f"data: {{format: {format}, train: {folder}/train.{format}}}\n"
        f"train: {{epochs: 1, precision: fp32}}\nrun: {{folder: {folder}/runs}}\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "tests.peak_memory", str(recipe)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@pytest.mark.slow
@pytest.mark.parametrize("format", ["conll", "jsonl", "tsv", "parquet"])
def test_memory_does_not_grow_with_the_rows(format, tmp_path, monkeypatch):
    monkeypatch.setenv("TOOLKIT_CACHE", str(tmp_path / "cache"))
    few, many = (
        peak_megabytes(tmp_path / str(number), format, number) for number in (100_000, 200_000)
    )
    assert many - few < 25  # 100,000 such rows in memory took 63 MB
