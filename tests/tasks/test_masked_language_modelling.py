"""Masked-language modelling: what is hidden, what windows hold, what the loss is."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.checkpoints import TEXT, make_tokenizer
from toolkit import check_task
from toolkit.encoders.pretrained import Pretrained
from toolkit.errors import RecipeError
from toolkit.evaluation.predictions import Reader, predict
from toolkit.examples import Document
from toolkit.models.batch import collate, padding_of
from toolkit.models.model import build_model, load_model, save_model
from toolkit.models.reading import WindowSize
from toolkit.tasks.masked_language_modelling import MaskedLanguageModelling
from toolkit.tasks.masking import Masking, passages_of, vocabulary_of
from toolkit.windows import IGNORED, frame_of

DOCUMENTS = [Document(line, str(number)) for number, line in enumerate(TEXT)]
BERT = make_tokenizer("bert")
TOKENIZERS = {"bert": BERT, "roberta": make_tokenizer("roberta")}


def ids_of(tokenizer, text):
    return tokenizer(text, add_special_tokens=False)["input_ids"]


def built(checkpoint, **keys):
    encoder = Pretrained(checkpoint=checkpoint)
    tokenizer = encoder.tokenizer()
    task = MaskedLanguageModelling(**keys).learn_vocabulary(tokenizer)
    torch.manual_seed(2)
    model = build_model(task, encoder, tokenizer).eval()
    return encoder, model, Reader(task, tokenizer, WindowSize.of(encoder, model.encoder))


@pytest.mark.parametrize(
    "keys", [{}, {"whole_words": True}, {"across_documents": False}, {"mask": 0.5, "best": 2}]
)
def test_check_task_passes(keys):
    check_task(MaskedLanguageModelling(**keys), DOCUMENTS)


@pytest.mark.parametrize("family", ["bert", "roberta"])
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_every_token_is_in_exactly_one_window_and_all_but_the_last_are_full(family, data):
    tokenizer = TOKENIZERS[family]
    texts = data.draw(st.lists(st.text("abcZ. \u200b\n", max_size=60), max_size=6))
    across = data.draw(st.booleans())
    length = data.draw(st.integers(5, 20))
    documents = [ids for text in texts if (ids := ids_of(tokenizer, text))]
    frame = frame_of(tokenizer)
    passages = list(passages_of(tokenizer, texts, length, across=across))
    for passage in passages:
        assert list(passage.tokens[: len(frame.before)]) == frame.before
        assert list(passage.tokens[-len(frame.after) :]) == frame.after
        assert len(passage.tokens) <= length
    found = [list(p.tokens[len(frame.before) : -len(frame.after)]) for p in passages]
    flat = [token for part in found for token in part]
    between = frame.after if across else []
    expected = [token for ids in documents for token in [*between, *ids]]
    assert flat == expected[len(between) if documents else 0 :]
    full = length - frame.size
    if across:
        assert all(len(part) == full for part in found[:-1])
    else:
        assert len(found) == sum(-(-len(ids) // full) for ids in documents)


def test_a_window_is_scored_by_the_same_masks_whatever_stands_beside_it():
    task = MaskedLanguageModelling(across_documents=False)
    together = task.pack(DOCUMENTS, BERT, 24).examples
    alone = task.pack(DOCUMENTS[2:3], BERT, 24).examples
    beside = [each for each in together if list(each.tokens) in [list(a.tokens) for a in alone]]
    assert [list(each.hidden) for each in beside] == [list(each.hidden) for each in alone]
    assert [list(each.read) for each in beside] == [list(each.read) for each in alone]


def test_packing_again_changes_nothing_and_the_note_counts_all():
    task = MaskedLanguageModelling()
    packed = task.pack(DOCUMENTS, BERT, 24)
    again = task.pack(packed.examples, BERT, 24)
    assert again.examples is packed.examples
    assert not again.note
    total = sum(len(ids_of(BERT, each.text)) for each in DOCUMENTS)
    assert packed.note.startswith(f"{len(DOCUMENTS)} documents of {total:,} tokens packed into")


def passage_of(text, length=512):
    return next(passages_of(BERT, [text], length, across=True))


def test_the_shares_are_those_of_the_paper():
    vocabulary = vocabulary_of(BERT)
    passage = passage_of(" ".join(TEXT * 80), 10**6)
    masking = Masking(0.15, False, 0.8, 0.1)
    hidden = masking.hide(passage, vocabulary, 7)
    number = int((passage.words >= 0).sum())
    assert len(hidden.hidden) == round(0.15 * number)
    read, was = hidden.read[hidden.hidden], passage.tokens[hidden.hidden]
    assert np.mean(read == vocabulary.mask) == pytest.approx(0.8, abs=0.02)
    assert np.mean(read == was) == pytest.approx(0.1, abs=0.02)
    others = np.setdiff1d(np.arange(len(passage.tokens)), hidden.hidden)
    assert (hidden.read[others] == passage.tokens[others]).all()
    assert not np.isin(read[read != vocabulary.mask], BERT.all_special_ids).any()
    assert (passage.words[hidden.hidden] >= 0).all()


@given(seed=st.integers(0, 2**63 - 1), share=st.floats(0.05, 0.9))
@settings(max_examples=50, deadline=None)
def test_whole_words_are_hidden_whole_and_not_more_than_the_share(seed, share):
    passage = passage_of(TEXT[1])
    hidden = Masking(share, True, 1.0, 0.0).hide(passage, vocabulary_of(BERT), seed).hidden
    words = passage.words[hidden]
    assert len(hidden)
    for word in set(words):
        assert set(np.flatnonzero(passage.words == word)) <= set(hidden)
    limit = round(share * int((passage.words >= 0).sum()))
    assert len(hidden) <= limit or len(set(words)) == 1


def test_pieces_of_different_documents_are_different_words():
    passage = next(passages_of(BERT, ["boycott", "boycott"], 64, across=True))
    words = passage.words[passage.words >= 0]
    assert len(set(words)) == 2


@given(seed=st.integers(0, 2**63 - 1))
@settings(max_examples=20, deadline=None)
def test_masks_follow_from_the_seed(seed):
    passage = passage_of(TEXT[0])
    hide = Masking(0.3, False, 0.8, 0.1).hide
    one, two = (hide(passage, vocabulary_of(BERT), seed) for _ in range(2))
    assert (one.read == two.read).all()
    assert (one.hidden == two.hidden).all()


def test_a_mask_that_the_text_itself_says_is_never_asked_for_in_training():
    passage = passage_of("EU [MASK] rejects")
    at = list(passage.tokens).index(BERT.mask_token_id)
    hidden = Masking(0.99, False, 1.0, 0.0).hide(passage, vocabulary_of(BERT), 1).hidden
    assert at not in hidden
    assert len(hidden) == int((passage.words >= 0).sum())


def test_training_varies_and_prediction_does_not():
    task = MaskedLanguageModelling()
    [passage, *_] = task.pack(DOCUMENTS, BERT, 32).examples
    [window] = task.windows(passage, BERT, 32, 8)
    varied = [task.vary(window, BERT, seed) for seed in range(8)]
    labels = {tuple(each.targets["labels"]) for each in varied}
    assert len(labels) > 4
    for each in varied:  # from the text, never from what was hidden before
        asked = each.targets["labels"] != IGNORED
        assert (each.targets["labels"][asked] == passage.tokens[asked]).all()
        assert (np.where(asked, passage.tokens, each.inputs["input_ids"]) == passage.tokens).all()


def test_loss_and_likelihoods_are_those_of_transformers(checkpoints, family, tmp_path):
    encoder, model, reader = built(checkpoints[family])
    examples = reader.pack(DOCUMENTS).examples
    windows = [window for each in examples for window in reader.windows(each)]
    batch = collate(windows, padding_of(reader.tokenizer))
    save_model(model, encoder, reader.tokenizer, tmp_path / "model")
    from transformers import AutoModelForMaskedLM

    plain = AutoModelForMaskedLM.from_pretrained(tmp_path / "model").eval()
    with torch.no_grad():
        output = model(batch.inputs, batch.targets)
        expected = plain(**batch.inputs, labels=batch.targets["labels"])
    assert float(output.loss / output.count) == pytest.approx(float(expected.loss), abs=1e-5)
    assert output.count == sum(len(each.hidden) for each in examples)
    logs = expected.logits.log_softmax(-1)
    predicted = predict(
        model, reader, examples, batch_size=4, precision="fp32", device=torch.device("cpu")
    )
    for row, (example, told) in enumerate(zip(examples, predicted.predictions, strict=True)):
        wanted = torch.from_numpy(example.tokens[example.hidden]).long()
        rows = logs[row, torch.from_numpy(example.hidden)]
        likelihoods = rows.gather(1, wanted[:, None])[:, 0]
        assert list(told.log_likelihood) == pytest.approx(likelihoods.tolist(), abs=1e-4)
        best = rows.topk(5).indices.tolist()
        assert told.ranks == tuple(
            row.index(gold) if gold in row else None
            for row, gold in zip(best, wanted.tolist(), strict=True)
        )


def test_the_training_loss_is_the_same_as_in_evaluation(checkpoints):
    _, model, reader = built(checkpoints["bert"])
    for part in model.modules():
        if isinstance(part, torch.nn.Dropout):
            part.p = 0.0
    examples = reader.pack(DOCUMENTS).examples
    windows = [window for each in examples for window in reader.windows(each)]
    batch = collate(windows, padding_of(reader.tokenizer))
    still = model.eval()(batch.inputs, batch.targets)
    trained = model.train()(batch.inputs, batch.targets)
    assert float(trained.loss.detach()) == pytest.approx(float(still.loss.detach()), rel=1e-6)
    assert trained.count == still.count


def test_scores_follow_from_the_likelihoods(checkpoints):
    _, model, reader = built(checkpoints["bert"])
    examples = reader.pack(DOCUMENTS).examples
    predicted = predict(
        model, reader, examples, batch_size=4, precision="fp32", device=torch.device("cpu")
    )
    scores = reader.task.score(examples, predicted.predictions)
    logs = [each for told in predicted.predictions for each in told.log_likelihood]
    assert scores["log_likelihood"].value == pytest.approx(np.mean(logs))
    assert scores["cross_entropy"].value == pytest.approx(predicted.loss, rel=1e-5)
    assert scores["perplexity"].value == pytest.approx(math.exp(-np.mean(logs)))
    tokens = [ids for each in DOCUMENTS for ids in ids_of(reader.tokenizer, each.text)]
    chances = np.unique(tokens, return_counts=True)[1] / len(tokens)
    entropy = scores["cross_entropy"].about["unigram_entropy"]
    assert entropy == pytest.approx(-(chances * np.log(chances)).sum())
    right = [rank == 0 for told in predicted.predictions for rank in told.ranks]
    assert scores["accuracy"].value == pytest.approx(np.mean(right))


def test_a_text_that_says_what_is_hidden_is_filled_there_and_only_there(checkpoints):
    _, model, reader = built(checkpoints["bert"], best=2)
    mask = reader.tokenizer.mask_token
    long = " ".join(f"{mask} {line}" for line in TEXT * 6)  # many windows
    texts = [Document(f"EU {mask} German {mask} ."), Document("EU rejects"), Document(long)]
    told = predict(
        model, reader, texts, batch_size=4, precision="fp32", device=torch.device("cpu")
    ).predictions
    assert [len(each.fillings) for each in told] == [2, 0, len(TEXT) * 6]
    first, second = ([f"{p} {s:.2f}" for p, s in zip(*f)] for f in told[0].fillings)
    shown = reader.task.render(texts[0], told[0])
    assert shown == f"EU [{', '.join(first)}] German [{', '.join(second)}] ."
    assert reader.task.render(texts[1], told[1]) == "EU rejects (there is no [MASK] in it)"
    assert len(reader.task.record(texts[0], told[0])["prediction"]) == 2


def test_a_tied_decoder_is_one_weight_in_memory_and_on_disk(checkpoints, family, tmp_path):
    encoder, model, reader = built(checkpoints[family])
    again = [name for name, _ in model.named_parameters(remove_duplicate=False)]
    once = [name for name, _ in model.named_parameters()]
    assert len(once) < len(again)  # a decoder that was tied stays so behind the stub
    save_model(model, encoder, reader.tokenizer, tmp_path / "model")
    loaded = load_model(reader.task, encoder, reader.tokenizer, tmp_path / "model").eval()
    assert [name for name, _ in loaded.named_parameters()] == once
    windows = [w for each in reader.pack(DOCUMENTS).examples for w in reader.windows(each)]
    batch = collate(windows, padding_of(reader.tokenizer))
    with torch.no_grad():
        assert torch.equal(
            model(batch.inputs, batch.targets).loss, loaded(batch.inputs, batch.targets).loss
        )


def test_a_tokenizer_without_a_mask_is_refused():
    tokenizer = make_tokenizer("bert")
    tokenizer.mask_token = None
    with pytest.raises(RecipeError, match="no mask token"):
        MaskedLanguageModelling().learn_vocabulary(tokenizer)


def test_shares_that_exceed_all_are_a_fault():
    [(key, message)] = MaskedLanguageModelling(replaced=0.8, random=0.3).faults()
    assert key == "random"
    assert "0.3" in message
