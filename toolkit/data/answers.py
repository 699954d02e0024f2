"""Answers in their context: where the data says they are, or where only they can be meant.

Offsets count code points from 0. Data counted otherwise is read again: in UTF-16 units, UTF-8
bytes, with line ends of two characters, in another Unicode normal form, or some characters off
(white space that was stripped). The context itself is never changed.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from toolkit.data.fields import refusal
from toolkit.data.kinds import MISSING
from toolkit.data.text import counted
from toolkit.examples import Answer
from toolkit.recipe.marks import shown

REACH = 10  # characters that an answer may be off, where it occurs only once so near
_FORMS: tuple[Literal["NFC", "NFD"], ...] = ("NFC", "NFD")
_STARTS = ("answer_start", "start")
_NOTES = {
    "utf16": "of which the start was counted in UTF-16 units",
    "bytes": "of which the start was counted in UTF-8 bytes",
    "returns": "of which the start was counted with other line ends",
    "form": "in another Unicode normal form than the context",
    "near": f"up to {REACH} characters off, found where they occur",
}


def locate(context: str, text: str, start: int, counts: Counter[str]) -> Answer:
    """The answer where it is; ValueError where it cannot be known. What was mended is counted."""
    if start >= 0 and context.startswith(text, start):
        return Answer(text, start)
    for kind, found in _readings(context, text, start):
        counts[kind] += 1
        return found
    raise ValueError(_why(context, text, start))


def repairs(counts: Counter[str], noun: str = "answer") -> list[str]:
    """What was mended, a note for each kind."""
    return [f"{counted(counts[kind], noun)} {_NOTES[kind]}" for kind in _NOTES if counts[kind]]


def answers_of(value: Any, context: str, counts: Counter[str]) -> tuple[Answer, ...]:
    """The answers of a question, as SQuAD or the Hub lays them out; ValueError with the fault."""
    found = []
    for index, (text, start) in enumerate(_pairs(value)):
        where = f"answers[{index}]"
        if not isinstance(text, str) or not text.strip():
            raise ValueError(refusal(f"{where}.text", text, "text"))
        if isinstance(start, bool) or not isinstance(start, int):
            raise ValueError(refusal(f"{where}.answer_start", start, "a whole number"))
        try:
            found.append(locate(context, text, start, counts))
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None
    return tuple(found)


def _pairs(value: Any) -> Sequence[tuple[Any, Any]]:
    """Texts and starts of a list of objects, or of an object that holds two lists."""
    if isinstance(value, list):
        for index, each in enumerate(value):
            if not isinstance(each, dict):
                raise ValueError(refusal(f"answers[{index}]", each, "an object"))
        return [(each.get("text", MISSING), _start_of(each)) for each in value]
    if not isinstance(value, dict):
        raise ValueError(refusal("answers", value, "a list of {text, answer_start}"))
    texts, starts = value.get("text", MISSING), _start_of(value)
    if isinstance(texts, str):
        return [(texts, starts)]
    for key, part in (("text", texts), ("answer_start", starts)):
        if not isinstance(part, list):
            raise ValueError(refusal(f"answers.{key}", part, "a list"))
    if len(texts) != len(starts):
        found = f"{counted(len(texts), 'text')} and {counted(len(starts), 'start')}"
        raise ValueError(f"answers: found {found}, expected as many")
    return list(zip(texts, starts))


def _start_of(answer: dict[str, Any]) -> Any:
    return next((answer[key] for key in _STARTS if key in answer), MISSING)


def _readings(context: str, text: str, start: int) -> Iterator[tuple[str, Answer]]:
    """The answer as other ways of counting put it, those first that need the least belief."""
    if start >= 0:
        for kind, place in (
            ("utf16", _point_of(context, start, "utf-16-le", 2)),
            ("bytes", _point_of(context, start, "utf-8", 1)),
            *(("returns", place) for place in _other_line_ends(context, start)),
        ):
            if place is not None and context.startswith(text, place):
                yield kind, Answer(text, place)
        for form in _FORMS:
            found = _in_form(context, text, start, form)
            if found is not None:
                yield "form", found
    near = range(max(0, start - REACH), start + REACH + 1)
    places = [place for place in near if context.startswith(text, place)]
    if len(places) == 1:
        yield "near", Answer(text, places[0])


def _point_of(context: str, start: int, encoding: str, size: int) -> int | None:
    """The code point at `start` units of an encoding; None where it differs in nothing."""
    if context.isascii():
        return None
    head = context[: start + 1].encode(encoding, "surrogatepass")[: start * size]
    return len(head.decode(encoding, "ignore"))


def _other_line_ends(context: str, start: int) -> Iterator[int]:
    """Where `start` is if each line end counted two characters, or each `\\r\\n` one."""
    ends = [match.start() for match in re.finditer("\n", context)]
    if not ends:
        return
    place = start
    for number, end in enumerate(ends, 1):
        if end + number < start:
            place = start - number
    yield place
    place = start
    for match in re.finditer("\r\n", context):
        if match.start() < place:
            place += 1
    yield place


def _in_form(context: str, text: str, start: int, form: Literal["NFC", "NFD"]) -> Answer | None:
    """The part of the context that is the text, both in a normal form, at this start in it."""
    wanted = unicodedata.normalize(form, text)
    whole = unicodedata.normalize(form, context)
    if whole == context and wanted == text:
        return None
    if whole.startswith(wanted, start):
        begin, end = (_prefix(context, at, form) for at in (start, start + len(wanted)))
    else:  # counted in the context's own form, or in a form like it
        begin, end = start, _end_of(context, wanted, start, form)
    if begin is None or end is None:
        return None
    found = context[begin:end]
    return Answer(found, begin) if unicodedata.normalize(form, found) == wanted else None


def _prefix(context: str, length: int, form: Literal["NFC", "NFD"]) -> int | None:
    """How much of the context is `length` characters in a normal form."""
    low, high = 0, len(context)
    while low < high:
        middle = (low + high) // 2
        if len(unicodedata.normalize(form, context[:middle])) < length:
            low = middle + 1
        else:
            high = middle
    while low < len(context) and unicodedata.combining(context[low]):
        low += 1  # what is combined with the character before belongs to it
    return low if len(unicodedata.normalize(form, context[:low])) == length else None


def _end_of(context: str, wanted: str, begin: int, form: Literal["NFC", "NFD"]) -> int | None:
    length = _prefix(context[begin : begin + 4 * len(wanted)], len(wanted), form)
    return None if length is None else begin + length


def _why(context: str, text: str, start: int) -> str:
    there = context[max(0, start) : max(0, start) + len(text)] if start < len(context) else ""
    found = f"{shown(text)} is not at {start}"
    found += f" ({shown(there)} is)" if there and start >= 0 else ""
    places: list[str] = []
    at = context.find(text)
    while at >= 0 and len(places) < 4:
        places.append(str(at))
        at = context.find(text, at + 1)
    if not places:
        return f"{found} and occurs nowhere"
    return f"{found} but at {', '.join(places[:3])}{' and more' if len(places) > 3 else ''}"
