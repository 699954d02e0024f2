import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer

from tests.encoders.word_batches import assert_read_alone, batch_of
from toolkit.encoders.recurrent import Gru, Lstm, Recurrent, Rnn
from toolkit.encoders.word_tokenizer import CAPITAL
from toolkit.errors import DataError
from toolkit.recipe.comments import comments_of

TEXTS = [
    ("The", "people", "of", "Berlin", "met", "in", "the", "street", "."),
    ("Berlin", "met", "Paris", "."),
]
SMALL = {"embedding": 6, "hidden": 5, "min_count": 1}
SUMMARIES = ("max", "mean", "last", "first", "attention")


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.fixture
def vectors(tmp_path):
    file = tmp_path / "vectors.txt"
    file.write_text("berlin 1 2 3 4 5 6\nzagreb 6 5 4 3 2 1\n", encoding="utf-8")
    return str(file)


def made(**fields):
    """An encoder, its tokenizer and its module."""
    encoder = Lstm(**SMALL | fields)
    tokenizer = encoder.tokenizer(TEXTS)
    return encoder, tokenizer, encoder.module(tokenizer)


def test_importing_it_brings_neither_torch_nor_transformers():
    code = (
        "import sys, toolkit.encoders.recurrent as r; r.Lstm(hidden=3).faults(); "
        "print(sorted({'torch', 'transformers', 'tokenizers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("encoder", [Lstm, Gru, Rnn])
def test_every_field_is_documented(encoder):
    assert set(comments_of(encoder)) == set(encoder.model_fields)


def test_the_recurrent_encoders_differ_in_nothing_but_their_cell():
    for encoder in (Lstm, Gru, Rnn):
        assert encoder().model_dump() == Lstm().model_dump()
        assert encoder.__bases__ == (Recurrent,)


@pytest.mark.parametrize("encoder", [Lstm, Gru, Rnn])
def test_weights_are_called_after_their_cell(encoder):
    """Files of weights that exist are read by these names."""
    module = encoder(**SMALL).module(encoder(**SMALL).tokenizer(TEXTS))
    name = encoder.__name__.lower()
    expected = {"weight_input", "weight_hidden", "bias"} | (
        {"bias_hidden"} if name == "gru" else set()
    )
    assert set(module.state_dict()) == {
        "embedding.weight",
        *(f"{name}.layers.0.{end}.{weight}" for end in (0, 1) for weight in expected),
    }


def test_where_the_recipe_names_no_summary_it_is_the_maximum():
    assert made()[2].pooling.how == "max"


def test_frozen_vectors_without_vectors_are_a_fault():
    assert [key for key, _ in Lstm(freeze_vectors=True).faults()] == ["freeze_vectors"]
    assert Lstm(freeze_vectors=True, vectors="v.txt").faults() == []


@pytest.mark.parametrize(
    "fields", [{"hidden": 0}, {"dropout": 1.0}, {"word_dropout": -0.1}, {"case": "up"}]
)
def test_fields_out_of_range_are_refused(fields):
    with pytest.raises(ValueError, match=next(iter(fields))):
        Lstm(**fields)


@pytest.mark.parametrize("summary", SUMMARIES)
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("layers", [1, 2])
def test_it_gives_a_vector_a_token_and_one_a_text(layers, bidirectional, summary):
    _, tokenizer, module = made(layers=layers, bidirectional=bidirectional, summary=summary)
    batch = batch_of(tokenizer, *TEXTS)
    encoded = module(batch)
    width = 10 if bidirectional else 5
    assert module.width == width
    assert module.longest is None
    assert encoded.tokens.shape == (*batch["input_ids"].shape, width)
    assert encoded.summary.shape == (2, width)
    assert torch.equal(encoded.mask, batch["attention_mask"].bool())


@pytest.mark.parametrize("case", ["mark", "lower"])
@pytest.mark.parametrize("summary", SUMMARIES)
def test_padding_and_neighbours_change_nothing(summary, case):
    _, tokenizer, module = made(summary=summary, case=case)
    module.eval()
    together = module(batch_of(tokenizer, *TEXTS))
    assert_read_alone(module, tokenizer, TEXTS, together)


def test_padding_changes_nothing_in_training_either():
    _, tokenizer, module = made(dropout=0.5, word_dropout=0.3, layers=2)
    results = []
    for multiple in (1, 32):
        torch.manual_seed(3)
        results.append(module(batch_of(tokenizer, *TEXTS, pad_to_multiple_of=multiple)).summary)
    assert torch.equal(*results)


def test_summaries_are_over_the_steps_of_the_text():
    states = {}
    for summary in SUMMARIES:
        torch.manual_seed(0)
        _, tokenizer, module = made(summary=summary, case="lower")
        states[summary] = module.eval()(batch_of(tokenizer, *TEXTS))
    tokens, mask = states["max"].tokens, states["max"].mask
    for row, length in enumerate(mask.sum(1).tolist()):
        real = tokens[row, :length]
        torch.testing.assert_close(states["max"].summary[row], real.amax(0))
        torch.testing.assert_close(states["mean"].summary[row], real.mean(0))
        last = torch.cat((real[-1, :5], real[0, 5:]))
        torch.testing.assert_close(states["last"].summary[row], last)


def test_the_last_state_of_one_direction_is_that_of_the_last_token():
    _, tokenizer, module = made(summary="last", bidirectional=False)
    encoded = module.eval()(batch_of(tokenizer, *TEXTS))
    ends = encoded.mask.sum(1) - 1
    assert torch.equal(encoded.summary, encoded.tokens[torch.arange(2), ends])


@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_sign_for_a_capital_is_read_in_one_step_with_its_word(bidirectional):
    _, tokenizer, module = made(bidirectional=bidirectional)
    module.eval()
    batch = batch_of(tokenizer, ("in", "Berlin", "met"))
    tokens = module(batch).tokens[0]
    assert tokenizer.convert_ids_to_tokens(batch["input_ids"][0])[2:4] == [CAPITAL, "berlin"]
    assert torch.equal(tokens[2], tokens[3])
    small = module(batch_of(tokenizer, ("in", "berlin", "met"))).tokens[0]
    assert not torch.allclose(tokens[3], small[2])
    with torch.no_grad():
        module.embedding.weight[tokenizer.convert_tokens_to_ids(CAPITAL)] = 0
    unmarked = module(batch).tokens[0]
    torch.testing.assert_close(unmarked[[0, 1, 3, 4, 5]], small)


@pytest.mark.parametrize("summary", SUMMARIES)
def test_a_summary_counts_a_marked_word_once(summary):
    _, tokenizer, module = made(summary=summary)
    for query in module.pooling.parameters():
        torch.nn.init.normal_(query)
    encoded = module.eval()(batch_of(tokenizer, ("in", "Berlin", "met")))
    read = encoded.tokens[0, [0, 1, 3, 4, 5]]  # without the sign
    ends = torch.cat((read[-1, :5], read[0, 5:]))
    expected = {"max": read.amax(0), "mean": read.mean(0), "last": ends, "first": read[0]}
    if summary == "attention":
        weights = (read @ module.pooling.query / read.shape[1] ** 0.5).softmax(0)
        expected[summary] = weights @ read
    torch.testing.assert_close(encoded.summary[0], expected[summary])


def test_signs_without_a_word_are_read_by_themselves():
    _, tokenizer, module = made()
    module.eval()
    sign = tokenizer.convert_tokens_to_ids(CAPITAL)
    for ids in ([sign], [sign, sign], [2, sign, sign, 7, 3]):
        batch = {"input_ids": torch.tensor([ids]), "attention_mask": torch.ones(1, len(ids))}
        encoded = module(batch)
        assert encoded.tokens.any(2).all()
        assert encoded.summary.isfinite().all()


def test_word_dropout_hides_words_and_nothing_else():
    _, tokenizer, module = made(word_dropout=0.9, dropout=0.0)
    seen = []
    module.embedding.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    batch = batch_of(tokenizer, *TEXTS * 20)
    module(batch)
    module.eval()(batch)
    trained, evaluated = seen
    changed = trained != evaluated
    words = evaluated >= 6
    assert (trained[changed] == tokenizer.unk_token_id).all()
    assert not changed[~words].any()
    assert 0.8 < changed[words].float().mean() < 1.0


def test_dropout_comes_from_torchs_generator_alone():
    _, tokenizer, module = made(dropout=0.5, word_dropout=0.2)
    batch = batch_of(tokenizer, *TEXTS)
    results = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        results.append(module(batch).tokens)
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])
    module.eval()
    assert torch.equal(module(batch).tokens, module(batch).tokens)


