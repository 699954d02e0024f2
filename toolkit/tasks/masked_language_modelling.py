"""Masked-language modelling: what stood where tokens of a text are hidden.

Everything about the task is here and in `masking`, which hides tokens and packs documents. Texts
are their own gold. A passage is scored by masks that follow from its text alone, so that scores
can be compared; in training other tokens are hidden at every step.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, Self

from pydantic import Field

from toolkit.cases import Case, plain_case
from toolkit.examples import Document
from toolkit.heads.standard import StandardHead
from toolkit.metrics.masked import masked_scores, unigram_entropy
from toolkit.metrics.score import Score
from toolkit.tasks.base import Packed, Task
from toolkit.tasks.tag_cases import compared
from toolkit.windows import IGNORED, Window, frame_of, owners_of, ranges_of

if TYPE_CHECKING:
    import numpy as np
    from torch import nn
    from transformers import PreTrainedTokenizerFast

    from toolkit.tasks.masking import Masking, Passage, Vocabulary

Share = Annotated[float, Field(ge=0, le=1)]


class Filling(NamedTuple):
    """What may have stood at a hidden place, the likeliest first."""

    pieces: tuple[str, ...]
    scores: tuple[float, ...]  # the probability of each, in [0, 1]


class Filled(NamedTuple):
    """The prediction for a passage or text: a filling for each hidden place, in order."""

    fillings: tuple[Filling, ...]
    mask: str  # how the text writes what is hidden
    log_likelihood: tuple[float, ...] | None = None  # of the gold at each place; None: no gold
    ranks: tuple[int | None, ...] | None = None  # of the gold among a place's fillings, from 0


class MaskedLanguageModelling(Task):
    """The words of a text, from the others. Defaults are BERT's (Devlin et al. 2019)."""

    mask: Annotated[float, Field(gt=0, lt=1)] = 0.15  # the share of the tokens that is hidden
    replaced: Share = 0.8  # of the hidden ones, read as the mask
    random: Share = 0.1  # of the hidden ones, read as a token drawn from all; the rest as it is
    whole_words: bool = False  # hide all pieces of a word together
    across_documents: bool = True  # a window runs on into the next one; false: it ends there
    best: Annotated[int, Field(ge=1)] = 5  # how many fillings of a place are named
    vocabulary: Annotated[int, Field(ge=1)] | None = None  # entries; learned from the tokenizer

    reads = Document
    metric = "log_likelihood"
    sample = "texts"

    def faults(self) -> list[tuple[str, str]]:
        """Faults between fields."""
        if self.replaced + self.random > 1:
            message = f"found {self.random:g}, expected at most 1 together with replaced"
            return [("random", message)]
        return []

    def learn(self, examples: Iterable[Document]) -> Self:
        """Itself: texts say nothing that is no weight."""
        return self

    def learn_vocabulary(self, tokenizer: "PreTrainedTokenizerFast") -> Self:
        """With the number of entries that there are scores for."""
        from toolkit.tasks.masking import vocabulary_of

        vocabulary_of(tokenizer)  # has a mask
        return self.model_copy(update={"vocabulary": len(tokenizer)})

    def texts(self, example: "Document | Passage") -> list[str]:
        """The text; a passage has become tokens already."""
        return [example.text] if isinstance(example, Document) else []

    def pack(
        self,
        examples: "Sequence[Document | Passage]",
        tokenizer: "PreTrainedTokenizerFast",
        max_length: int,
    ) -> Packed:
        """Passages of at most `max_length` tokens: each token of the texts is in one of them."""
        from toolkit.tasks import masking

        documents = [example for example in examples if isinstance(example, Document)]
        if len(documents) != len(examples):
            return Packed(examples)
        vocabulary = masking.vocabulary_of(tokenizer)
        texts = (document.text for document in documents)
        cut = masking.passages_of(tokenizer, texts, max_length, across=self.across_documents)
        passages = []
        for passage in cut:
            seed = masking.fixed_seed(passage.tokens)
            hidden = self._masking.hide(passage, vocabulary, seed)
            gold = tuple(vocabulary.names[number] for number in hidden.tokens[hidden.hidden])
            passages.append(hidden._replace(gold=gold))
        num_tokens = sum(int((passage.words >= 0).sum()) for passage in passages)
        num_hidden = sum(len(passage.hidden) for passage in passages)
        how = "packed into" if self.across_documents else "cut into"
        return Packed(
            passages,
            f"{len(documents):,} documents of {num_tokens:,} tokens {how} {len(passages):,} "
            f"windows, {num_hidden:,} tokens hidden where they are scored",
        )

    def windows(
        self,
        example: "Document | Passage",
        tokenizer: "PreTrainedTokenizerFast",
        max_length: int,
        overlap: int,
    ) -> list[Window]:
        """The window of a passage, or those of a text that says itself what is hidden."""
        from toolkit.tasks.masking import vocabulary_of

        vocabulary = vocabulary_of(tokenizer)
        if not isinstance(example, Document):
            return [_window(example, vocabulary)]
        return _open_windows(example.text, tokenizer, max_length, overlap, vocabulary)

    def vary(self, window: Window, tokenizer: "PreTrainedTokenizerFast", seed: int) -> Window:
        """The window with other tokens hidden."""
        vocabulary, _, passage = window.where
        return _window(self._masking.hide(passage, vocabulary, seed), vocabulary)

    def head(self, width: int) -> "nn.Module":
        """A linear layer over the vocabulary, for an encoder that brings no head of its own."""
        from toolkit.heads.linear import TokenScorer
        from toolkit.heads.masked import MaskedHead

        assert self.vocabulary is not None, "learn_vocabulary comes before the head"
        best = min(self.best, self.vocabulary)
        return MaskedHead(TokenScorer(width, self.vocabulary, dropout=0.0), best)

    def standard_head(self) -> StandardHead:
        """The families' own, over their embeddings."""
        return StandardHead("AutoModelForMaskedLM", (), comes_along=True)

    def decode(
        self,
        example: "Document | Passage",
        windows: Sequence[Window],
        scores: Sequence["np.ndarray[Any, Any]"],
    ) -> Filled:
        """The best fillings of each hidden place."""
        import numpy as np

        vocabulary = windows[0].where.vocabulary
        rows = np.concatenate(
            [
                table[np.array(window.where.places, dtype=np.int64)]
                for window, table in zip(windows, scores, strict=True)
            ]
        )  # (places, 2 * best + 1)
        best = (rows.shape[1] - 1) // 2
        numbers, chances = rows[:, :best].astype(np.int64), np.exp(rows[:, best:-1])
        fillings = tuple(
            Filling(tuple(vocabulary.names[n] for n in row), tuple(float(c) for c in chance))
            for row, chance in zip(numbers, chances, strict=True)
        )
        if isinstance(example, Document) or example.gold is None:
            return Filled(fillings, vocabulary.mask_text)
        wanted = example.tokens[example.hidden]
        ranks = tuple(
            row.index(gold) if gold in row else None
            for row, gold in zip(numbers.tolist(), wanted.tolist(), strict=True)
        )
        return Filled(fillings, vocabulary.mask_text, tuple(map(float, rows[:, -1])), ranks)

    def blind(self, prediction: Filled) -> Filled:
        """The fillings alone."""
        return prediction._replace(log_likelihood=None, ranks=None)

    def score(
        self, examples: "Sequence[Passage]", predictions: Sequence[Filled]
    ) -> Mapping[str, Score]:
        """Likelihood, perplexity and accuracy of what was hidden.

        Beside the cross-entropy stands the unigram entropy of the same text.
        """
        import numpy as np

        tokens = np.concatenate([each.tokens[each.words >= 0] for each in examples])
        scores = masked_scores(
            [prediction.log_likelihood or () for prediction in predictions],
            [prediction.ranks or () for prediction in predictions],
            {"masked": self.mask, "whole_words": self.whole_words, "best": self.best},
        )
        if len(tokens):
            limit = unigram_entropy(np.bincount(tokens))
            beside = {"mode": f"nats (unigram entropy {limit:.4f})", "unigram_entropy": limit}
            entropy = scores["cross_entropy"]
            scores["cross_entropy"] = entropy._replace(about={**entropy.about, **beside})
        return scores

    def gold(self, example: "Document | Passage") -> Any:
        """What was hidden."""
        return None if isinstance(example, Document) else list(example.gold or ())

    def record(self, example: "Document | Passage", prediction: Filled) -> dict[str, Any]:
        """The text where there is one, and the fillings of each hidden place."""
        record: dict[str, Any] = {}
        if isinstance(example, Document):
            record["text"] = example.text
        record["prediction"] = [list(filling.pieces) for filling in prediction.fillings]
        record["score"] = [[round(s, 6) for s in each.scores] for each in prediction.fillings]
        return record

    def case(self, record: Mapping[str, Any]) -> Case:
        """What was hidden, with what is said instead where that is wrong."""
        fillings = record["prediction"]
        if record.get("gold") is None or not all(fillings):
            return plain_case(record)._replace(said=tuple(row[0] for row in fillings if row))
        scores = [row[0] for row in record.get("score") or ()]
        said = [row[0] for row in fillings]
        return compared(record["gold"], record["gold"], said, scores, "what was hidden")

    def render(self, example: "Document | Passage", prediction: Filled) -> str:
        """The text with `[capital 0.93, heart 0.02]` where it says what is hidden."""
        shown = [
            ", ".join(f"{piece} {score:.2f}" for piece, score in zip(*filling, strict=True))
            for filling in prediction.fillings
        ]
        if not isinstance(example, Document):
            return "; ".join(shown)
        parts = example.text.split(prediction.mask)
        if not shown:
            return f"{example.text} (there is no {prediction.mask} in it)"
        if len(parts) != len(shown) + 1:  # written in a way of its own: by the side, then
            return f"{example.text} [{'] ['.join(shown)}]"
        filled = (f"[{each}]{part}" for each, part in zip(shown, parts[1:], strict=True))
        return parts[0] + "".join(filled)

    @property
    def _masking(self) -> "Masking":
        from toolkit.tasks.masking import Masking

        return Masking(self.mask, self.whole_words, self.replaced, self.random)


