"""A linear-chain CRF: the tags of a chain of words are chosen together, not one by one.

J. Lafferty, A. McCallum and F. Pereira 2001, on an encoder as in G. Lample et al. 2016, 2.2, with
their letters. P[i, y] is the emission of word i for label y, A[y, z] the transition from y to z;
for the words 1 … n of a chain

    s(y)     = A[start, y_1] + sum_i P[i, y_i] + sum_i A[y_i, y_i+1] + A[y_n, end]
    log p(y) = s(y) - log sum_y' exp s(y')

The scores of a window are its transitions above its emissions, one matrix of `labels` columns:

    row i, of the first `labels`    the transition from label i to each label
    the next row                    from the start of a sentence to each label
    the next row                    from each label to the end of a sentence
    then a row a token              the emissions

so that whoever holds the scores can decode them: no part of the model is needed for that.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from toolkit.heads.base import Encoded, Targets
from toolkit.heads.linear import TokenScorer
from toolkit.windows import IGNORED

# The score of what must not be: exp of it is 0 in float32, and all gradients stay finite, which
# they do not where a sum over paths holds nothing but infinities.
IMPOSSIBLE = -1e4


class CrfScorer(nn.Module):
    """Emissions from every token's vector, and one table of learned transitions.

    `legal` has the rows of the transitions above: whether each may be taken. Those that may not
    have no parameter that matters. The others begin at zero: `train.head_learning_rate` is what
    they need beside a pretrained encoder, whose own rate hardly moves them.
    """

    def __init__(self, width: int, legal: Sequence[Sequence[bool]], dropout: float = 0.1) -> None:
        super().__init__()
        num_labels = len(legal[0])
        self.emissions = TokenScorer(width, num_labels, dropout)
        self.transitions = nn.Parameter(torch.zeros(num_labels + 2, num_labels))
        self.illegal: Tensor
        self.register_buffer("illegal", ~torch.tensor(legal), persistent=False)

    def forward(self, encoded: Encoded) -> Tensor:
        """Scores (batch, labels + 2 + length, labels), in float32 under autocast too."""
        emissions = self.emissions(encoded)  # (batch, length, labels)
        rows = self.transitions.masked_fill(self.illegal, IMPOSSIBLE)  # (labels + 2, labels)
        rows = rows.expand(len(emissions), -1, -1)  # (batch, labels + 2, labels)
        return torch.cat((rows, emissions.to(rows.dtype)), dim=1)


def negative_log_likelihood(scores: Tensor, targets: Targets) -> tuple[Tensor, Tensor]:
    """Minus the summed log p of the gold, and the number of words that have gold.

    A window's chain is the words that it answers for, whatever their pieces. `words` (batch,
    length) is -100 but for their first pieces, where `labels` holds their gold. Of a word whose
    label is -100 every label is right: p is summed over them (Y. Tsuboi et al. 2008). `edges`
    (batch, 2) is 1 where the sentence begins, and ends, with the chain, and 0 where it was cut
    there: what stands in another window has no say.
    """
    num_labels = scores.shape[-1]
    transitions, emissions = scores[:, : num_labels + 2], scores[:, num_labels + 2 :]
    words = targets["words"] != IGNORED  # (batch, length)
    longest = max(1, int(words.sum(dim=1).max()))  # waits for the device, as the loss will
    order = words.int().argsort(dim=1, descending=True, stable=True)[:, :longest]
    words, labels = words.gather(1, order), targets["labels"].gather(1, order)  # (batch, longest)
    emissions = emissions.gather(1, order[..., None].expand(-1, -1, num_labels))
    # log p stays the same, and the two sums below stay small: their difference is exact
    emissions = emissions.log_softmax(dim=-1)  # (batch, longest, labels)
    known = labels != IGNORED  # (batch, longest)
    is_other = labels[..., None] != torch.arange(num_labels, device=labels.device)
    agreeing = emissions.masked_fill(known[..., None] & is_other, IMPOSSIBLE)
    both = torch.stack((emissions, agreeing))  # (2, batch, longest, labels)
    every_path, gold_path = log_sum_over_paths(transitions, both, words, targets["edges"])
    return (every_path - gold_path).sum(), known.sum()


def log_sum_over_paths(
    transitions: Tensor, emissions: Tensor, words: Tensor, edges: Tensor
) -> Tensor:
    """log sum_y exp s(y) of each chain, (…, batch), by the forward algorithm.

    Transitions (batch, labels + 2, labels), emissions (…, batch, length, labels), words (batch,
    length) true on the words of the chain, which come first, and edges as above.
    """
    between, start, end = transitions[:, :-2], transitions[:, -2], transitions[:, -1]
    first, *others = emissions.unbind(dim=-2)
    # sums[…, y]: log of the sum over the paths that have come to label y so far
    sums = start * edges[:, :1] + first  # (…, batch, labels)
    for emission, is_word in zip(others, words.unbind(dim=1)[1:], strict=True):
        onward = (sums[..., None] + between).logsumexp(dim=-2) + emission  # (…, batch, labels)
        sums = torch.where(is_word[:, None], onward, sums)
    return (sums + end * edges[:, 1:]).logsumexp(dim=-1)