def test_the_same_seed_makes_the_same_module():
    torch.manual_seed(5)
    first = made()[2].state_dict()
    torch.manual_seed(5)
    second = made()[2].state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_every_weight_takes_part():
    _, tokenizer, module = made(layers=2)
    module(batch_of(tokenizer, *TEXTS)).tokens.sum().backward()
    assert all(parameter.grad is not None for parameter in module.parameters())


@pytest.mark.parametrize("case", ["mark", "lower", "keep"])
def test_saved_and_restored_it_predicts_the_same(case, vectors, tmp_path):
    encoder, tokenizer, module = made(case=case, vectors=vectors, layers=2, summary="last")
    folder = tmp_path / "model"
    folder.mkdir()
    encoder.save_shape(module, folder)
    tokenizer.save_pretrained(folder)
    save_file(module.state_dict(), folder / "model.safetensors")
    (tmp_path / "vectors.txt").unlink()  # a finished run needs it no more
    again = AutoTokenizer.from_pretrained(folder)
    restored = Lstm.model_validate_json(encoder.model_dump_json()).restore(again, folder)
    restored.load_state_dict(load_file(folder / "model.safetensors"))
    texts = ("Berlin", "met", "Zagreb", "unheard", "of"), ("New York",)
    before = module.eval()(batch_of(tokenizer, *texts))
    after = restored.eval()(batch_of(again, *texts))
    assert torch.equal(before.tokens, after.tokens)
    assert torch.equal(before.summary, after.summary)


