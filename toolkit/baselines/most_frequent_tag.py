"""Each word has the tag that it had most often, whatever stands beside it.

The first baseline of every text on tagging (E. Charniak et al. 1993, "Equations for Part-of-Speech
Tagging": about 90 % of English words come out right).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from toolkit.baselines.base import Baseline, Fitted, Predict
from toolkit.baselines.tagging import WordTags
from toolkit.tasks.token_classification import Tags

if TYPE_CHECKING:
    from toolkit.examples import Tagged
    from toolkit.tasks.token_classification import TokenClassification


class MostFrequentTag(Baseline):
    """Each word's most frequent tag; of a new word, that of the words that were seen once.

    Of equally frequent tags the first of the task's labels is taken.
    """

    does = "tags words"
    tasks = ("token-classification",)

    def learn(self, task: "TokenClassification", examples: "Sequence[Tagged]") -> Fitted:
        """How often each word has each tag. DataError where no word has one."""
        words, counts = WordTags.of(examples, task.labels)
        facts = {"labels": list(task.labels), "words": words}
        return Fitted({"words": counts}, facts)

    def predictor(self, task: "TokenClassification", fitted: Fitted) -> Predict:
        """A tag's score is its share among the occurrences of the word."""
        import numpy as np

        words, counts = WordTags.in_fitted(fitted, task.labels)
        totals = counts.sum(axis=1)
        best, certain = counts.argmax(axis=1).tolist(), (counts.max(axis=1) / totals).tolist()
        table = dict(zip(words, zip(best, certain, strict=True), strict=True))
        once = counts[totals == 1].sum(axis=0)
        new = once if once.any() else counts.sum(axis=0)
        of_new = int(np.argmax(new)), float(new.max() / new.sum())

        def tags(example: Any) -> Tags:
            found = [table.get(word, of_new) for word in example.words]
            return Tags(
                tuple(task.labels[place] for place, _ in found),
                tuple(share for _, share in found),
            )

        return lambda examples: [tags(example) for example in examples]
