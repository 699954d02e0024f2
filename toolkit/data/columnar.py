"""Parquet and Arrow files on this machine, through pyarrow, a column at a time.

Rows count from 0. What the numbers of class labels stand for is read where the `datasets` library
wrote the file.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from toolkit.data.rows import Rows
from toolkit.data.table import Asked, Key, Table
from toolkit.data.text import read_head
from toolkit.errors import DataError

MOST_ROWS = 100_000_000  # of a file: few bytes can stand for many rows
MOST_BYTES = 2**31  # of a row group when unpacked
_HUGGING_FACE = b"huggingface"  # where `datasets` keeps the types of the columns


class Parquet(Rows):
    """Parquet files; their columns may hold lists."""

    def table(self, source: str, asked: Asked) -> Table:
        """The rows of a file."""
        place, head = read_head(source)
        if not head.startswith(b"PAR1"):
            raise DataError(f"{place}: no Parquet file")
        return _parquet(place)


class Arrow(Rows):
    """Arrow files (IPC): the file format, and the stream that the `datasets` library writes."""

    def table(self, source: str, asked: Asked) -> Table:
        """The rows of a file."""
        place, head = read_head(source)
        if not head.startswith((b"ARROW1", b"\xff\xff\xff\xff")):
            raise DataError(f"{place}: no Arrow file")
        return _arrow(place, is_file=head.startswith(b"ARROW1"))


def names_of(feature: Any) -> list[str] | None:
    """The names of a class label, or of a list of them, as `datasets` writes its types."""
    while isinstance(feature, (dict, list)):
        if isinstance(feature, list):
            feature = feature[0] if len(feature) == 1 else None
        elif feature.get("_type") == "ClassLabel":
            names = feature.get("names")
            is_list = isinstance(names, list) and all(isinstance(name, str) for name in names)
            return names if is_list else None
        else:
            feature = feature.get("feature")
    return None


def _parquet(place: Path) -> Table:
    from pyarrow import parquet

    with _refusing(place):
        file = parquet.ParquetFile(place)
        schema, metadata = file.schema_arrow, file.metadata
        groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    largest = max((group.total_byte_size for group in groups), default=0)
    if largest > MOST_BYTES:
        raise DataError(f"{place}: a row group of {largest:,} bytes, expected up to {MOST_BYTES:,}")

    def column(key: Key) -> list[Any]:
        with _refusing(place):
            batches = file.iter_batches(columns=[key])
            return [value for batch in batches for value in batch.column(0).to_pylist()]

    return _table(place, schema, metadata.num_rows, column)


def _arrow(place: Path, is_file: bool) -> Table:
    import pyarrow

    with _refusing(place):
        source = pyarrow.memory_map(str(place))
        reader = (pyarrow.ipc.open_file if is_file else pyarrow.ipc.open_stream)(source)
        rows = reader.read_all()
        rows.validate(full=True)  # offsets that lead nowhere would end the process

    def column(key: Key) -> list[Any]:
        with _refusing(place):
            values: list[Any] = rows.column(key).to_pylist()
            return values

    return _table(place, rows.schema, rows.num_rows, column)


def _table(place: Path, schema: Any, num_rows: int, column: Callable[[Key], list[Any]]) -> Table:
    if num_rows > MOST_ROWS:
        raise DataError(f"{place}: {num_rows:,} rows, expected up to {MOST_ROWS:,}")
    twice = sorted({name for name in schema.names if schema.names.count(name) > 1})
    if twice:
        raise DataError(f"{place}: column {twice[0]!r} twice")

    def whole_column(key: Key) -> list[Any]:
        values = column(key)
        if len(values) != num_rows:  # a damaged file, whose footer says otherwise
            raise DataError(f"{place}: {len(values):,} rows in {key!r}, expected {num_rows:,}")
        return values

    labels = _labels(schema)
    return Table(str(place), range(num_rows), whole_column, schema.names, 0, "row", labels=labels)


def _labels(schema: Any) -> dict[str, list[str]]:
    """The names of class labels by column, where the file says them."""
    try:
        features = json.loads((schema.metadata or {}).get(_HUGGING_FACE, b"{}"))
        features = features["info"]["features"]
        named = {name: names_of(feature) for name, feature in features.items()}
    except (ValueError, KeyError, TypeError, AttributeError):  # what others have written there
        return {}
    return {name: names for name, names in named.items() if names}


@contextmanager
def _refusing(place: Path) -> Iterator[None]:
    """What pyarrow finds wrong as a DataError."""
    from pyarrow import ArrowException

    try:
        yield
    except (ArrowException, OSError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise DataError(f"{place}: cannot be read: {reason}") from None
