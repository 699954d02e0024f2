"""The answer that stands where the words of the question are: no learning but of common words.

The sliding-window baseline of P. Rajpurkar et al. 2016 (SQuAD, section 5.1), after M. Richardson
et al. 2013 (MCTest, algorithms 1 and 2). An answer is sought among candidates. The sentence of the
best one shares most words and neighbouring words with the question, the candidate left out; of
equals the best is that with the largest

    max_j sum_{i <= |S|} IC(P_{j+i}) [P_{j+i} in S] - d,    IC(w) = log(1 + 1 / count(w))

where P are the words of the sentence, S those of question and candidate, and d how far the
candidate's nearest word is from a word of the question, as a share of the sentence.

SQuAD's candidates are the constituents of a parser. There is none here: candidates are runs of
words without punctuation and without common words, common being what many training texts have.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from pydantic import Field

from toolkit.baselines.base import Baseline, Fitted, Predict
from toolkit.errors import DataError

if TYPE_CHECKING:
    from toolkit.examples import Question
    from toolkit.tasks.answer_spans import Found
    from toolkit.tasks.question_answering import QuestionAnswering

Share = Annotated[float, Field(gt=0, le=1)]
_WORD = re.compile(r"\w+(?:[.,'’-]\w+)*|[^\w\s]")
_END = re.compile(r"[.!?。！？]['\"”’)\]]*\s+(?=\W*[^\Wa-z_])|[。！？]|\n")
MOST_WORDS = 100  # of a sentence: a longer one is cut, or its candidates would take for ever


class Word(NamedTuple):
    """A word of a context."""

    lower: str
    start: int  # its first character
    end: int  # behind its last

    @property
    def is_sign(self) -> bool:
        """Whether it is punctuation."""
        return not any(each.isalnum() for each in self.lower)


class SlidingWindow(Baseline):
    """The candidate whose surroundings share most words with the question."""

    does = "answers questions"
    tasks = ("question-answering",)
    reads = ("task.n_best",)

    common: Share = 0.01  # of the training texts: a word that so many have is in no candidate
    longest: Annotated[int, Field(ge=1)] = 6  # words of a candidate
    distance: bool = True  # the second of Richardson's algorithms, too

    def learn(self, task: "QuestionAnswering", examples: "Sequence[Question]") -> Fitted:
        """The common words, and the share of the texts that have each."""
        import numpy as np

        texts = [text for each in examples for text in (each.question, each.context)]
        texts = list(dict.fromkeys(texts))  # many questions are about one context
        counts = Counter(name for text in texts for name in {each.lower for each in words_of(text)})
        if not counts:
            raise DataError("data.train: holds no word")
        shares = {name: number / len(texts) for name, number in counts.items()}
        common = sorted(name for name, share in shares.items() if share >= self.common)
        arrays = {"shares": np.array([shares[name] for name in common], dtype=np.float64)}
        return Fitted(arrays, {"common": common})

    def predictor(self, task: "QuestionAnswering", fitted: Fitted) -> Predict:
        """The task's choice among the best candidates; that there is none has the score 0."""
        common = frozenset(fitted.facts["common"])

        def answer(example: Any) -> Any:
            return task.chosen(example, self.found(example, common, task.n_best), 0.0)

        return lambda examples: [answer(example) for example in examples]

    def found(self, example: "Question", common: frozenset[str], most: int) -> "list[Found]":
        """The best candidates, at most `most`; the score is what they share of the question.

        It is between 0 and about 1: the share of the question's words and neighbouring words that
        stand in the sentence. What the window adds decides between equals only.
        """
        from toolkit.tasks.answer_spans import Found

        asked = Asked.of(example.question)
        words = words_of(example.context)
        counts = Counter(each.lower for each in words)
        weights = {name: math.log(1 + 1 / count) for name, count in counts.items()}
        ranked = []
        for sentence in sentences_of(example.context, words):
            nearby = Nearby(sentence, asked, weights, common)
            for first, last in candidates_in(sentence, common, self.longest):
                value = nearby.window(first, last)
                value -= nearby.distance(first, last) if self.distance else 0.0
                place = sentence[first].start, sentence[last].end
                ranked.append((-nearby.overlap(first, last), -value, *place))
        ranked.sort()
        widest = max((-value for _, value, _, _ in ranked), default=0.0)
        return [
            # the window's value, at least -1, as less than one word
            Found(start, end, (-shared + (1 - value) / (widest + 2)) / asked.size)
            for shared, value, start, end in ranked[:most]
        ]


