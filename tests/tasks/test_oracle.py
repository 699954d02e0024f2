"""What a perfect model would score on documents of 3,000 words: exactly 1, on every task.

Windows, targets, decoding and scores have to agree for that. The oracle reads the targets of each
window and says nothing else; whatever is lost on the way there or back is missing in its score.
"""

import random

import numpy as np
import pytest

from tests.tasks.test_question_windows import tokenizer_of
from toolkit import registry
from toolkit.examples import Answer, Document, Question, Tagged, Text
from toolkit.tasks.masked_language_modelling import MaskedLanguageModelling
from toolkit.tasks.question_answering import QuestionAnswering
from toolkit.tasks.sequence_classification import SequenceClassification
from toolkit.tasks.token_classification import TokenClassification
from toolkit.windows import IGNORED

NUM_WORDS = 3000
KINDS = ("bert", "roberta", "xlm-roberta", "lstm")  # WordPiece, byte-level BPE, Unigram, words
SIZES = [(512, 128), (64, 16)]  # of windows, and their overlap
VOCABULARY = (
    "London", "met", "Zürich,", "Ada", "\u200bx", "日本", "U.N.", "e\u0301t", "x" * 30, "12,000",
    "👩‍👧", "AT&T", "–", "the",
)  # fmt: skip
KIND_OF = {"O": "O", "B": "B-PER", "I": "I-PER", "C": "B-ORG", "J": "I-ORG"}
STARTS = {None: "OBC", "O": "OBC", "B": "OBCI", "I": "OBCI", "C": "OBCJ", "J": "OBCJ"}


def words_of(draw):
    return [draw.choice(VOCABULARY) for _ in range(NUM_WORDS)]


def legal_tags(draw):
    """Tags that begin spans before they continue them."""
    letters = [None]
    while len(letters) <= NUM_WORDS:
        letters.append(draw.choice(STARTS[letters[-1]]))
    return tuple(KIND_OF[letter] for letter in letters[1:])


def tag_tables(task, windows):
    num_above = len(task.labels) + 2 if task.decoding == "crf" else 0  # rows of transitions
    for window in windows:
        table = np.zeros((num_above + window.length + 3, len(task.labels)), dtype=np.float32)
        for place, label in enumerate(window.targets["labels"]):
            if label != IGNORED:
                table[num_above + place, label] = 9
        yield table


def class_tables(task, windows):
    for window in windows:
        target = window.targets["label"]
        if task.labels == "regression":
            row = [target]
        elif task.labels == "multi":
            row = [9 if has else -9 for has in target]
        else:
            row = [9 if number == target else 0 for number in range(len(task.classes))]
        if task.combine == "attention":  # how much a window matters: only the first, all the same
            row.append(0 if window is windows[0] else -1000)
        yield np.array(row, dtype=np.float32)


def answer_tables(task, windows):
    for window in windows:
        table = np.zeros((window.length + 3, 2), dtype=np.float32)
        first, last = window.targets["span"]
        if first != IGNORED:
            table[first, 0] = table[last, 1] = 9
        yield table


def masked_tables(task, windows):
    for window in windows:
        table = np.zeros((window.length + 3, 2 * task.best + 1), dtype=np.float32)
        for place, label in enumerate(window.targets["labels"]):
            if label != IGNORED:  # the gold first, certain; the others never
                table[place] = [label, *[0] * (task.best - 1), 0, *[-99] * (task.best - 1), 0]
        yield table


TABLES = {
    MaskedLanguageModelling: masked_tables,
    TokenClassification: tag_tables,
    SequenceClassification: class_tables,
    QuestionAnswering: answer_tables,
}


def scores(task, examples, kind, size, read=lambda example: example.without_gold()):
    """The scores of the oracle, by name; `read` is what it sees of an example."""
    predictions = []
    for example in examples:
        windows = task.windows(example, tokenizer_of(kind), *size)
        assert max(window.length for window in windows) <= size[0]
        tables = list(TABLES[type(task)](task, windows))
        predictions.append(task.decode(read(example), windows, tables))
    found = task.score(examples, predictions)
    return {name: getattr(score, "value", score) for name, score in found.items()}


