"""What stood where tokens are hidden: scores over the vocabulary, kept small.

Scores are computed where something is hidden and nowhere else: with 15 % of the tokens hidden,
a vocabulary of 30,000 would cost more than the layers of a small encoder otherwise. What leaves
the head is not the scores over the vocabulary but a few numbers a token.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from toolkit.heads.base import Encoded, Output, Targets
from toolkit.windows import IGNORED

MOST_ROWS = 1024  # tokens whose scores over the vocabulary are held at once, in evaluation


class _Asked(NamedTuple):
    vectors: Tensor  # (tokens, width)
    labels: Tensor | None  # (tokens,)


class MaskedHead(nn.Module):
    """A scorer over the vocabulary, a token each; `num_best` is how many entries are named.

    Scores are (batch, length, 2 * num_best + 1): the best entries, their log-probabilities, and
    the log-probability of the gold; 0 where nothing was asked. Without targets every token is
    asked. In training, where nobody reads them, they have no columns.
    """

    def __init__(self, scorer: nn.Module, num_best: int) -> None:
        super().__init__()
        self.scorer = scorer
        self.num_best = num_best

    def forward(self, encoded: Encoded, targets: Targets | None = None) -> Output:
        """Score what is hidden; the loss is the summed cross-entropy, in nats."""
        labels = None if targets is None else targets["labels"]  # (batch, length)
        asked = encoded.mask if labels is None else labels != IGNORED
        vectors = encoded.tokens[asked]  # (tokens, width)
        gold = None if labels is None else labels[asked]  # (tokens,)
        if self.training and gold is not None:
            loss = functional.cross_entropy(self._over_vocabulary(vectors), gold, reduction="sum")
            return Output(encoded.tokens[..., :0], loss, asked.sum())
        columns = [self._summary(part) for part in _parts(_Asked(vectors, gold))]
        scores = vectors.new_zeros((*asked.shape, 2 * self.num_best + 1), dtype=torch.float32)
        scores[asked] = torch.cat(columns)
        if gold is None:
            return Output(scores)
        return Output(scores, -scores[..., -1].sum(), asked.sum())

    def _summary(self, asked: _Asked) -> Tensor:
        """(tokens, 2 * num_best + 1) of some tokens."""
        logs = self._over_vocabulary(asked.vectors).log_softmax(dim=-1)  # (tokens, vocabulary)
        best = logs.topk(self.num_best, dim=-1)
        if asked.labels is None:
            known = logs.new_zeros((len(logs), 1))
        else:
            known = logs.gather(1, asked.labels[:, None])  # (tokens, 1)
        # a float32 tells entries apart up to 16,777,216
        return torch.cat((best.indices.to(logs.dtype), best.values, known), dim=1)

    def _over_vocabulary(self, vectors: Tensor) -> Tensor:
        """Scores (tokens, vocabulary) in float32, of the tokens as if they were one text."""
        text = vectors[None]  # (1, tokens, width)
        mask = torch.ones(text.shape[:2], dtype=torch.bool, device=text.device)
        scores: Tensor = self.scorer(Encoded(text, mask, text[:, :0].sum(1)))
        return scores[0].float()


def _parts(asked: _Asked) -> Iterator[_Asked]:
    for start in range(0, max(1, len(asked.vectors)), MOST_ROWS):
        part = slice(start, start + MOST_ROWS)
        yield _Asked(asked.vectors[part], None if asked.labels is None else asked.labels[part])