class Asked(NamedTuple):
    """The words of a question and those that stand beside each other."""

    words: frozenset[str]
    pairs: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, question: str) -> "Asked":
        """Without punctuation."""
        words = [each.lower for each in words_of(question) if not each.is_sign]
        return cls(frozenset(words), frozenset(pairwise(words)))

    @property
    def size(self) -> int:
        """How many there are, one at least."""
        return max(1, len(self.words) + len(self.pairs))


class Nearby:
    """A sentence, seen from a question: what stands beside the candidates in it."""

    def __init__(
        self,
        sentence: Sequence[Word],
        asked: Asked,
        weights: dict[str, float],
        common: frozenset[str],
    ) -> None:
        self.names = [each.lower for each in sentence]
        self.asked = asked
        self.weights = [0.0 if each.is_sign else weights[each.lower] for each in sentence]
        self.asks = [
            at for at, name in enumerate(self.names) if name in asked.words and name not in common
        ]

    def overlap(self, first: int, last: int) -> int:
        """The words and neighbours that sentence and question share, the candidate left out."""
        left, right = self.names[:first], self.names[last + 1 :]
        words = self.asked.words.intersection(left).union(self.asked.words.intersection(right))
        pairs = self.asked.pairs.intersection([*pairwise(left), *pairwise(right)])
        return len(words) + len(pairs)

    def window(self, first: int, last: int) -> float:
        """The largest sum of weights in a window as long as question and candidate have words."""
        known = self.asked.words.union(self.names[first : last + 1])
        values = (
            weight if name in known else 0.0
            for name, weight in zip(self.names, self.weights, strict=True)
        )
        sums = list(accumulate(values, initial=0.0))
        size = len(known)
        return max(
            sums[min(start + size, len(sums) - 1)] - sums[start] for start in range(len(sums))
        )

    def distance(self, first: int, last: int) -> float:
        """How far the candidate is from a word of the question, in [0, 1]; 1 without any."""
        answers = [at for at in range(first, last + 1) if self.names[at] not in self.asked.words]
        asks = [at for at in self.asks if not first <= at <= last]
        apart = [abs(at - other) for at in asks for other in answers]
        return min(apart) / max(1, len(self.names) - 1) if apart else 1.0


def words_of(text: str) -> list[Word]:
    """The words and signs of a text."""
    return [Word(each[0].lower(), each.start(), each.end()) for each in _WORD.finditer(text)]


def sentences_of(context: str, words: Sequence[Word]) -> Iterator[list[Word]]:
    """The words sentence by sentence: one ends where a sign ends it and a capital follows."""
    ends = [each.end() for each in _END.finditer(context)] + [len(context)]
    at = 0
    for end in ends:
        sentence = []
        while at < len(words) and words[at].start < end:
            sentence.append(words[at])
            at += 1
        for start in range(0, len(sentence), MOST_WORDS):
            yield sentence[start : start + MOST_WORDS]


def candidates_in(
    sentence: Sequence[Word], common: frozenset[str], longest: int
) -> Iterator[tuple[int, int]]:
    """The first and last word of each run of up to `longest` words, none a sign or common."""
    run = 0  # words up to here that may be of a candidate
    for last, word in enumerate(sentence):
        run = 0 if word.is_sign or word.lower in common else run + 1
        for length in range(1, min(run, longest) + 1):
            yield last - length + 1, last
