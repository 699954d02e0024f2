"""What a text is labelled with: one label, several, or a number."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from toolkit.data.fields import Column, Taken, take
from toolkit.data.kinds import MISSING, number, text, written_number
from toolkit.data.text import counted, read_text
from toolkit.errors import DataError
from toolkit.examples import Labels as Kind


class LabelNames(NamedTuple):
    """What the numbers of a column stand for."""

    names: Sequence[str]
    source: str  # what says so: a file, or the data itself


class Labels(NamedTuple):
    """What a recipe says of the labels of a data set."""

    kind: Kind = "single"
    separator: str = ","  # of several labels in one text
    names: LabelNames | None = None
    label_map: Mapping[str, str] = {}


def read_label_names(path: str) -> LabelNames:
    """The names in a file, one a line: the first is that of 0."""
    file = read_text(path)
    names = [line.strip() for line in file.lines]
    faults = dict(file.faults)
    for line, name in enumerate(names, 1):
        if not name:
            faults.setdefault(line, "an empty line, expected the name of a label")
        elif names.index(name) != line - 1:
            faults.setdefault(line, f"label {name!r} again, as in line {names.index(name) + 1}")
    if faults:
        raise DataError(file.located(line, what) for line, what in sorted(faults.items()))
    return LabelNames(names, file.name)


def take_labels(column: Column, labels: Labels) -> Taken:
    """The labels of a column: texts, tuples of texts, or numbers."""
    if labels.kind == "regression":
        return take(column, number if column.typed else written_number)
    names = labels.names
    if names is None and column.labels is not None:
        names = LabelNames(column.labels, "the data set")
    found = _Found(column, labels, names)
    taken = found.single() if labels.kind == "single" else found.several()
    return taken._replace(notes=[*taken.notes, *found.notes()])


class _Found:
    """A column of labels being read; what was done with them is counted."""

    def __init__(self, column: Column, labels: Labels, names: LabelNames | None) -> None:
        self.column = column
        self.labels = labels
        self.names = names
        self.counts: Counter[str] = Counter()
        self.mapped: Counter[str] = Counter()

    def single(self) -> Taken:
        """One label a row, all of one type."""
        usual = self._usual(self.column.values)
        return take(self.column, lambda value: self._label(value, usual))

    def several(self) -> Taken:
        """A list of labels a row, or a text that holds them."""
        parts = [part for value in self.column.values for part in self._parts_or_none(value)]
        usual = self._usual(parts)
        return take(self.column, lambda value: self._labels(value, usual))

    def notes(self) -> list[str]:
        """What was done, with its count."""
        said = {
            "spaces": ("label", "with spaces around, dropped"),
            "number": ("number", "read as names of labels"),
            "truth": ("truth value", "read as names of labels, true and false"),
            "twice": ("label", "named twice in a row, read once"),
            "none": ("row", "without a label"),
        }
        notes = [
            f"{counted(self.counts[key], noun)} {rest}"
            for key, (noun, rest) in said.items()
            if self.counts[key]
        ]
        if self.mapped:
            notes.append(f"label_map changed {counted(self.mapped.total(), 'label')}")
        unused = [old for old in self.labels.label_map if old not in self.mapped]
        if unused:
            notes.append(f"of label_map, not found here: {', '.join(unused)}")
        return notes

    def _usual(self, values: Sequence[Any]) -> type | None:
        """The type of most labels, where there is a choice."""
        kinds = Counter(type(value) for value in values if isinstance(value, (str, int)))
        return kinds.most_common(1)[0][0] if len(kinds) > 1 else None

    def _label(self, value: Any, usual: type | None) -> str:
        """One label; ValueError with what was expected."""
        if isinstance(value, (list, tuple)):
            raise ValueError("one label (labels: multi reads lists)")
        if isinstance(value, float):
            raise ValueError("a label (labels: regression reads numbers)")
        if usual is not None and isinstance(value, (str, int)) and type(value) is not usual:
            raise ValueError(_as_usual(self.column, usual))
        name = self._name(value)
        if name in self.labels.label_map:
            self.mapped[name] += 1
            return self.labels.label_map[name]
        return name

    def _name(self, value: Any) -> str:
        if not self.column.typed and isinstance(value, str):
            self.counts["spaces"] += value != value.strip(" ")
            value = value.strip(" ")
        if self.names is not None:
            return self._named(value, self.names)
        if isinstance(value, bool):
            self.counts["truth"] += 1
            return "true" if value else "false"
        if isinstance(value, int):
            self.counts["number"] += 1
            return str(value)
        try:
            name = text(value)
        except ValueError as error:
            what = str(error).replace("text", "a label", 1)
            raise ValueError(what) from None
        if name != name.strip():
            raise ValueError("a label without white space around it")
        return name

    def _named(self, value: Any, names: LabelNames) -> str:
        """The name that a number stands for."""
        is_digits = isinstance(value, str) and value.isascii() and value.isdigit()
        index = int(value) if is_digits and len(value) < 10 else value
        if isinstance(index, bool) or not isinstance(index, int) or index not in range(
            len(names.names)
        ):  # fmt: skip
            raise ValueError(f"a number from 0 to {len(names.names) - 1} ({names.source})")
        return names.names[index]

    def _labels(self, value: Any, usual: type | None) -> tuple[str, ...]:
        parts = self._parts(value)
        found = [self._label(part, usual) for part in parts]
        self.counts["twice"] += len(found) - len(set(found))
        self.counts["none"] += not found
        return tuple(dict.fromkeys(found))

    def _parts(self, value: Any) -> Sequence[Any]:
        if isinstance(value, (list, tuple)):
            return value
        if isinstance(value, str) and (value.strip() or not self.column.typed):
            parts = value.split(self.labels.separator) if value.strip() else []
            return [part.strip(" ") for part in parts]
        if value is MISSING or value is None or isinstance(value, str):
            raise ValueError("a list of labels")
        raise ValueError("a list of labels, or text that label_separator splits")

    def _parts_or_none(self, value: Any) -> Sequence[Any]:
        try:
            return self._parts(value)
        except ValueError:
            return ()


def _as_usual(column: Column, usual: type) -> str:
    """`text, as in line 1`."""
    kind = {str: "text", int: "a whole number", bool: "true or false"}[usual]
    places = zip(column.places, column.values)
    first = next(
        (place for place, value in places if type(value) is usual or _holds(value, usual)), None
    )
    return kind if first is None else f"{kind}, as in {column.unit} {first}"


def _holds(value: Any, usual: type) -> bool:
    return isinstance(value, (list, tuple)) and any(type(part) is usual for part in value)
