"""What every class that a recipe names derives from: typed, frozen, no key too many."""

from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict

LEARNED = "learned"
_T = TypeVar("_T")
# A field that a run fills in where the recipe leaves it null, auto or empty: a stored run and a
# recipe that differ in nothing else are the same run. (Of a task, every field is one.)
Learned = Annotated[_T, LEARNED]


class Block(BaseModel):
    """A block of a recipe: its fields are exactly its keys.

    The comment behind a field is its documentation, here and in the JSON Schema. What is known
    only while running (tokenizer, width, device, examples) arrives as a method's argument.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        protected_namespaces=(),
        validate_default=False,
    )

    def faults(self) -> list[tuple[str, str]]:
        """What is wrong between fields, as (key, message): a pass of its own after the types."""
        return []
