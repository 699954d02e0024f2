"""One matrix over the tokens, or over the summary, of what an encoder returns."""

from torch import Tensor, nn

from toolkit.heads.base import Encoded


class TokenScorer(nn.Module):
    """Scores (batch, length, labels) from every token's vector."""

    def __init__(self, width: int, num_labels: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(width, num_labels)

    def forward(self, encoded: Encoded) -> Tensor:
        """Scores (batch, length, labels)."""
        scores: Tensor = self.linear(self.dropout(encoded.tokens))
        return scores


class TextScorer(nn.Module):
    """Scores (batch, labels) from the summary of a window."""

    def __init__(self, width: int, num_labels: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(width, num_labels)

    def forward(self, encoded: Encoded) -> Tensor:
        """Scores (batch, labels)."""
        scores: Tensor = self.linear(self.dropout(encoded.summary))
        return scores
