"""The torch side of an encoder, as heads and the trainer know it."""

from abc import abstractmethod
from collections.abc import Mapping

from torch import Tensor, nn

from toolkit.heads.base import Encoded
from toolkit.heads.pooling import Pooling


class EncoderModule(nn.Module):
    """Tensors in, one vector a token and one a window out."""

    width: int  # of the vectors
    longest: int | None  # the most tokens it can read at once; None: no limit
    pooling: Pooling  # makes the summary; learns at the rate of the head

    @abstractmethod
    def forward(self, batch: Mapping[str, Tensor]) -> Encoded:
        """Read `input_ids` and `attention_mask`, both (batch, length), and what else it has."""
