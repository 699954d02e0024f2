"""Tagged text of the Hub, or of a local folder of Parquet, through the `datasets` library.

Rows count from 0, as in `data_set[split][row]`; a row's number is its example's id.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from toolkit.data.base import Data, Reading
from toolkit.data.conll import Conll, empty_labels
from toolkit.data.sentences import Fault, Sentence, Spelling, to_examples
from toolkit.data.tags import Scheme
from toolkit.data.text import counted, expand
from toolkit.errors import DataError, UnreachableError
from toolkit.recipe.block import Block
from toolkit.registry import nearest

if TYPE_CHECKING:
    from datasets import Dataset


class ColumnNames(Block):
    """Which columns are read; each holds a list a row."""

    word: str = "tokens"  # of strings
    tag: str = "ner_tags"  # of class labels or strings


class Hub(Data):
    """A data set of the Hub, or a folder: `train`, `dev` and `test` are names of its splits."""

    dataset: str  # a name on the Hub, or a folder of Parquet; ${NAME} is read from the environment
    config: str | None = None  # the part of the data set; null: its only or default one
    revision: str | None = None  # of the Hub: a branch, a tag or a commit; null: the newest
    columns: ColumnNames = ColumnNames()  # where words and tags are
    scheme: Scheme | Literal["auto"] = "auto"  # of the tags; all but plain ones become IOB2
    label_map: Mapping[str, str] = {}  # tag of the data -> tag, before the scheme is looked at
    repair: Literal["none", "conll"] = "none"  # conll: read impossible tags as conlleval does

    def faults(self) -> list[tuple[str, str]]:
        """Faults between fields."""
        return empty_labels(self.label_map)

    def read(self, source: str) -> Reading:
        """The examples of a split, such as `train` or `train[:90%]`; DataError with all faults."""
        where = f"{self.dataset}[{source}]"
        sentences, faults, num_empty = _sentences(self._split(source), self.columns, where)
        spelling = Spelling(self.label_map, self.scheme, self.repair, unit="row")
        examples, more, notes = to_examples(sentences, spelling)
        if faults or more:
            ordered = sorted([*faults, *more], key=lambda fault: fault.place)
            raise DataError(f"{where} {_shown(fault)}" for fault in ordered)
        if not examples:
            raise DataError(f"{where}: no sentence in it")
        num_words = sum(len(example.words) for example in examples)
        glance = (
            f"{counted(len(examples), 'sentence')}, {counted(num_words, 'word')}; "
            f"columns {self.columns.word} and {self.columns.tag}; {notes[0]}"
        )
        dropped = [f"{counted(num_empty, 'row')} without a word dropped"] if num_empty else []
        return Reading(list(examples), [glance, *notes[1:], *dropped])

    def read_words(self, source: str) -> Reading:
        """The sentences of a file of columns, as `Conll` detects them."""
        return Conll(train=source).read_words(source)

    def missing(self) -> list[str]:
        """The data set, where it is neither here nor can be fetched."""
        try:
            self._place()
        except UnreachableError as error:
            return [f"data.dataset: {fault}" for fault in error.faults]
        return []

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


def _sentences(
    rows: "Dataset", columns: ColumnNames, where: str
) -> tuple[list[Sentence], list[Fault], int]:
    """The sentences that have no fault, the faults, and how many rows are empty."""
    names = _label_names(rows, columns, where)
    content = rows.select_columns([columns.word, columns.tag]).with_format(None)[:]
    sentences: list[Sentence] = []
    faults: list[Fault] = []
    num_empty = 0
    for row, (words, tags) in enumerate(zip(content[columns.word], content[columns.tag])):
        if names is not None:
            tags = [names.get(tag) for tag in tags or ()]
        found = _faults_of(row, words or (), tags or ())
        faults += found
        if not words:
            num_empty += 1
        elif not found:
            sentences.append(Sentence(words, tags, [row] * len(words), str(row)))
    return sentences, faults, num_empty


def _label_names(rows: "Dataset", columns: ColumnNames, where: str) -> dict[int, str] | None:
    """What the numbers of the tag column stand for, None where it holds strings itself."""
    from datasets import ClassLabel, Value

    wanted = (columns.word, columns.tag)
    known = rows.column_names
    faults = [
        f"no column {name!r}.{nearest(name, known)} It has {', '.join(known)}"
        for name in wanted
        if name not in known
    ]
    if faults:
        raise DataError(f"{where}: {fault}" for fault in faults)
    word, tag = (getattr(rows.features[name], "feature", None) for name in wanted)
    if not isinstance(word, Value) or "string" not in word.dtype:
        faults.append(f"{_held(rows, columns.word)}, expected lists of strings")
    if isinstance(tag, Value) and "int" in tag.dtype:
        faults.append(f"column {columns.tag!r} holds numbers without names, expected class labels")
    elif not isinstance(tag, ClassLabel) and not (isinstance(tag, Value) and "string" in tag.dtype):
        faults.append(f"{_held(rows, columns.tag)}, expected lists of class labels or strings")
    if faults:
        raise DataError(f"{where}: {fault}" for fault in faults)
    return dict(enumerate(tag.names)) if isinstance(tag, ClassLabel) else None


def _held(rows: "Dataset", name: str) -> str:
    return f"column {name!r} holds {rows.features[name]}"


def _faults_of(row: int, words: Sequence[str | None], tags: Sequence[str | None]) -> list[Fault]:
    """What is wrong with a row before its tags are looked at."""
    if len(words) != len(tags):
        return [Fault(row, f"{counted(len(words), 'word')}, {counted(len(tags), 'tag')}")]
    return [
        Fault(row, f"the {what} is empty", index)
        for index, pair in enumerate(zip(words, tags))
        for what, part in zip(("word", "tag"), pair)
        if not part
    ]


def _shown(fault: Fault) -> str:
    word = "" if fault.word is None else f", word {fault.word}"
    return f"row {fault.place}{word}: {fault.what}"


def _first_line(error: Exception) -> str:
    cause = error.__cause__ or error  # what `datasets` wraps says more than the wrapping
    return (str(cause) or type(cause).__name__).splitlines()[0]
