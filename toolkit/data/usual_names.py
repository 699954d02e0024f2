"""What the fields of examples are called in data sets that many people use."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

# fields -> the names that they go by together
_NAMES: Mapping[tuple[str, ...], Sequence[tuple[str, ...]]] = {
    ("text", "pair"): (
        ("sentence1", "sentence2"),
        ("premise", "hypothesis"),
        ("question1", "question2"),
        ("question", "passage"),
        ("question", "sentence"),
        ("question",),
        ("sentence",),
        ("content",),
        ("utterance",),
        ("review",),
        ("tweet",),
    ),
    ("label",): (
        ("gold_label",), ("labels",), ("category",), ("intent",), ("sentiment",), ("class",),
        ("target",), ("score",), ("similarity_score",), ("answer",), ("emotion",),
    ),
    ("words",): (("tokens",),),
    ("tags",): (("ner_tags",), ("pos_tags",), ("upos",), ("labels",)),
    ("spans",): (("entities",), ("label",), ("labels",)),
    ("context",): (("passage",), ("paragraph",)),
    ("document",): (("title",),),
}  # fmt: skip


def ways_to_read(name: str, header: Sequence[str], used: Collection[str]) -> list[dict[str, str]]:
    """The columns that may be a field, with those of the fields that go with it: a dict a way.

    `used` are columns of other fields. Case makes no difference where names stay different.
    """
    spelled = _without_case(header)
    if name in spelled:
        return [{name: spelled[name]}]
    free = {low: column for low, column in spelled.items() if column not in used}
    ways = [
        dict(zip(fields, (free[each] for each in names)))
        for fields, usual in _NAMES.items()
        if fields[0] == name
        for names in usual
        if all(each in free for each in names)
    ]
    return [way for way in ways if not _is_part_of_another(way, ways)]


def names_of(field: str) -> set[str]:
    """All that a field may be called, without case."""
    usual = {
        name
        for fields, groups in _NAMES.items()
        for names in groups
        for at, name in zip(fields, names)
        if at == field
    }
    return {field, *usual}


def _without_case(header: Iterable[str]) -> dict[str, str]:
    """Names without case -> names, those that stay unique."""
    counts = Counter(name.casefold() for name in header)
    return {name.casefold(): name for name in header if counts[name.casefold()] == 1}


def _is_part_of_another(way: Mapping[str, str], ways: Iterable[Mapping[str, str]]) -> bool:
    return any(len(way) < len(other) and way.items() <= other.items() for other in ways)
