"""Legal sequences only: constrained decoding over any head, and the CRF, as a recipe uses them."""

import json

import numpy as np
import pytest
import torch

import toolkit
from tests.checkpoints import make_tokenizer
from tests.recipes import LSTM, pretrained, write_recipe
from toolkit import Tagged
from toolkit.encoders.pretrained import Pretrained
from toolkit.encoders.recurrent import Lstm
from toolkit.evaluation.predictions import Reader, predict
from toolkit.models.batch import collate, padding_of
from toolkit.models.model import build_model, load_model, save_model
from toolkit.models.reading import WindowSize
from toolkit.tasks import chain
from toolkit.tasks.token_classification import Tags, TokenClassification
from toolkit.tasks.transitions import may_follow
from toolkit.testing import check_task
from toolkit.windows import IGNORED

LABELS = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG")
TASKS = {
    decoding: TokenClassification(labels=LABELS, decoding=decoding, dropout=0.0)
    for decoding in ("argmax", "constrained", "crf")
}
SENTENCES = [
    Tagged(("Peter", "Blackburn", "lives", "in", "Brussels"), ("B-PER", "I-PER", "O", "O", "O")),
    Tagged(("EU", "rejects"), ("B-ORG", "O")),
    Tagged(
        ("Acme", "Corporation", "rejects", "Ada", "Lovelace") * 4,
        ("B-ORG", "I-ORG", "O", "B-PER", "I-PER") * 4,  # more than one window
    ),
]
NUMBERS = np.random.default_rng(0)


def tables_of(windows, num_above=0):
    """Random scores for windows, with padding, and the same transitions above each."""
    above = 3 * NUMBERS.standard_normal((num_above, len(LABELS)))
    tables = [3 * NUMBERS.standard_normal((window.length + 3, len(LABELS))) for window in windows]
    return [np.concatenate((above, table)).astype(np.float32) for table in tables]


