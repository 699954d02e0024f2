"""Examples of a class that a format makes, as the class that a task reads."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

from toolkit.data.fields import fields_of
from toolkit.errors import DataError


def check_class(made: type[Any], reads: type[Any], essential: Collection[str], source: str) -> None:
    """DataError where `reads` is no class that examples of the class `made` can fill."""
    if reads is made:
        return
    known = [field.name for field in fields_of(reads)]
    needed = [field.name for field in fields_of(reads) if field.required]
    if set(essential) <= set(known) and set(needed) <= set(made._fields):
        return
    raise DataError(
        f"{source}: this format gives {', '.join(essential)}, "
        f"and the task reads {reads.__name__} ({', '.join(known)}): set another data.format"
    )


def caster(reads: type[Any], made: type[Any]) -> Callable[[Any], Any]:
    """What makes an example of one class one of another, by the names of the fields."""
    if made is reads:
        return lambda example: example
    names = [name for name in reads._fields if name in made._fields]
    return lambda example: reads(**{name: getattr(example, name) for name in names})


def recast(examples: Sequence[Any], reads: type[Any]) -> list[Any]:
    """The examples as another class, by the names of the fields."""
    if not examples:
        return []
    return list(map(caster(reads, type(examples[0])), examples))