@pytest.mark.parametrize("whole_words", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_of_hidden_tokens(kind, whole_words):
    documents = [Document(" ".join(words_of(random.Random(kind)))), Document("the")]
    task = MaskedLanguageModelling(whole_words=whole_words)
    packed = task.pack(documents, tokenizer_of(kind), 64).examples
    found = scores(task, packed, kind, (64, 16), read=lambda passage: passage)
    assert (found["accuracy"], found["perplexity"], found["cross_entropy"]) == (1.0, 1.0, 0.0)


def test_every_task_has_an_oracle():
    assert {registry.look_up("task", name) for name in registry.BUILT_IN["task"]} == set(TABLES)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("decoding", ["argmax", "constrained", "crf"])
def test_of_tags(decoding, kind, size):
    draw = random.Random(f"{decoding} {kind}")
    examples = [Tagged(tuple(words_of(draw)), legal_tags(draw)), Tagged(("EU",), ("B-ORG",))]
    task = TokenClassification(decoding=decoding).learn(examples)
    found = scores(task, examples, kind, size)
    assert {found[name] for name in ("f1", "f1_strict", "accuracy")} == {1.0}


LABELS = {
    "single": (["a", "b", "c", "a"], ("accuracy", "macro_f1")),
    "multi": ([("a",), (), ("a", "c"), ("b",)], ("micro_f1", "macro_f1")),
    "regression": ([0.5, -3.25, 4.0, 1.125], ("pearson", "spearman")),
}


@pytest.mark.parametrize(
    ("is_pair", "size"), [(False, SIZES[1]), (True, SIZES[0])], ids=["text", "pair"]
)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("combine", ["mean", "max", "attention"])
@pytest.mark.parametrize("labels", LABELS)
def test_of_texts(labels, combine, is_pair, kind, size):
    draw = random.Random(kind)
    gold, names = LABELS[labels]
    examples = [
        Text(" ".join(words_of(draw)), " ".join(words_of(draw)) if is_pair else None, label, str(n))
        for n, label in enumerate(gold)
    ]
    task = SequenceClassification(labels=labels, combine=combine).learn(examples)
    found = scores(task, examples, kind, size)
    assert {name: found[name] for name in names} == dict.fromkeys(names, 1.0)


def answers_at_borders(tokenizer, words, size, draw):
    """Two words each: at both ends, and over places where a window begins or ends."""
    context = " ".join(words)
    starts = np.cumsum([0, *(len(word) + 1 for word in words[:-1])])
    windows = QuestionAnswering().windows(Question("Who?", context), tokenizer, *size)
    tokens = windows[0].where.tokens
    borders = {place for window in windows for place in (window.where.start, window.where.end)}
    borders = sorted(borders & set(range(1, len(tokens.ids))))
    firsts = {0, 1, len(words) - 2}
    for border in draw.sample(borders, 12):
        word = int(np.searchsorted(starts, tokens.starts[border - 1], "right")) - 1
        firsts |= {max(0, word - 1), min(word, len(words) - 2)}
    for first in sorted(firsts):
        end = starts[first + 1] + len(words[first + 1])
        yield Answer(context[starts[first] : end], int(starts[first]))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("no_answer", [False, True], ids=["v1.1", "v2.0"])
def test_of_answers(no_answer, kind):
    draw, size = random.Random(kind), (384, 128)
    words = [word[:9].strip("\u200b") for word in words_of(draw)]
    context = " ".join(words)
    answers = list(answers_at_borders(tokenizer_of(kind), words, size, draw))
    assert len(answers) > 12
    examples = [
        Question("Who?", context, (answer,), str(number)) for number, answer in enumerate(answers)
    ]
    several = (answers[-1], answers[0], answers[len(answers) // 2])
    examples.append(Question("Who?", context, several, "several"))
    task = QuestionAnswering(no_answer=no_answer)
    if no_answer:
        examples.append(Question("Why?", context, (), "none"))
    assert task.faults_of(examples) == []
    found = scores(task, examples, kind, size)
    assert {found[name] for name in ("exact", "f1")} == {1.0}
    if no_answer:
        assert {found[name] for name in ("hasans_exact", "noans_exact")} == {1.0}
