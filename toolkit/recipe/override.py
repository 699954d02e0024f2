"""`train.epochs=5`: one key of a recipe set from outside, its value read by the strict YAML too."""

from typing import NamedTuple

from toolkit.recipe.marks import Fault, KeyPath, Node, Place, shortened
from toolkit.recipe.strict_yaml import DEEPEST, read
from toolkit.registry import SELECTOR


class Override(NamedTuple):
    """A value and the key that it is for."""

    path: KeyPath  # empty where the text names none
    node: Node
    faults: list[Fault]

    @property
    def selects(self) -> bool:
        """Whether it names the class of a block."""
        return len(self.path) == 2 and SELECTOR.get(str(self.path[0])) == self.path[1]


def parse_override(text: str) -> Override:
    """What `key=value` says."""
    place = Place(f"override {shortened(text)}")
    key, equals, value = text.partition("=")
    path = tuple(key.strip().split("."))
    if not equals or not all(path) or len(path) > DEEPEST:
        fault = Fault(place, (), "expected key=value, such as train.epochs=5")
        return Override((), Node(None, place), [fault])
    root, faults = read(value, place.source, has_lines=False)
    node = root or Node(None, place)
    return Override(
        path,
        node._replace(key=place),
        [fault._replace(path=(*path, *fault.path), final=True) for fault in faults],
    )