class Asked(NamedTuple):
    """What a window is asked, and by whose names the answers go."""

    vocabulary: "Vocabulary"
    places: "Sequence[int] | np.ndarray[Any, Any]"
    passage: "Passage | None" = None  # None: a text that hides what it hides


def _window(passage: "Passage", vocabulary: "Vocabulary") -> Window:
    import numpy as np

    targets = None
    if passage.gold is not None:
        labels = np.full(len(passage.tokens), IGNORED, dtype=np.int64)
        labels[passage.hidden] = passage.tokens[passage.hidden]
        targets = {"labels": labels}
    where = Asked(vocabulary, passage.hidden, passage)
    return Window({"input_ids": passage.read}, targets, where)


def _open_windows(
    text: str,
    tokenizer: "PreTrainedTokenizerFast",
    max_length: int,
    overlap: int,
    vocabulary: "Vocabulary",
) -> list[Window]:
    """The windows of a text, each with the masks that it answers for: those it sees best."""
    frame = frame_of(tokenizer)
    ids = list(tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])
    ranges = ranges_of([1] * len(ids), max_length - frame.size, overlap) or [(0, 0)]
    owners = owners_of(ranges, len(ids))
    windows = []
    for number, (start, end) in enumerate(ranges):
        places = [
            len(frame.before) + place - start
            for place in range(start, end)
            if ids[place] == vocabulary.mask and owners[place] == number
        ]
        inputs = {"input_ids": [*frame.before, *ids[start:end], *frame.after]}
        windows.append(Window(inputs, None, Asked(vocabulary, places)))
    return windows
