"""A part of the training examples, as learning curves need them: nested, and like the whole.

Which examples are taken depends on their texts, their labels and a seed, and not on how many are
taken: a smaller part lies within every larger one of the same seed. Each label has its share.
"""

import hashlib
from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import Field

from toolkit.data.split import text_of
from toolkit.errors import DataError
from toolkit.recipe.block import Block


class Take(Block):
    """How many of the training examples are learned from, and which."""

    examples: Annotated[int, Field(ge=1)]  # so many; a smaller number takes some of the same
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 1  # another one takes others


def chosen(examples: Iterable[Any], take: Take) -> frozenset[int]:
    """The places of the examples that are taken; DataError where there are not so many.

    Within its label an example's rank follows from a hash of its text; systematic sampling with a
    random start for each label (Madow 1949) gives every prefix its share of each.
    """
    strata: dict[Any, list[tuple[bytes, int]]] = {}
    number = 0
    for number, example in enumerate(examples, 1):
        place = number - 1
        key = _hash(take.seed, text_of(example), str(place))
        strata.setdefault(_stratum(example), []).append((key, place))
    if number < take.examples:
        raise DataError(f"data.take.examples: found {take.examples:,}, but train has {number:,}")
    order = []
    for stratum, members in strata.items():
        start = int.from_bytes(_hash(take.seed, repr(stratum)), "big") / 2**64
        for rank, (key, place) in enumerate(sorted(members)):
            order.append(((rank + start) / len(members), key, place))
    return frozenset(place for *_, place in sorted(order)[: take.examples])


def _stratum(example: Any) -> Any:
    """What examples are alike in: their label, or the kinds of what is tagged or answered."""
    label = getattr(example, "label", None)
    if isinstance(label, tuple):
        return tuple(sorted(label))
    if isinstance(label, str):
        return label
    tags = getattr(example, "tags", None)
    if tags is not None:
        return tuple(sorted({tag.partition("-")[2] for tag in tags}))
    answers = getattr(example, "answers", None)
    return None if answers is None else bool(answers)


def _hash(seed: int, *texts: str) -> bytes:
    data = "\0".join([str(seed), *texts]).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(data, digest_size=8).digest()
