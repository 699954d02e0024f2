"""What a word and its neighbours look like, as the names of features.

The usual ones of named entity recognisers before there were networks: words, endings and
beginnings, shapes, in a window around the word (after E. Tjong Kim Sang and F. De Meulder 2003,
table 1, and the example of CRFsuite).
"""

from collections.abc import Iterator, Sequence

from toolkit.baselines.tagging import shape_of

BEFORE, BEHIND = "\x02", "\x03"  # what stands beside the ends of a sentence
LONGEST_AFFIX = 4
WINDOW = 2  # words to either side


class Looks:
    """What one word looks like by itself."""

    def __init__(self, word: str) -> None:
        self.word = word
        self.lower = word.lower()
        self.shape = shape_of(word)
        self.long_shape = shape_of(word, is_short=False)

    def alone(self) -> Iterator[str]:
        """The features of the word in its own place."""
        yield f"word={self.word}"
        yield f"long={self.long_shape}"
        for length in range(1, LONGEST_AFFIX + 1):
            if length < len(self.lower):
                yield f"begins={self.lower[:length]}"
                yield f"ends={self.lower[-length:]}"
        if "-" in self.word[1:-1]:
            yield "hyphen"


def features_of(words: Sequence[str]) -> list[list[str]]:
    """The features of each word of a sentence; none twice."""
    looks = [Looks(word) for word in words]
    lowers = [BEFORE] * WINDOW + [each.lower for each in looks] + [BEHIND] * WINDOW
    shapes = [BEFORE] * WINDOW + [each.shape for each in looks] + [BEHIND] * WINDOW
    found = []
    for at, each in enumerate(looks):
        names = ["bias", *each.alone()]
        here = at + WINDOW
        for offset in range(-WINDOW, WINDOW + 1):
            names.append(f"lower[{offset}]={lowers[here + offset]}")
            names.append(f"shape[{offset}]={shapes[here + offset]}")
        for offset in (-1, 0):
            left, right = here + offset, here + offset + 1
            names.append(f"lower[{offset},{offset + 1}]={lowers[left]} {lowers[right]}")
            names.append(f"shape[{offset},{offset + 1}]={shapes[left]} {shapes[right]}")
        names.append(f"shape[-1,0,1]={shapes[here - 1]} {shapes[here]} {shapes[here + 1]}")
        found.append(names)
    return found
