"""What a recipe says of a subword vocabulary that is learned from its own texts."""

from typing import Annotated, Literal

from pydantic import Field

from toolkit.recipe.block import Block


class Subwords(Block):
    """A vocabulary of pieces of words, learned from the training texts."""

    type: Literal["wordpiece", "bpe", "unigram"] = "wordpiece"  # BERT's, RoBERTa's, XLM-R's kind
    size: Annotated[int, Field(ge=300)] = 30_000  # entries at most, unless single letters are more
    lowercase: bool = False  # read all letters as small ones; wordpiece: without accents too
    min_count: Annotated[int, Field(ge=1)] = 2  # occurrences that make a pair one; not of unigram
