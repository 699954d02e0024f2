"""Texts with marked spans as tools write them, brought to one form: text, spans, id.

A span is `[start, end, type]` or an object; offsets count characters from 0, the end is behind the
last one. Known by their keys: doccano (`label`, or `entities` with `start_offset`), Prodigy
(`spans`, `answer`), spaCy (`[text, {entities}]`) and Label Studio (`data` and `annotations`, or
`label` with lists of `labels`).
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

from toolkit.data.fields import refusal
from toolkit.data.kinds import MISSING, text
from toolkit.data.table import named

_STARTS = ("start", "start_offset")
_ENDS = ("end", "end_offset")
_TYPES = ("label", "labels", "type", "tag", "entity")


class Marked(NamedTuple):
    """A text with spans, before it is split into words."""

    text: str
    spans: tuple[Any, ...] | None = None
    id: str = ""


class Span(NamedTuple):
    """Characters `start` to `end` (exclusive) of a text."""

    start: int
    end: int
    type: str
    text: str | None = None  # what the file says that it covers


def simple_record(value: Any, counts: Counter[str], text_key: str | None) -> Any:
    """What a tool wrote as an object with a key for each column; None where it is to be dropped.

    ValueError with the fault. What is no object of a known tool stays as it is.
    """
    if isinstance(value, list) and len(value) == 2 and isinstance(value[1], dict):
        return {"text": value[0], **value[1]}  # spaCy
    if not isinstance(value, dict):
        return value
    if "annotations" in value and isinstance(value.get("data"), dict):
        return _of_label_studio(value, counts, text_key)
    if value.get("answer") in ("reject", "ignore") and "spans" in value:  # Prodigy
        counts["rejected"] += 1
        return None
    return value


def span_of(value: Any, where: str) -> Span:
    """A span; ValueError with the fault."""
    if isinstance(value, (list, tuple)):
        if len(value) != 3:
            raise ValueError(f"{where}: found a list of {len(value)}, expected [start, end, type]")
        (start, end, kind), covered = value, None
    elif isinstance(value, dict):
        start, end, kind = (_first_of(value, keys) for keys in (_STARTS, _ENDS, _TYPES))
        covered = value.get("text")
    else:
        raise ValueError(refusal(where, value, "{start, end, label} or [start, end, type]"))
    for key, number in (("start", start), ("end", end)):
        if isinstance(number, bool) or not isinstance(number, int):
            raise ValueError(refusal(f"{where}.{key}", number, "a whole number"))
    if isinstance(kind, list):
        if len(kind) != 1:
            raise ValueError(f"{where}: {len(kind)} types, expected one")
        kind = kind[0]
    try:
        kind = text(kind)
    except ValueError:
        raise ValueError(refusal(f"{where}.label", kind, "the type of the span")) from None
    if kind != kind.strip():
        raise ValueError(refusal(f"{where}.label", kind, "no white space around it"))
    return Span(start, end, kind, covered if isinstance(covered, str) else None)


def _first_of(value: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    return next((value[key] for key in keys if key in value), MISSING)


def _of_label_studio(
    value: dict[str, Any], counts: Counter[str], text_key: str | None
) -> dict[str, Any] | None:
    """The one annotation of a task that was not skipped."""
    annotations = value["annotations"]
    if not isinstance(annotations, list) or not all(isinstance(a, dict) for a in annotations):
        raise ValueError(refusal("annotations", annotations, "a list of objects"))
    done = [each for each in annotations if not each.get("was_cancelled")]
    if not done:
        counts["rejected"] += 1
        return None
    if len(done) > 1:
        raise ValueError(f"annotations: found {len(done)}, expected one of each text")
    result = done[0].get("result", MISSING)
    if not isinstance(result, list) or not all(isinstance(each, dict) for each in result):
        raise ValueError(refusal("annotations[0].result", result, "a list of objects"))
    spans = [each.get("value") for each in result if each.get("type", "labels") == "labels"]
    counts["other"] += len(result) - len(spans)
    data = value["data"]
    texts = [key for key, part in data.items() if isinstance(part, str)]
    key = text_key or ("text" if "text" in data else texts[0] if len(texts) == 1 else "text")
    if key not in data:
        raise ValueError(f"data: no key {key!r}. It has {named(data) or 'none'}")
    record = {text_key or "text": data[key], "spans": spans}
    return {**record, "id": value["id"]} if "id" in value else record
