"""What a recipe says of the letters of words: features beside the vector of the whole word.

A word that the vocabulary lacks is spelled by the tokenizer, a token a letter, so that its letters
travel in the windows as every other token does; those of known words are known to the encoder.
"""

from typing import Annotated, Literal

from pydantic import Field

from toolkit.recipe.block import Block

Positive = Annotated[int, Field(ge=1)]


class Convolution(Block):
    """The strongest trace of each pattern of neighbouring letters (Ma and Hovy 2016)."""

    type: Literal["convolution"]  # how letters become features
    embedding: Positive = 30  # width of a letter's vector
    width: Positive = 30  # how many features
    window: Positive = 3  # letters of a pattern, an odd number

    def faults(self) -> list[tuple[str, str]]:
        """A window has a letter in its middle."""
        if self.window % 2:
            return []
        return [("window", f"found {self.window}, expected an odd number")]


class Recurrence(Block):
    """What an LSTM knows at either end of the word (Lample et al. 2016)."""

    type: Literal["recurrence"]  # how letters become features
    embedding: Positive = 25  # width of a letter's vector
    width: Positive = 50  # how many features, half of them from each direction

    def faults(self) -> list[tuple[str, str]]:
        """Both directions have a half."""
        if self.width % 2 == 0:
            return []
        return [("width", f"found {self.width}, expected an even number")]


Characters = Annotated[Convolution | Recurrence, Field(discriminator="type")]
