"""A block of a recipe as the class that one of its keys names."""

from collections.abc import Collection

from toolkit.recipe.check import Checked, check
from toolkit.recipe.marks import Fault, Node, Place, shown
from toolkit.registry import BUILT_IN, SELECTOR, NoSuchClassError, look_up


def selected(name: str, node: Node, file: Place, allow_code: Collection[str]) -> Checked:
    """The block `name` as its class. `file` is where missing keys are missing."""
    key = SELECTOR[name]
    others = {other: child for other, child in node.value.items() if other != key}
    expected = f"expected {', '.join(BUILT_IN[name])} or your own package.module:Name"
    chosen = node.child(key)
    if chosen is None:
        return Checked(None, [Fault(file, (name, key), f"missing, {expected}")])
    if not isinstance(chosen.value, str):
        message = f"found {shown(chosen.plain())}, {expected}"
        return Checked(None, [Fault(chosen.place, (name, key), message)])
    try:
        cls = look_up(name, chosen.value, allow_code)
    except NoSuchClassError as error:
        return Checked(None, [Fault(chosen.place, (name, key), str(error))])
    return check(cls, node._replace(value=others), name, file)
