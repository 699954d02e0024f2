"""The torch side of an encoder, as heads and the trainer know it."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from toolkit.dropout import Counter
from toolkit.heads.base import Encoded
from toolkit.heads.pooling import Pooling


class EncoderModule(nn.Module):
    """Tensors in, one vector a token and one a window out."""

    width: int  # of the vectors
    longest: int | None  # the most tokens it can read at once; None: no limit
    pooling: Pooling  # makes the summary; learns at the rate of the head
    is_padded: bool = True  # whether it computes padding too
    note: str | None = None  # what a user should know of how it reads, such as a fallback

    def __init__(self) -> None:
        super().__init__()
        self.counter = Counter()  # of dropout; the model that it is a part of puts in its own

    def word_embedding(self) -> nn.Embedding | None:
        """The table of which training may leave out the rows that no training window looks up."""
        return None

    def always_read(self) -> Sequence[int]:
        """Rows of that table that a window may look up without having them, such as the unknown."""
        return ()

    def lowerable(self) -> nn.Module | None:
        """The part whose weights may be in a smaller type while nothing is trained; None: none."""
        return None

    def parts(self) -> Sequence[nn.Module]:
        """Parts whose weights nobody needs but while they are called; none: all, at any time.

        Where processes share out weights, those of such a part are brought together for its calls.
        """
        return ()

    @abstractmethod
    def forward(self, batch: Mapping[str, Tensor], lengths: Sequence[int] | None = None) -> Encoded:
        """Read `input_ids` and `attention_mask`, both (batch, length), and what else it has.

        `lengths`, the tokens of each window, spares a GPU the wait for the mask.
        """
