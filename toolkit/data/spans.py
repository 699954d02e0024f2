"""Texts with spans at characters, made into tagged words.

A text is split as for prediction, without a look at its spans.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from toolkit.data.aligned import Aligner
from toolkit.data.answers import repairs
from toolkit.data.base import Data, Reading
from toolkit.data.fields import WRONG, Ids, Taker, refusal
from toolkit.data.json_lines import JsonValues
from toolkit.data.json_text import NotJsonError, parse
from toolkit.data.kinds import text
from toolkit.data.marked import Marked, Span, simple_record, span_of
from toolkit.data.names import resolve
from toolkit.data.recast import check_class, recast
from toolkit.data.sentences import Fault, empty_labels
from toolkit.data.table import Asked, Key, Table, Unit, table_of_values
from toolkit.data.text import TextFile, counted, read_text
from toolkit.errors import DataError
from toolkit.examples import Tagged

_NOTES = {
    "rejected": ("text", "skipped or rejected by the annotator, dropped"),
    "other": ("annotation", "other than spans, not read"),
    "white": ("span", "with white space at an end, dropped"),
    "cut": ("span", "that cut a word, widened to it"),
    "twice": ("span", "marked twice, read once"),
    "overlap": ("span", "that overlapped a longer one, dropped"),
}


class Spans(Data):
    """Texts with `entities`, `spans` or `label` at characters: JSON lines, or a JSON list.

    Exports of doccano, Label Studio and Prodigy are read as they are. `train`, `dev` and `test`
    are paths; `${NAME}` in one is read from the environment.
    """

    columns: Mapping[Literal["text", "spans", "id"], str] = {}  # what -> its key in the files
    overlaps: Literal["fault", "longest"] = "fault"  # longest: of spans that overlap, keep that
    label_map: Mapping[str, str] = {}  # type of the files -> type; O: no span

    def faults(self) -> list[tuple[str, str]]:
        """Faults between fields."""
        return super().faults() + empty_labels(self.label_map)

    def read(self, source: str, reads: type[Any] = Tagged) -> Reading:
        """The texts of a file as tagged words; DataError with all of its faults."""
        check_class(Tagged, reads, ("words", "tags"), source)
        return self._reading(source, reads, gold=True)

    def read_bare(self, source: str, reads: type[Any] = Tagged) -> Reading:
        """The texts of a file as words, whose spans are not looked at."""
        check_class(Tagged, reads, ("words",), source)
        return self._reading(source, reads, gold=False)

    def _reading(self, source: str, reads: type[Any], gold: bool) -> Reading:
        aligner = Aligner(self.label_map, self.overlaps, Counter(), Counter())
        table = _table(source, aligner.counts, self.columns.get("text"))
        if not table.num_rows:
            raise table.refusal(table.faults, "no text in it")
        named = {str(name): key for name, key in self.columns.items()}
        keys, aliases = resolve(table, Asked(Marked, named, gold))
        texts = Taker(table.column(keys["text"]), text)
        values = [texts.take(*each) for each in table.values(keys["text"])]
        faults = [*table.faults, *texts.gathered()]
        names = _names(table, keys, faults)
        tags: Sequence[Any] = [None] * len(values)
        if gold:
            tags = _tags(table, keys["spans"], values, aligner, faults)
        if faults:
            raise table.refusal(faults)
        examples = [
            Tagged(Tagged.of(each).words, *rest) for each, *rest in zip(values, tags, names, values)
        ]
        notes = [_glance(examples, keys), *aliases, *_notes(aligner), *table.notes]
        return Reading(recast(examples, reads), notes)


def _names(table: Table, keys: Mapping[str, Key], faults: list[Fault]) -> list[Any]:
    """The id of each text, its place where it has none; more faults where they are wrong."""
    if "id" not in keys:
        return [str(place) for place, _ in table.rows([])]
    ids = Ids(table.column(keys["id"]))
    names = [ids.take(*each) for each in table.values(keys["id"])]
    if ids.is_doubtful:
        ids = ids.anew()
        names = [ids.take(*each) for each in table.values(keys["id"])]
    faults += ids.faults
    return names


def _tags(
    table: Table, key: Key, texts: Sequence[Any], aligner: Aligner, faults: list[Fault]
) -> list[Any]:
    """The tags of each text; more faults where there are none."""
    found: list[Any] = []
    name = table.column(key).name
    for (place, value), each in zip(table.values(key), texts):
        wrong: list[str] = []
        spans = _spans(value, name, wrong)
        found.append(aligner.tags(each, spans, wrong) if each is not WRONG else None)
        faults += [Fault(place, what) for what in wrong]
    return found


def _spans(value: Any, name: str, wrong: list[str]) -> dict[str, Span]:
    """The spans of a text by their place in it, as far as they can be read."""
    if not isinstance(value, list):
        wrong.append(refusal(name, value, "a list of spans"))
        return {}
    spans = {}
    for index, each in enumerate(value):
        try:
            spans[f"{name}[{index}]"] = span_of(each, f"{name}[{index}]")
        except ValueError as error:
            wrong.append(str(error))
    return spans


def _table(source: str, counts: Counter[str], text_key: str | None) -> Table:
    """The records of a file, each with the same keys."""
    file = read_text(source)
    numbered, faults, notes, unit = _values(file)
    records = []
    for place, value in numbered:
        try:
            record = simple_record(value, counts, text_key)
        except ValueError as error:
            faults.append(Fault(place, str(error)))
            continue
        if record is not None:
            records.append((place, record))
    table = table_of_values(file.name, records, unit)
    return table._replace(faults=[*faults, *table.faults], notes=[*notes, *file.notes])


def _values(
    file: TextFile[list[str]],
) -> tuple[list[tuple[int, Any]], list[Fault], list[str], Unit]:
    """The values of JSON lines with their lines, or of a JSON list with their numbers."""
    head = "".join(line.strip() for line in file.lines[:2])
    if not (head.startswith("[") and head[1:].lstrip()[:1] in ("{", "]", "")):
        lines = JsonValues(file)
        values = list(lines)
        return values, *lines.outcome(), "line"
    if file.faults:
        raise file.refusal("no text")
    try:
        return list(enumerate(parse(file.text))), [], [], "row"
    except NotJsonError as error:
        raise DataError(file.located(error.line, error.what)) from None


def _glance(examples: Sequence[Tagged], keys: Mapping[str, Any]) -> str:
    words = counted(sum(len(example.words) for example in examples), "word")
    glance = f"{counted(len(examples), 'text')}, {words}; "
    if "spans" not in keys:
        return f"{glance}column {keys['text']}; spans not read"
    types = [tag[2:] for example in examples for tag in example.tags or () if tag[0] == "B"]
    spans = f"{counted(len(types), 'span')} of {counted(len(set(types)), 'type')}"
    return f"{glance}columns {keys['text']} and {keys['spans']}; {spans}"


def _notes(aligner: Aligner) -> list[str]:
    counts = aligner.counts
    notes = [
        f"{counted(counts[key], noun)} {rest}"
        for key, (noun, rest) in _NOTES.items()
        if counts[key]
    ]
    if aligner.mapped:
        notes.append(f"label_map changed {counted(aligner.mapped.total(), 'span')}")
    unused = [old for old in aligner.label_map if old not in aligner.mapped]
    if unused:
        notes.append(f"of label_map, not found here: {', '.join(unused)}")
    return [*notes, *repairs(counts, "span")]
