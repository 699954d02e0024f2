"""How long a window may be for a model: what the recipe asks for, within what the encoder has."""

from typing import Any, NamedTuple

from toolkit.encoders.base import Encoder
from toolkit.errors import RecipeError

MOST_BY_DEFAULT = 512  # tokens; longer windows cost memory by the square, so they are asked for


class WindowSize(NamedTuple):
    """The size of a model's windows, in tokens."""

    max_length: int
    overlap: int

    @classmethod
    def of(cls, encoder: Encoder, module: Any) -> "WindowSize":
        """RecipeError where the recipe asks for more positions than the encoder has."""
        longest: int | None = module.longest
        wanted = encoder.max_length
        if wanted is not None and longest is not None and wanted > longest:
            raise RecipeError(
                f"model.max_length: {wanted}, but the encoder has positions for {longest} tokens"
            )
        max_length = wanted or min(longest or MOST_BY_DEFAULT, MOST_BY_DEFAULT)
        return cls(max_length, int(max_length * encoder.overlap))
