import numpy as np
import pytest

from tests.checkpoints import make_tokenizer
from toolkit import Tagged
from toolkit.tasks.token_classification import Tags, TokenClassification
from toolkit.testing import check_task
from toolkit.windows import IGNORED

SENTENCES = [
    Tagged(("EU", "rejects", "German", "call"), ("B-ORG", "O", "B-MISC", "O"), "1"),
    Tagged(("Peter", "Blackburn"), ("B-PER", "I-PER"), "2"),
    Tagged(
        ("The", "European", "Commission", "said", "so", "."),
        ("O", "B-ORG", "I-ORG", "O", "O", "O"),
        "3",
    ),
]
TASK = TokenClassification().learn(SENTENCES)


def oracle(example, windows):
    """Scores that say what the targets of the windows say."""
    tables = []
    for window in windows:
        table = np.zeros((window.length + 3, len(TASK.labels)), dtype=np.float32)  # with padding
        for place, label in enumerate(window.targets["labels"]):
            if label != IGNORED:
                table[place, label] = 9.0
        tables.append(table)
    return tables


def test_labels_are_closed():
    assert TASK.labels == ("O", "B-MISC", "I-MISC", "B-ORG", "I-ORG", "B-PER", "I-PER")


def test_plain_tags_are_labels_as_they_stand():
    task = TokenClassification().learn([Tagged(("a", "b"), ("NOUN", "DET"))])
    assert task.labels == ("DET", "NOUN")
    assert task.metric == "accuracy"
    assert not task.has_spans


def test_given_labels_are_not_learned_again():
    task = TokenClassification(labels=("O", "B-X", "I-X"))
    assert task.learn(SENTENCES) is task


def test_check_task_passes():
    check_task(TokenClassification(), SENTENCES)


def test_the_label_sits_on_the_first_piece():
    tokenizer = make_tokenizer("bert")
    (window,) = TASK.windows(SENTENCES[0], tokenizer, 64, 16)
    tokens = tokenizer.convert_ids_to_tokens(window.inputs["input_ids"])
    labelled = [token for token, label in zip(tokens, window.targets["labels"]) if label != IGNORED]
    assert labelled[0] == "EU"
    assert len(labelled) == 4


@pytest.mark.parametrize("max_length", [12, 24, 64])
def test_three_thousand_words_get_one_prediction_each(family, max_length):
    words = tuple(["EU", "rejects", "\u200b", "U.N.", "Zürich", "x" * 80] * 500)
    tags = tuple(["B-ORG", "O", "O", "B-ORG", "I-ORG", "O"] * 500)
    tokenizer = make_tokenizer(family)
    windows = TASK.windows(Tagged(words, tags), tokenizer, max_length, max_length // 4)
    assert max(window.length for window in windows) <= max_length
    targets = [label for window in windows for label in window.targets["labels"]]
    assert len(targets) - targets.count(IGNORED) == 3000
    decoded = TASK.decode(Tagged(words), windows, oracle(None, windows))
    assert decoded.tags == tags


def test_an_oracle_scores_exactly_one():
    tokenizer = make_tokenizer("roberta")
    long = Tagged(SENTENCES[0].words * 700, SENTENCES[0].tags * 700)
    predictions = []
    for example in [*SENTENCES, long]:
        windows = TASK.windows(example, tokenizer, 32, 8)
        predictions.append(TASK.decode(example, windows, oracle(example, windows)))
    scores = TASK.score([*SENTENCES, long], predictions)
    assert scores["f1"].value == 1.0
    assert scores["f1_strict"].value == 1.0
    assert scores["accuracy"].value == 1.0


def test_words_without_gold_have_no_targets():
    windows = TASK.windows(Tagged(("EU",)), make_tokenizer("bert"), 16, 4)
    assert windows[0].targets is None


def test_a_sentence_without_words_has_an_empty_prediction():
    assert TASK.windows(Tagged(()), make_tokenizer("bert"), 16, 4) == []
    assert TASK.decode(Tagged(()), [], []) == Tags((), ())


def test_the_score_of_a_tag_is_its_probability():
    windows = TASK.windows(SENTENCES[1], make_tokenizer("bert"), 16, 4)
    tables = [np.zeros((windows[0].length, 7), dtype=np.float32)]
    assert TASK.decode(SENTENCES[1], windows, tables).scores == pytest.approx([1 / 7, 1 / 7])


def test_labels_that_train_lacks_are_faults_with_their_count():
    strange = [Tagged(("a", "b"), ("B-LOC", "B-LOC"), "7"), Tagged(("c",), ("O",), "8")]
    assert TASK.faults_of(SENTENCES) == []
    assert TASK.faults_of(strange) == [
        "label 'B-LOC' (2 times, first in sentence 7) is not in the training split: map it with "
        "label_map, or allow it with task.allow_unseen"
    ]
    assert TASK.model_copy(update={"allow_unseen": True}).faults_of(strange) == []


def test_predictions_are_shown_in_the_text_they_came_from():
    example = Tagged.of("Peter  Blackburn lives in Brussels.")
    tags = Tags(("B-PER", "I-PER", "O", "O", "B-LOC", "O"), (1.0,) * 6)
    assert TASK.render(example, tags) == "[Peter  Blackburn](PER) lives in [Brussels](LOC)."


@pytest.mark.parametrize(
    "text",
    ["Er ist im Haus.", "Er im Haus dem in .", "Er in dem Garten Haus .", "Er in dem Haus . Ja"],
)
def test_words_that_do_not_spell_their_text_are_shown_without_it(text):
    example = Tagged(("Er", "in", "dem", "Haus", "."), text=text)  # CoNLL-U: 3-4 im
    tags = Tags(("B-PER", "O", "O", "B-LOC", "O"), (1.0,) * 5)
    assert TASK.render(example, tags) == "[Er](PER) in dem [Haus](LOC) ."
    assert all("characters" not in span for span in TASK.record(example, tags)["spans"])


def test_spans_of_a_text_say_where_they_are_in_it():
    text = "  Peter  Blackburn 👍 lives in\tBrussels. "
    example = Tagged.of(text)
    tags = Tags(("B-PER", "I-PER", "O", "O", "O", "B-LOC", "O"), (1.0,) * 7)
    spans = TASK.record(example, tags)["spans"]
    places = [span["characters"] for span in spans]
    assert [text[start:end] for start, end in places] == ["Peter  Blackburn", "Brussels"]


def test_records_hold_words_tags_and_spans():
    record = TASK.record(SENTENCES[1], Tags(("B-PER", "I-PER"), (0.5, 0.25)))
    assert record["spans"] == [
        {"type": "PER", "start": 0, "end": 2, "words": ["Peter", "Blackburn"]}
    ]
    assert record["prediction"] == ["B-PER", "I-PER"]
