"""What a text is labelled with: one label, several, or a number."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from toolkit.data.fields import Column, Taker
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


def labels_taker(column: Column, labels: Labels) -> Taker:
    """What takes the labels of a column: texts, tuples of texts, or numbers."""
    if labels.kind == "regression":
        return Taker(column, number if column.typed else written_number)
    if labels.names is None and column.labels is not None:
        labels = labels._replace(names=LabelNames(column.labels, "the data set"))
    return _Names(column, labels)


class _Kinds(NamedTuple):
    """Of which types labels are."""

    counts: Counter[type[Any]]
    first: dict[type[Any], int]  # the place of the first one

    def see(self, place: int, value: Any) -> None:
        """Remember where a type is first: that of a value, and those of the parts of a list."""
        for part in value if isinstance(value, (list, tuple)) else (value,):
            self.first.setdefault(type(part), place)

    def add(self, part: Any) -> None:
        """Count a label that is of one of the types that labels have."""
        if isinstance(part, (str, int)):
            self.counts[type(part)] += 1


class _Names(Taker):
    """Takes labels by name, one of a row or several; what was done with them is counted.

    All are of one type. Where they are not, the next walk knows which one is usual.
    """

    def __init__(self, column: Column, labels: Labels, known: _Kinds | None = None) -> None:
        super().__init__(column, self._one_label if labels.kind == "single" else self._several)
        self.labels = labels
        self.names = labels.names
        self.counts: Counter[str] = Counter()
        self.mapped: Counter[str] = Counter()
        self._known = known
        self._kinds = _Kinds(Counter(), {})
        has_choice = known is not None and len(known.counts) > 1
        self._usual = known.counts.most_common(1)[0][0] if known and has_choice else None

    def take(self, place: int, value: Any) -> Any:
        """The name, or the tuple of names; WRONG where the value is no such thing."""
        if self.column.typed:  # elsewhere all are text
            self._kinds.see(place, value)
        return super().take(place, value)

    @property
    def is_doubtful(self) -> bool:
        """Whether there are labels of several types, of which none was known to be usual."""
        return self._known is None and len(self._kinds.counts) > 1

    def anew(self) -> "_Names":
        """With the types that labels have."""
        seen = self._kinds if self._kinds.counts else None
        return _Names(self.column, self.labels, self._known or seen)

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

    def _one_label(self, value: Any) -> str:
        self._kinds.add(value)
        return self._label(value)

    def _label(self, value: Any) -> str:
        """One label; ValueError with what was expected."""
        if isinstance(value, (list, tuple)):
            raise ValueError("one label (labels: multi reads lists)")
        if isinstance(value, float):
            raise ValueError("a label (labels: regression reads numbers)")
        usual = self._usual
        if usual is not None and isinstance(value, (str, int)) and type(value) is not usual:
            raise ValueError(self._as_usual(usual))
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

    def _several(self, value: Any) -> tuple[str, ...]:
        parts = self._parts(value)
        for part in parts:
            self._kinds.add(part)
        found = [self._label(part) for part in parts]
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

    def _as_usual(self, usual: type[Any]) -> str:
        """`text, as in line 1`."""
        kind = {str: "text", int: "a whole number", bool: "true or false"}[usual]
        first = None if self._known is None else self._known.first.get(usual)
        return kind if first is None else f"{kind}, as in {self.column.unit} {first}"
