"""Which reader a file wants that the recipe does not name."""

from pathlib import Path
from typing import Any

from toolkit.data.base import Data, Reading
from toolkit.data.split import NAMES
from toolkit.errors import DataError
from toolkit.examples import Labels
from toolkit.registry import look_up

_FORMATS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".conll": "conll",
    ".conllu": "conllu",
    ".iob2": "conll",
    ".bio": "conll",
}
# what a suffix stands for where the examples have such a field
_OF_FIELD = {("words", ".tsv"): "conll", ("context", ".json"): "squad"}


def read_named(data: Data, name: str, reads: type[Any], labels: Labels | None = None) -> Reading:
    """The labelled examples of a split that the recipe names, or of any other source."""
    for split in NAMES:
        if name == split and split not in data.sources():
            known = ", ".join(data.sources())
            raise DataError(f"the recipe has no data.{split}, expected {known} or a file")
        if name == split:
            return data.splits(reads, [split])[split]
    return reader_of(data, name, reads).with_labels(labels).read(name, reads)


def reader_of(data: Data, source: str, reads: type[Any]) -> Data:
    """What reads a source for a recipe: its own data block, or one with the suffix's format.

    Its own reads what is spelled like its own files, and what no format is known for. Another
    format finds the columns by their usual names.
    """
    suffix = Path(source).suffix.lower()
    if data.reads_files:
        own = {Path(data.path_of(path)).suffix.lower() for path in data.sources().values()}
        if suffix in own or suffix not in _FORMATS:
            return data
    elif suffix not in _FORMATS and not Path(source).is_file():
        return data  # the name of a split
    format = _FORMATS.get(suffix, "conll")
    for (field, end), other in _OF_FIELD.items():
        if suffix == end and field in reads._fields:
            format = other
    cls = look_up("data", format)
    reader: Data = data if isinstance(data, cls) else cls(train=source)
    return reader
