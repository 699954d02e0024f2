"""From the letters of words to features, the torch side of `characters`.

With e_t the vector of a word's t-th letter, and e of its edge beyond the first and the last one:

    convolution   max over t of W [e_t-1; e_t; e_t+1] + b
                  X. Ma and E. Hovy, "End-to-end Sequence Labeling via Bi-directional
                  LSTM-CNNs-CRF", ACL 2016
    recurrence    [h of the last letter, read forwards; h of the first one, read backwards]
                  G. Lample et al., "Neural Architectures for Named Entity Recognition", 2016
"""

import math

import torch
from torch import Tensor, nn

from toolkit.encoders.characters import Convolution, Recurrence
from toolkit.encoders.lstm import LstmStack
from toolkit.encoders.packing import packing_of
from toolkit.encoders.spelling import Letters
from toolkit.heads.pooling import Pooling


class CharacterModule(nn.Module):
    """Letters to features, each different word of a batch once."""

    def __init__(self, shape: Convolution | Recurrence, num_letters: int) -> None:
        super().__init__()
        self.width = shape.width
        self.edge = num_letters  # the entry behind the letters
        self.embedding = nn.Embedding(num_letters + 1, shape.embedding)
        bound = math.sqrt(3 / shape.embedding)  # as of words
        nn.init.uniform_(self.embedding.weight, -bound, bound)
        self.reader = _Patterns(shape) if isinstance(shape, Convolution) else _Ends(shape)

    def forward(self, letters: Letters) -> Tensor:
        """(tokens, width)."""
        features = self.reader(letters, self.embedding, self.edge)  # (rows, width)
        return torch.index_select(features, 0, letters.rows)


class _Patterns(nn.Module):
    def __init__(self, shape: Convolution) -> None:
        super().__init__()
        self.window = shape.window
        self.pattern = nn.Linear(shape.window * shape.embedding, shape.width)  # W, b

    def forward(self, letters: Letters, embedding: nn.Embedding, edge: int) -> Tensor:
        """(rows, width)."""
        numbers = letters.numbers.masked_fill(~letters.real, edge)
        beyond = self.window // 2
        numbers = nn.functional.pad(numbers, (beyond, beyond), value=edge)
        seen = numbers.unfold(1, self.window, 1)[letters.real]  # (letters, window)
        traces = self.pattern(embedding(seen).flatten(1))  # (letters, width)
        row = letters.real.nonzero()[:, :1].expand_as(traces)
        features = traces.new_zeros(len(letters.real), traces.shape[1])
        return torch.scatter_reduce(features, 0, row, traces, "amax", include_self=False)


class _Ends(nn.Module):
    def __init__(self, shape: Recurrence) -> None:
        super().__init__()
        half = shape.width // 2
        self.lstm = LstmStack(shape.embedding, half)
        self.ends = Pooling("last", shape.width, backward=half)

    def forward(self, letters: Letters, embedding: nn.Embedding, edge: int) -> Tensor:
        """(rows, width)."""
        packing = packing_of(letters.real)
        numbers = packing.pack(letters.numbers[..., None])[:, 0]  # (letters,)
        states = packing.unpack(self.lstm.read(embedding(numbers), packing))
        features: Tensor = self.ends(states, letters.real)
        return features
