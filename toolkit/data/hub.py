"""Data sets of the Hub, or local folders of Parquet, through the `datasets` library.

Rows count from 0, as in `data_set[split][row]`; a row's number is its example's id where it has no
other.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from toolkit.data.rows import Rows
from toolkit.data.table import Asked, Table
from toolkit.data.text import expand, unreachable
from toolkit.errors import DataError, UnreachableError
from toolkit.registry import nearest

if TYPE_CHECKING:
    from datasets import Dataset

_AT_ONCE = 1000  # rows


class Hub(Rows):
    """A data set of the Hub, or a folder: `train`, `dev` and `test` are names of its splits."""

    reads_files: ClassVar[bool] = False

    dataset: str  # a name on the Hub, or a folder of Parquet; ${NAME} is read from the environment
    config: str | None = None  # the part of the data set; null: its only or default one
    revision: str | None = None  # of the Hub: a branch, a tag or a commit; null: the newest

    def table(self, source: str, asked: Asked) -> Table:
        """The rows of a split, such as `train` or `train[:90%]`."""
        rows = self._split(source).with_format(None)
        name = f"{self.dataset}[{source}]"
        return Table(
            name,
            len(rows),
            lambda keys: _rows(rows, [str(key) for key in keys]),
            rows.column_names,
            0,
            "row",
            labels=_labels(rows),
            locate=lambda place: f"{name} row {place}",
        )

    def missing(self) -> list[str]:
        """The data set, where it is neither here nor can be fetched."""
        missing = unreachable({"labels_file": self.labels_file})
        try:
            self._place()
        except UnreachableError as error:
            return [f"data.dataset: {fault}" for fault in error.faults] + missing
        return missing

    def _place(self) -> str:
        """What `load_dataset` takes: a folder, or a name of the Hub that can be had now."""
        if "${" in self.dataset or self.dataset.startswith((".", "/", "~")):
            folder = expand(self.dataset)
            if not folder.is_dir():
                raise DataError(f"data set {self.dataset}: no such folder")
            return str(folder)
        if not Path(self.dataset).is_dir():
            from toolkit import hub

            hub.find("dataset", self.dataset, self.revision)
        return self.dataset

    def _split(self, split: str) -> "Dataset":
        """One split; its parts may be cut and added, as `datasets` writes it."""
        place = self._place()
        splits = self._load(place)
        for part in split.split("+"):
            name = part.partition("[")[0].strip()
            if name not in splits:
                raise DataError(
                    f"data set {self.dataset} has no split {name!r}.{nearest(name, splits)} "
                    f"It has {', '.join(splits)}"
                )
        return splits[split] if split in splits else self._load(place, split)

    def _load(self, place: str, split: str | None = None) -> Any:
        """All splits by name, or one; DataError where `datasets` refuses."""
        from datasets import load_dataset
        from datasets.exceptions import DatasetsError

        revision = None if Path(place).is_dir() else self.revision
        try:
            return load_dataset(place, self.config, revision=revision, split=split)
        except ConnectionError as error:
            raise UnreachableError(f"data set {self.dataset}: {_first_line(error)}") from None
        except (DatasetsError, OSError, ValueError, AssertionError) as error:
            raise DataError(f"data set {self.dataset}: {_first_line(error)}") from error


def _rows(rows: "Dataset", keys: Sequence[str]) -> Iterator[tuple[int, list[Any]]]:
    """The values of some columns, a row after the other, with its number."""
    if not keys:
        yield from ((number, []) for number in range(len(rows)))
        return
    number = 0
    for some in rows.select_columns(list(dict.fromkeys(keys))).iter(batch_size=_AT_ONCE):
        for cells in zip(*(some[key] for key in keys)):
            yield number, list(cells)
            number += 1


def _labels(rows: "Dataset") -> dict[str, list[str]]:
    """What the numbers of class labels stand for, by column."""
    from datasets import ClassLabel

    named = {}
    for name, feature in rows.features.items():
        while hasattr(feature, "feature"):  # of a list
            feature = feature.feature
        if isinstance(feature, ClassLabel):
            named[name] = list(feature.names)
    return named


def _first_line(error: Exception) -> str:
    cause = error.__cause__ or error  # what `datasets` wraps says more than the wrapping
    return (str(cause) or type(cause).__name__).splitlines()[0]
