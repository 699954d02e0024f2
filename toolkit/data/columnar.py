"""Parquet and Arrow files on this machine, through pyarrow, some rows at a time.

Rows count from 0. What the numbers of class labels stand for is read where the `datasets` library
wrote the file.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from toolkit.data.rows import Rows
from toolkit.data.table import Asked, Key, RowsOf, Table
from toolkit.data.text import read_head
from toolkit.errors import DataError

MOST_ROWS = 100_000_000  # of a file: few bytes can stand for many rows
MOST_BYTES = 2**31  # of a row group when unpacked
_AT_ONCE = 10_000  # rows that are Python objects together
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
    num_rows = metadata.num_rows

    def column(key: Key) -> Iterator[Any]:
        number = 0
        with _refusing(place):
            for batch in file.iter_batches(columns=[key]):
                number += batch.num_rows
                yield from batch.column(0).to_pylist()
        if number != num_rows:  # a damaged file, whose footer says otherwise
            raise DataError(f"{place}: {number:,} rows in {key!r}, expected {num_rows:,}")

    def rows(keys: Sequence[Key]) -> Iterator[tuple[int, list[Any]]]:
        columns = [column(key) for key in keys]
        for row, *cells in zip(range(num_rows), *columns):
            yield row, cells
        for rest in columns:  # there is none, or that is an error
            for _ in rest:
                pass

    return _table(place, schema, num_rows, rows)


def _arrow(place: Path, is_file: bool) -> Table:
    import pyarrow

    @contextmanager
    def batches() -> Iterator[tuple[Any, Iterator[Any]]]:
        with _refusing(place), pyarrow.OSFile(str(place)) as source:
            reader = (pyarrow.ipc.open_file if is_file else pyarrow.ipc.open_stream)(source)
            some = map(reader.get_batch, range(reader.num_record_batches)) if is_file else reader
            yield reader.schema, iter(some)

    def rows(keys: Sequence[Key]) -> Iterator[tuple[int, tuple[Any, ...]]]:
        row = 0
        with batches() as (_, some):
            for batch in some:
                for start in range(0, batch.num_rows, _AT_ONCE):
                    part = batch.slice(start, _AT_ONCE)
                    cells = [part.column(key).to_pylist() for key in keys]
                    for number in range(part.num_rows):
                        yield row + number, tuple(column[number] for column in cells)
                    row += part.num_rows

    num_rows = 0
    with batches() as (schema, some):
        for batch in some:
            batch.validate(full=True)  # offsets that lead nowhere would end the process
            num_rows += batch.num_rows
    return _table(place, schema, num_rows, rows)


def _table(place: Path, schema: Any, num_rows: int, rows: RowsOf) -> Table:
    if num_rows > MOST_ROWS:
        raise DataError(f"{place}: {num_rows:,} rows, expected up to {MOST_ROWS:,}")
    with _refusing(place):  # a damaged name
        names = schema.names
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f"{place}: column {twice[0]!r} twice")
    return Table(str(place), num_rows, rows, names, 0, "row", labels=_labels(schema))


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
