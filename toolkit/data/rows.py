"""What formats of rows share: which columns are read, and what their values mean.

CSV, JSON lines, Parquet, the Hub: each makes a `Table` of its file, and everything from there on
is here, so that a key of the recipe means the same in each.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field

from toolkit.data.base import Data, Reading, Walk, Walked
from toolkit.data.filling import Meaning, examples_of
from toolkit.data.labels import Labels, read_label_names
from toolkit.data.sentences import Spelling, empty_labels
from toolkit.data.table import Asked, Table
from toolkit.data.tags import Scheme
from toolkit.data.text import unreachable
from toolkit.examples import Labels as Kind
from toolkit.examples import Tagged

SIGNS = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"}  # that separate, by their names
_Column = str | Annotated[int, Field(description="from 0; negative: from the end")]


class Rows(Data):
    """A data set with an example in each row."""

    columns: Mapping[str, _Column | None] = {}  # field -> column, null: none; {}: by their names
    labels: Kind | None = None  # what a label column holds; null: what the task reads, one label
    label_separator: Annotated[str, Field(min_length=1)] = ","  # of several labels in one text
    labels_file: str | None = None  # what the numbers of labels stand for: a name a line, from 0
    label_map: Mapping[str, str] = {}  # label of the files -> label, before a scheme is looked at
    scheme: Scheme | Literal["auto"] = "auto"  # of tags; all but plain ones become IOB2
    repair: Literal["none", "conll"] = "none"  # conll: read impossible tags as conlleval does

    def faults(self) -> list[tuple[str, str]]:
        """Faults between fields."""
        faults = super().faults() + empty_labels(self.label_map)
        if sign := (SIGNS | {"space": " "}).get(self.label_separator):  # `separator` takes a word
            message = f"found the word {self.label_separator!r}, expected the sign: {sign!r}"
            faults.append(("label_separator", message))
        if self.labels == "regression":
            faults += [
                (key, "found with labels: regression, which has no names")
                for key in ("labels_file", "label_map")
                if getattr(self, key)
            ]
        counts = Counter(key for key in self.columns.values() if key is not None)
        for key in [key for key, count in counts.items() if count > 1]:
            names = [name for name, other in self.columns.items() if other == key]
            message = f"found {key!r} for {' and '.join(names)}, expected a column each"
            faults.append((f"columns.{names[1]}", message))
        return faults

    @property
    def label_kind(self) -> Kind | None:
        """As `labels` says."""
        return self.labels

    def with_labels(self, kind: Kind | None) -> Self:
        """With `labels` filled in where it is open."""
        return self if self.labels else self.model_copy(update={"labels": kind})

    def read(self, source: str, reads: type[Any] = Tagged) -> Reading:
        """The examples of a file or split; DataError with all of its faults."""
        return Walk(lambda: self.walked(source, reads)).reading()

    def walked(self, source: str, reads: type[Any] = Tagged) -> Walked:
        """The examples of a file or split, one after the other."""
        return self._walked(source, Asked(reads, self.columns))

    def read_bare(self, source: str, reads: type[Any] = Tagged) -> Reading:
        """The examples of a file or split, whose labels are not looked at."""
        return Walk(lambda: self._walked(source, Asked(reads, self.columns, gold=False))).reading()

    def missing(self) -> list[str]:
        """The files behind a variable that are not here."""
        return super().missing() + unreachable({"labels_file": self.labels_file})

    def table(self, source: str, asked: Asked) -> Table:
        """The rows of a source; DataError where there are none to be had."""
        raise NotImplementedError

    def _walked(self, source: str, asked: Asked) -> Walked:
        names = read_label_names(self.labels_file) if self.labels_file and asked.gold else None
        table = self.table(source, asked)
        labels = Labels(self.labels or "single", self.label_separator, names, self.label_map)
        spelling = Spelling(self.label_map, self.scheme, self.repair, unit=table.unit)
        return (yield from examples_of(table, asked, Meaning(labels, spelling)))
