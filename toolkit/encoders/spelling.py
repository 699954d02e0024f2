"""Words as letters: of known words from the vocabulary, of others from the tokens that spell them.

A tokenizer that spells (`learn_backend(…, spell=True)`) has, behind its words, an entry for each
letter inside a word and one for each letter that begins one: `qux`, where it is not known, is
`q ‿u ‿x`. A token that continues a word is no step of its own; it belongs to the first one.
"""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from toolkit.encoders.packing import Rows
from toolkit.encoders.word_tokenizer import INSIDE, is_sign

NONE = 0  # the letter of what has none, such as [CLS]


class Letters(NamedTuple):
    """Words as rows of letters; words that are equal may share a row."""

    numbers: Tensor  # (rows, longest), of letters
    real: Tensor  # (rows, longest), true where there is one: one at least in each row
    rows: Tensor  # (tokens,), of a token: its row


class Spelling(nn.Module):
    """The letters of every entry of a vocabulary. It has no parameters."""

    begins: Tensor  # (entries + 1,), of an entry: its first letter in `letters`
    letters: Tensor

    def __init__(self, vocabulary: Mapping[str, int], first_word: int) -> None:
        super().__init__()
        entries = sorted(vocabulary, key=vocabulary.__getitem__)
        inside = [entry for entry in entries if _is_inside(entry)]
        number_of = {entry[1]: number for number, entry in enumerate(inside, NONE + 1)}
        self.num_letters = len(inside) + 1
        self.first_word = first_word
        self.first_letter = vocabulary[inside[0]]  # entries from here on are no words
        self.first_initial = self.first_letter + len(inside)  # and from here on begin one
        letters = [entry[1] if _is_inside(entry) else entry for entry in entries]
        spelled = [
            [NONE] if is_sign(entry) else [number_of[each] for each in letters[number]]
            for number, entry in enumerate(entries)
        ]
        sizes = torch.tensor([0, *(len(each) for each in spelled)])
        flat = torch.tensor([number for each in spelled for number in each])
        self.register_buffer("begins", sizes.cumsum(0), persistent=False)
        self.register_buffer("letters", flat, persistent=False)

    def continues(self, ids: Tensor, mask: Tensor) -> Tensor:
        """(batch, length): true where a token continues the word of the token before it.

        At the beginning of a window, behind a special token, a letter inside a word begins one.
        """
        inside = mask & (ids >= self.first_letter) & (ids < self.first_initial)
        inside[:, 1:] &= ids[:, :-1] >= self.first_word
        inside[:, 0] = False
        return inside

    def forward(self, ids: Tensor, continues: Tensor, order: Rows) -> tuple[Letters, Tensor]:
        """The letters of the words of a batch, and which of them are spelled, (tokens,).

        `ids` and `continues` are (batch, length), and `order` says where words begin.
        """
        tokens_of = ends_of(continues) - places_behind(continues) + 1  # (batch, length)
        words, sizes = order.pack(ids), order.pack(tokens_of)  # (tokens,) each
        spelled = (words >= self.first_letter) | (sizes > 1)
        known, rows = torch.unique(words[~spelled], return_inverse=True)
        of_tokens = len(known) - 1 + spelled.cumsum(0)  # behind the known ones, a row each
        of_tokens[~spelled] = rows
        counts = torch.cat((self.begins[known + 1] - self.begins[known], sizes[spelled]))
        across = torch.arange(int(counts.max()), device=ids.device)  # (longest,)
        real = across < counts[:, None]  # (rows, longest)
        of_known = (self.begins[known][:, None] + across).clamp(max=len(self.letters) - 1)
        tokens = (order.source[spelled][:, None] + across).clamp(max=ids.numel() - 1)
        of_spelled = self.begins[ids.flatten()[tokens]]  # of each token its one letter
        numbers = self.letters[torch.cat((of_known, of_spelled))]
        return Letters(numbers, real, of_tokens), spelled


def starts_of(continues: Tensor) -> Tensor:
    """(batch, length): the place at which the word of each token begins."""
    places = places_behind(continues) - 1
    return places.masked_fill(continues, 0).cummax(dim=1).values


def ends_of(continues: Tensor) -> Tensor:
    """(batch, length): the place behind the last token that continues each one."""
    goes_on = torch.zeros_like(continues)
    goes_on[:, :-1] = continues[:, 1:]
    stops = places_behind(continues).masked_fill(goes_on, continues.shape[1])
    return stops.flip(1).cummin(dim=1).values.flip(1)


def places_behind(like: Tensor) -> Tensor:
    """(batch, length): 1, 2, … in each row, the place behind each token."""
    return torch.arange(1, like.shape[1] + 1, device=like.device).expand_as(like)


def _is_inside(entry: str) -> bool:
    return len(entry) == 2 and entry.startswith(INSIDE)
