"""Adapters of a recipe: small parts that are trained in the place of a frozen encoder."""

from typing import Annotated, Literal

from pydantic import Field

from toolkit.recipe.block import Block

Names = Annotated[tuple[str, ...], Field(min_length=1)]


class Lora(Block):
    """Low-rank updates beside the linear modules of each layer (Hu et al. 2021)."""

    type: Literal["lora"]  # which adapter
    rank: Annotated[int, Field(ge=1)] = 8  # of the two matrices whose product is the update
    alpha: Annotated[float, Field(gt=0)] = 16.0  # the update is multiplied by alpha / rank
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0  # on what the update reads
    targets: Names | None = None  # ends of module names; null: queries and values of the family


class Ia3(Block):
    """Vectors that rescale keys, values and feed-forward activations (Liu et al. 2022)."""

    type: Literal["ia3"]  # which adapter
    targets: Names | None = None  # ends of module names; null: those known for the family
    feedforward: tuple[str, ...] = ()  # those of targets whose input is rescaled, not their output

    def faults(self) -> list[tuple[str, str]]:
        """Only targets can be rescaled at their input."""
        odd = [name for name in self.feedforward if name not in (self.targets or ())]
        if not odd:
            return []
        return [("feedforward", f"found {odd[0]!r}, expected only names that are in targets")]


Adapter = Annotated[Lora | Ia3, Field(discriminator="type")]