def test_words_of_the_file_of_vectors_join_the_vocabulary_with_their_vectors(vectors):
    _, tokenizer, module = made(vectors=vectors)
    ids = tokenizer.get_vocab()
    weight = module.embedding.weight
    assert weight[ids["berlin"]].tolist() == [1, 2, 3, 4, 5, 6]
    assert weight[ids["zagreb"]].tolist() == [6, 5, 4, 3, 2, 1]
    assert 0 < weight[ids["street"]].abs().max() < 1
    assert weight.requires_grad


def test_frozen_vectors_do_not_learn(vectors):
    encoder, tokenizer, module = made(vectors=vectors, freeze_vectors=True)
    for each in (module, encoder.restore(tokenizer, None)):
        each(batch_of(tokenizer, *TEXTS)).tokens.sum().backward()
        names = [name for name, parameter in each.named_parameters() if parameter.grad is None]
        assert names == ["embedding.weight"]


def test_vectors_of_another_width_are_a_fault_with_file_and_line(vectors):
    encoder = Lstm(embedding=4, vectors=vectors)
    with pytest.raises(DataError, match=r"vectors\.txt:1: found 6 numbers, expected a word and 4"):
        encoder.tokenizer(TEXTS)


def test_texts_of_any_length_are_read():
    _, tokenizer, module = made()
    encoded = module(batch_of(tokenizer, ["met"] * 700, ["."]))
    assert encoded.tokens.shape[1] == 702


def test_unknown_words_are_learned_from_hidden_ones():
    """Which of two words a text holds, where a text that holds neither is the third answer."""
    torch.manual_seed(1)
    encoder = Lstm(embedding=8, hidden=8, min_count=1, dropout=0.0, word_dropout=0.3)
    texts = [("yes",), ("no",)]
    tokenizer = encoder.tokenizer(texts)
    module = encoder.module(tokenizer)
    head = torch.nn.Linear(module.width, 2)
    optimiser = torch.optim.Adam([*module.parameters(), *head.parameters()], lr=0.03)
    batch = batch_of(tokenizer, *texts * 8)
    answers = torch.tensor([0, 1] * 8)
    for _ in range(40):
        loss = torch.nn.functional.cross_entropy(head(module(batch).summary), answers)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    module.eval()
    scores = head(module(batch_of(tokenizer, ("yes",), ("no",), ("perhaps",))).summary)
    chances = scores.softmax(1)[:, 0].tolist()
    assert chances[0] > 0.95
    assert chances[1] < 0.05
    assert 0.2 < chances[2] < 0.8


def test_it_runs_under_autocast():
    _, tokenizer, module = made(layers=2)
    module.eval()
    batch = batch_of(tokenizer, *TEXTS)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = module(batch)
    rounded.summary.sum().backward()
    torch.testing.assert_close(rounded.tokens, module(batch).tokens, atol=0.02, rtol=0.05)