def decoded(task, words, max_length=16, tables=None):
    example = Tagged(words)
    windows = task.windows(example, make_tokenizer("bert"), max_length, max_length // 4)
    num_above = len(LABELS) + 2 if task.decoding == "crf" else 0
    return task.decode(example, windows, tables or tables_of(windows, num_above))


def is_legal(tags):
    return all(may_follow(tag, left) for tag, left in zip(tags, [None, *tags]))


@pytest.fixture(params=["bert", "lstm"])
def encoder(request, checkpoints):
    if request.param == "bert":
        return Pretrained(checkpoint=checkpoints["bert"], max_length=24)
    return Lstm(embedding=24, hidden=24, dropout=0.0, word_dropout=0.0, min_count=1, max_length=12)


def reader_and_model(task, encoder):
    tokenizer = encoder.tokenizer([text for each in SENTENCES for text in task.texts(each)])
    torch.manual_seed(0)
    model = build_model(task, encoder, tokenizer)
    return Reader(task, tokenizer, WindowSize.of(encoder, model.encoder)), model


def tags_of(model, reader, examples=SENTENCES, batch_size=8):
    device = torch.device("cpu")
    return predict(
        model, reader, examples, batch_size=batch_size, precision="fp32", device=device
    ).predictions


@pytest.mark.parametrize("decoding", ["constrained", "crf"])
def test_the_contract_holds(decoding):
    check_task(TokenClassification(decoding=decoding), SENTENCES)


@pytest.mark.parametrize("decoding", ["constrained", "crf"])
def test_the_contract_holds_for_plain_tags(decoding):
    plain = [
        Tagged(("we", "walked", "home"), ("PRON", "VERB", "ADV")),
        Tagged(("walked", "we"), ("VERB", "PRON")),
    ]
    check_task(TokenClassification(decoding=decoding), plain)


@pytest.mark.parametrize("decoding", ["constrained", "crf"])
@pytest.mark.parametrize("max_length", [12, 64])
def test_no_illegal_sequence_is_decoded_from_random_scores(decoding, max_length):
    illegal = 0
    for _ in range(20):
        words = tuple("abcdefghijklmnopqrst")
        assert is_legal(decoded(TASKS[decoding], words, max_length).tags)
        illegal += not is_legal(decoded(TASKS["argmax"], words, max_length).tags)
    assert illegal == 20


def test_both_f1_agree_on_legal_sequences():
    words = tuple("abcdefghij") * 5
    gold = [Tagged(words, decoded(TASKS["constrained"], words).tags) for _ in range(4)]
    scores = TASKS["constrained"].score(gold, [decoded(TASKS["constrained"], words) for _ in gold])
    for name in ("f1", "precision", "recall"):
        assert scores[name].value == scores[f"{name}_strict"].value


def test_where_the_most_probable_tags_are_legal_constraints_change_nothing():
    words = tuple("abcdefghijklmnop")
    windows = TASKS["argmax"].windows(Tagged(words), make_tokenizer("bert"), 12, 3)
    tables = tables_of(windows)
    for table in tables:
        table[:, [2, 4]] -= 20.0  # no I-
        table[4, 1] = table[5, 2] = 9.0
    assert decoded(TASKS["constrained"], words, 12, tables) == decoded(
        TASKS["argmax"], words, 12, tables
    )


def test_a_tag_that_cannot_stand_gives_way_to_the_best_sequence():
    windows = TASKS["argmax"].windows(Tagged(("a", "b")), make_tokenizer("bert"), 16, 4)
    table = np.zeros((windows[0].length, 5), dtype=np.float32)
    (_, first), (_, second) = windows[0].where
    table[first, [0, 1]] = 2.0, 1.0  # O, and B-PER close behind
    table[second, [0, 2]] = 1.0, 6.0  # I-PER
    assert decoded(TASKS["argmax"], ("a", "b"), 16, [table]).tags == ("O", "I-PER")
    tags, scores = decoded(TASKS["constrained"], ("a", "b"), 16, [table])
    assert tags == ("B-PER", "I-PER")
    # the probability of a tag is that of the word by itself
    assert scores[0] == pytest.approx(np.exp(1) / (np.exp(2) + np.exp(1) + 3))


@pytest.mark.parametrize("decoding", ["argmax", "constrained", "crf"])
def test_three_thousand_words_are_one_sequence_whatever_the_windows(decoding):
    task, words = TASKS[decoding], tuple(["EU", "rejects", "\u200b", "U.N.", "x" * 80] * 600)
    windows = task.windows(Tagged(words), make_tokenizer("bert"), 32, 8)
    num_above = 7 if decoding == "crf" else 0
    tables = tables_of(windows, num_above)
    tags, scores = task.decode(Tagged(words), windows, tables)
    rows = np.empty((3000, 5))
    for window, table in zip(windows, tables):
        for word, place in window.where:
            rows[word] = table[num_above + place]
    transitions = 0.0 if decoding == "argmax" else chain.barriers(LABELS)
    learned = tables[0][:7] if decoding == "crf" else np.zeros((7, 5))
    assert tags == tuple(LABELS[label] for label in chain.best_path(rows, transitions + learned))
    assert len(windows) > 100
    assert 0 < min(scores) <= max(scores) <= 1


def test_a_crfs_score_is_the_share_of_the_sequences_with_that_tag():
    windows = TASKS["crf"].windows(Tagged(("a", "b")), make_tokenizer("bert"), 16, 4)
    (table,) = tables_of(windows, 7)
    tags, scores = decoded(TASKS["crf"], ("a", "b"), 16, [table])
    shares = np.zeros((5, 5))
    (_, first), (_, second) = windows[0].where
    for left in range(5):
        for right in range(5):
            if is_legal((LABELS[left], LABELS[right])):
                shares[left, right] = np.exp(
                    table[5, left] + table[7 + first, left] + table[left, right]
                    + table[7 + second, right] + table[6, right]
                )  # fmt: skip
    shares /= shares.sum()
    assert scores == pytest.approx(
        (shares[LABELS.index(tags[0])].sum(), shares[:, LABELS.index(tags[1])].sum())
    )


def test_a_sentence_without_words_has_an_empty_prediction():
    for task in TASKS.values():
        assert task.decode(Tagged(()), [], []) == Tags((), ())


def test_a_chain_is_the_words_of_its_window_and_knows_where_it_was_cut():
    task, example = TASKS["crf"], SENTENCES[2]
    # the vocabulary is learned anew, and not always the same: windows of few words are many
    windows = task.windows(example, make_tokenizer("bert"), 12, 3)
    assert len(windows) > 2
    found = []
    for window in windows:
        words = [word for word in window.targets["words"] if word != IGNORED]
        assert words == list(range(words[0], words[-1] + 1))  # neighbours, none left out
        assert window.targets["edges"] == (float(words[0] == 0), float(words[-1] == 19))
        found += words
    assert found == list(range(20))


def test_a_word_whose_gold_is_no_label_stays_in_the_chain():
    task = TASKS["crf"].model_copy(update={"allow_unseen": True})
    example = Tagged(("EU", "in", "Brussels"), ("B-ORG", "B-LOC", "O"))
    (window,) = task.windows(example, make_tokenizer("bert"), 24, 6)
    places = [place for _, place in window.where]
    assert [window.targets["labels"][place] for place in places] == [3, IGNORED, 0]
    assert [window.targets["words"][place] for place in places] == [0, 1, 2]


def test_the_other_decodings_have_the_targets_of_today():
    for decoding in ("argmax", "constrained"):
        (window,) = TASKS[decoding].windows(SENTENCES[1], make_tokenizer("bert"), 24, 6)
        assert window.targets.keys() == {"labels"}
        assert TASKS[decoding].standard_head() is not None


def test_any_encoder_learns_by_heart_with_a_crf(encoder, tmp_path):
    reader, model = reader_and_model(TASKS["crf"], encoder)
    assert not model.is_native
    windows = [window for each in SENTENCES for window in reader.windows(each)]
    batch = collate(windows, padding_of(reader.tokenizer))
    optimiser = torch.optim.AdamW(model.parameters(), lr=5e-3)
    for _ in range(60):
        output = model(batch.inputs, batch.targets)
        optimiser.zero_grad()
        (output.loss / output.count).backward()
        optimiser.step()
    predictions = tags_of(model, reader)
    assert [each.tags for each in predictions] == [each.tags for each in SENTENCES]
    save_model(model, encoder, reader.tokenizer, tmp_path)
    loaded = load_model(reader.task, encoder, reader.tokenizer, tmp_path)
    assert tags_of(loaded, reader) == predictions


def test_company_and_padding_change_no_prediction(encoder):
    reader, model = reader_and_model(TASKS["crf"], encoder)
    with torch.no_grad():
        model.head.scorer.transitions.normal_()
    together = tags_of(model, reader)
    alone = [tags_of(model, reader, [each], batch_size=1)[0] for each in SENTENCES]
    assert [each.tags for each in together] == [each.tags for each in alone]
    for one, other in zip(together, alone):
        assert one.scores == pytest.approx(other.scores, abs=1e-4)


@pytest.mark.parametrize("family", ["bert", "lstm"])
def test_a_recipe_trains_a_crf_that_needs_the_toolkit(family, tmp_path, checkpoints):
    model = pretrained(checkpoints["bert"]) if family == "bert" else LSTM
    path = write_recipe(tmp_path, model, num_train=16, num_dev=6)
    recipe = toolkit.load_recipe(path, "task.decoding=crf", "train.head_learning_rate=5e-2")
    finished = toolkit.finetune(recipe)
    scores = finished.results["splits"]["test"]["scores"]
    assert scores["f1"]["value"] == scores["f1_strict"]["value"]
    assert "needs the toolkit" in (finished.folder / "model" / "README.md").read_text()
    lines = (finished.folder / "predictions-test.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    again = toolkit.load(finished.folder).predict([record["words"] for record in records])
    assert [list(each.tags) for each in again] == [record["prediction"] for record in records]


def test_a_run_without_a_crf_can_be_decoded_with_constraints_later(tmp_path):
    finished = toolkit.finetune(toolkit.load_recipe(write_recipe(tmp_path, num_train=4, num_dev=3)))
    sentence = ["Peter", "Blackburn", "lives", "in", "Brussels"] * 4
    constrained = toolkit.load(finished.folder, "task.decoding=constrained")
    (prediction,) = constrained.predict([sentence])
    assert is_legal(prediction.tags)


def test_labels_that_no_sequence_can_hold_are_faults():
    task = TokenClassification(labels=("O", "I-X", "B-Y", "I-Y"), decoding="constrained")
    assert task.faults() == [
        ("labels", "found 'I-X' without 'B-X', which decoding: constrained needs before it")
    ]
    assert task.model_copy(update={"decoding": "argmax"}).faults() == []
    assert TASKS["crf"].faults() == []


def test_gold_that_a_crf_holds_impossible_is_a_fault():
    wrong = [Tagged(("a", "b", "c"), ("O", "I-PER", "I-ORG"), "7"), *SENTENCES]
    assert TASKS["crf"].faults_of(wrong) == [
        "tags that continue nothing (2, first 'I-PER' of word 2 in sentence 7) are impossible for "
        "a CRF: set data.scheme to what they are, or data.repair"
    ]
    assert TASKS["constrained"].faults_of(wrong) == []
    assert TASKS["crf"].faults_of(SENTENCES) == []
