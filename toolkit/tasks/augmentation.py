"""Changed copies of texts, for a teacher to say what they are: R. Tang et al. 2019, section 3.2.

Of each copy, every word is hidden with one probability; then, with another, all of the copy but an
n-gram of 1 to 5 words is left out. Of a pair of texts, copies change the first, the second and both
in turn. The paper's third rule, another word of the same part of speech in the place of a word, is
left out: it needs a tagger. Words are what stands between white space.
"""

import random

from toolkit.recipe.distill import Distill

LONGEST = 5  # words of an n-gram


def changed(text: str, settings: Distill, mask: str, generator: random.Random) -> str:
    """One changed copy of a text; what is drawn does not depend on `mask`."""
    words = [mask if generator.random() < settings.mask else word for word in text.split()]
    number, place = generator.randint(1, LONGEST), generator.random()
    if generator.random() < settings.ngram and len(words) > number:
        start = int(place * (len(words) - number + 1))
        words = words[start : start + number]
    return " ".join(words)


def changed_parts(
    parts: list[str], copy: int, settings: Distill, mask: str, generator: random.Random
) -> list[str]:
    """The texts of an example, one or two, as its copy of that number has them."""
    chosen = range(len(parts)) if copy % 3 == 2 else [copy % 3 % len(parts)]
    return [
        changed(part, settings, mask, generator) if place in chosen else part
        for place, part in enumerate(parts)
    ]
