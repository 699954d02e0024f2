"""A hidden Markov model: tags follow each other, and each brings forth its word.

L. Rabiner 1989, with first-order transitions. For the words w and tags t of a sentence

    p(t, w) = P(t_1 | start) * prod_i P(t_i+1 | t_i) * P(end | t_n) * prod_i P(w_i | t_i)

All counts are smoothed by one rule: the share of what was seen is drawn towards a more general
one, as if that had been seen `strength` times (D. MacKay and L. Bauman Peto 1995, 3),

    P(x | c) = (count(c, x) + strength * P(x | general c)) / (count(c) + strength)

Transitions are drawn towards how often a tag is seen at all. P(w | t) is P(t | w) P(w) / P(t):
P(w) is the same for every path and left out, and P(t | w) goes from the general to the word
itself: all rare words, those of its shape, those that also end in its last letter, its last two,
…, the word (suffixes after T. Brants 2000, 2.3). A new word only lacks the last of these.
Everything is computed with logarithms.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from toolkit.baselines.base import Baseline, Fitted, Predict
from toolkit.baselines.tagging import IMPOSSIBLE, WordTags, shape_of, tags_of
from toolkit.tasks.transitions import legal_transitions

if TYPE_CHECKING:
    import numpy as np

    from toolkit.examples import Tagged
    from toolkit.tasks.token_classification import Tags, TokenClassification

    Array = np.ndarray[Any, Any]

Natural = Annotated[int, Field(ge=0)]
MOST_KEPT = 100_000  # words whose emissions are kept for the next time


class Hmm(Baseline):
    """A hidden Markov model over words, decoded by Viterbi."""

    does = "tags words"
    tasks = ("token-classification",)

    strength: Annotated[float, Field(gt=0)] = 1.0  # of what is more general, as a number of words
    suffix: Natural = 4  # longest ending of a word that is looked at, in letters
    rare: Natural = 10  # a word with up to so many occurrences teaches what new words are like

    def learn(self, task: "TokenClassification", examples: "Sequence[Tagged]") -> Fitted:
        """How often words, forms of rare words and neighbours have tags. DataError without tags."""
        words, counts = WordTags.of(examples, task.labels)
        forms = self._forms(words, counts)
        facts = {"labels": list(task.labels), "words": words, "forms": forms.words}
        neighbours = neighbours_of(examples, task.labels)
        return Fitted({"words": counts, "forms": forms.counts, "neighbours": neighbours}, facts)

    def predictor(self, task: "TokenClassification", fitted: Fitted) -> Predict:
        """The best path; a tag's score is its probability over all paths."""
        emission = self.emissions(task, fitted)
        transitions = self.transitions(task, fitted)

        def tags(example: Any) -> "Tags":
            return tags_of([emission(word) for word in example.words], transitions, task.labels)

        return lambda examples: [tags(example) for example in examples]

    def transitions(self, task: "TokenClassification", fitted: Fitted) -> "Array":
        """The logarithms (labels + 2, labels) of P(label | left) with the rows of `chain`.

        What IOB2 does not allow is impossible, and the rest of a row makes 1 without it.
        """
        import numpy as np

        counts = fitted.arrays["neighbours"].astype(np.float64)  # (labels + start, labels + end)
        general = (counts.sum(axis=0) + 1) / (counts.sum() + counts.shape[1])
        shares = self._drawn(counts, general)
        legal = np.ones(shares.shape, dtype=bool)
        legal[:, :-1] = np.array(legal_transitions(task.labels))[:-1]
        shares = np.where(legal, shares, 0.0)
        with np.errstate(divide="ignore"):
            logs = np.log(shares / shares.sum(axis=1, keepdims=True))
        logs = np.maximum(logs, IMPOSSIBLE)
        return np.concatenate([logs[:, :-1], logs[None, :-1, -1]])

    def emissions(self, task: "TokenClassification", fitted: Fitted) -> "Callable[[str], Array]":
        """The function from a word to log P(label | word) - log P(label), (labels,)."""
        import numpy as np

        words, counts = WordTags.in_fitted(fitted, task.labels)
        forms, of_forms = fitted.facts["forms"], fitted.arrays["forms"]
        row_of_word = {word: row for row, word in enumerate(words)}
        row_of_form = {form: row for row, form in enumerate(forms)}
        total = counts.sum(axis=0)
        of_label = (total + 1) / (total.sum() + len(total))

        @lru_cache(maxsize=MOST_KEPT)
        def emission(word: str) -> "Array":
            shares = of_label
            for form in self.forms_of(word):
                row = row_of_form.get(form)
                if row is None:  # and so has nothing that is more special
                    break
                shares = self._drawn(of_forms[row], shares)
            row = row_of_word.get(word)
            if row is not None:
                shares = self._drawn(counts[row], shares)
            return np.asarray(np.log(shares) - np.log(of_label))

        return emission

    def forms_of(self, word: str) -> Iterator[str]:
        """What a new word may have in common with others, from the general to the special."""
        shape = shape_of(word)
        yield ""
        yield shape
        lower = word.lower()
        for length in range(1, min(self.suffix, len(lower)) + 1):
            yield f"{shape} {lower[-length:]}"

    def _drawn(self, counts: "Array", general: "Array") -> "Array":
        """Shares (…, kinds) of what was counted, drawn towards those that are more general."""
        drawn = counts + self.strength * general
        return drawn / (counts.sum(axis=-1, keepdims=True) + self.strength)  # type: ignore[no-any-return]

    def _forms(self, words: Sequence[str], counts: "Array") -> WordTags:
        """The forms of the rare words, and how often they have tags."""
        import numpy as np

        found: dict[str, Array] = {}
        for word, row in zip(words, counts, strict=True):
            if row.sum() <= self.rare:
                for form in self.forms_of(word):
                    found[form] = found[form] + row if form in found else row
        names = sorted(found)
        table = np.array([found[name] for name in names], dtype=np.int64)
        return WordTags(names, table.reshape(len(names), counts.shape[1]))


def neighbours_of(examples: "Sequence[Tagged]", labels: Sequence[str]) -> "Array":
    """How often a label stands after another: (labels + start, labels + end).

    A tag that is no label (`task.allow_unseen`) has no neighbours.
    """
    import numpy as np

    places: dict[str | None, int] = {label: place for place, label in enumerate(labels)}
    edge = len(labels)
    counts = np.zeros((edge + 1, edge + 1), dtype=np.int64)
    for example in examples:
        if example.tags:
            path = [edge, *(places.get(tag) for tag in example.tags), edge]
            for left, right in pairwise(path):
                if left is not None and right is not None:
                    counts[left, right] += 1
    return counts
