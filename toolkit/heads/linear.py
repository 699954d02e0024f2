"""One matrix over the tokens, or over the summary, of what an encoder returns."""

from torch import Tensor, nn

from toolkit.heads.base import Encoded


class _Linear(nn.Module):
    """Dropout, then one matrix over vectors of `width`."""

    def __init__(self, width: int, num_labels: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(width, num_labels)

    def scores(self, vectors: Tensor) -> Tensor:
        """Scores (…, labels) of vectors (…, width)."""
        scores: Tensor = self.linear(self.dropout(vectors))
        return scores


class TokenScorer(_Linear):
    """Scores (batch, length, labels) from every token's vector."""

    def forward(self, encoded: Encoded) -> Tensor:
        """Scores (batch, length, labels)."""
        return self.scores(encoded.tokens)


class TextScorer(_Linear):
    """Scores (batch, labels) from the summary of a window."""

    def forward(self, encoded: Encoded) -> Tensor:
        """Scores (batch, labels)."""
        return self.scores(encoded.summary)
