"""The Transformer that is written out: equal to torch's, blind to padding, as its recipe says."""

from functools import partial

import pytest
import torch
from torch import nn

from tests.encoders.stacks import assert_gradients_equal
from tests.encoders.word_batches import assert_read_alone, batch_of
from tests.encoders.word_loops import loop_of
from toolkit.dropout import count_dropout
from toolkit.encoders.transformer import Transformer
from toolkit.encoders.transformer_layer import TransformerLayer, scaled_dot_product, sinusoids
from toolkit.encoders.word_tokenizer import CAPITAL
from toolkit.models.model import build_model
from toolkit.recipe.comments import comments_of
from toolkit.tasks.token_classification import TokenClassification
from toolkit.training.steps import steps

TEXTS = [
    ("The", "people", "of", "Berlin", "met", "in", "the", "street", "."),
    ("Berlin", "met", "Paris", "."),
    ("met",),
]
SMALL = {
    "embedding": 8,
    "width": 8,
    "heads": 2,
    "min_count": 1,
    "dropout": 0.0,
    "word_dropout": 0.0,
}
MANY = 200
NORMS = ("pre", "post")
# a parameter of ours and its name in torch's layer
NAMES = {
    "attention.inputs.weight": "self_attn.in_proj_weight",
    "attention.inputs.bias": "self_attn.in_proj_bias",
    "attention.output.weight": "self_attn.out_proj.weight",
    "attention.output.bias": "self_attn.out_proj.bias",
    "feed_forward.inputs.weight": "linear1.weight",
    "feed_forward.inputs.bias": "linear1.bias",
    "feed_forward.output.weight": "linear2.weight",
    "feed_forward.output.bias": "linear2.bias",
    "norm_attention.weight": "norm1.weight",
    "norm_attention.bias": "norm1.bias",
    "norm_feed_forward.weight": "norm2.weight",
    "norm_feed_forward.bias": "norm2.bias",
}


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def drawn(low, high):
    return int(torch.randint(low, high, ()))


def made(texts=TEXTS, **fields):
    """An encoder, its tokenizer and its module."""
    encoder = Transformer(**SMALL | fields)
    tokenizer = encoder.tokenizer(texts)
    return encoder, tokenizer, encoder.module(tokenizer)


def random_layer(norm, dtype):
    """A layer with random weights, all of them, and torch's with the same."""
    heads = drawn(1, 5)
    width, intermediate = heads * drawn(4, 9), drawn(1, 33)
    layer = TransformerLayer(width, intermediate, 0.0, norm).to(dtype)
    theirs = nn.TransformerEncoderLayer(
        width, heads, intermediate, dropout=0.0, batch_first=True, norm_first=norm == "pre",
        dtype=dtype,
    )  # fmt: skip
    with torch.no_grad():
        for name, parameter in layer.named_parameters():
            nn.init.normal_(parameter, std=width**-0.5)
            theirs.get_parameter(NAMES[name]).copy_(parameter)
    return layer, theirs, heads


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize(
    ("dtype", "outputs", "gradients"), [(torch.float32, 1e-6, 1e-5), (torch.float64, 1e-14, 1e-12)]
)
def test_a_layer_equals_torch_in_outputs_and_every_gradient(norm, dtype, outputs, gradients):
    """Random widths, heads, lengths and weights."""
    for _ in range(MANY):
        layer, theirs, heads = random_layer(norm, dtype)
        assert {*NAMES} == {name for name, _ in layer.named_parameters()}
        batch, longest = drawn(1, 6), drawn(1, 12)
        mask = torch.arange(longest) < torch.randint(1, longest + 1, (batch,))[:, None]
        inputs = torch.randn(batch, longest, layer.norm_attention.normalized_shape[0], dtype=dtype)
        wanted = torch.randn(inputs.shape, dtype=dtype) * mask[..., None]
        own_inputs, their_inputs = (inputs.clone().requires_grad_() for _ in range(2))
        own = layer(own_inputs, partial(scaled_dot_product, heads=heads, mask=mask))
        other = theirs(their_inputs, src_key_padding_mask=~mask)
        torch.testing.assert_close(own[mask], other[mask], rtol=0, atol=outputs)
        (own * wanted).sum().backward()
        (other * wanted).sum().backward()
        assert_gradients_equal(own_inputs.grad, their_inputs.grad, "inputs", gradients)
        # of the largest of all: that of the keys' bias is 0 but for rounding, whatever they are
        largest = max(float(p.grad.abs().max()) for p in theirs.parameters())
        for name, parameter in layer.named_parameters():
            grad = theirs.get_parameter(NAMES[name]).grad
            error = float((parameter.grad - grad).abs().max())
            assert error < gradients * max(largest, 1e-3), name


def plain(module, batch):
    """The states of a batch by the equations, padded; signs for capitals are not read."""
    ids, mask = batch["input_ids"], batch["attention_mask"].bool()
    x = module.widen(module.embedding(ids)) * module.width**0.5
    if module.position is not None:
        x = x + module.position.weight[: ids.shape[1]]
    elif module.positions == "sinusoidal":
        x = x + sinusoids(ids.shape[1], module.width)
    for layer in module.layers:
        x = layer(x, partial(scaled_dot_product, heads=module.heads, mask=mask))
    return module.last_norm(x) * mask[..., None]


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("positions", ["sinusoidal", "learned", "none"])
def test_the_encoder_without_padding_is_the_equations_with_padding(norm, positions):
    _, tokenizer, module = made(case="lower", norm=norm, positions=positions, layers=3, embedding=6)
    module = module.double()
    batch = batch_of(tokenizer, *TEXTS)
    found, expected = module(batch).tokens, plain(module, batch)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    weights = torch.randn(found.shape, dtype=torch.float64)
    own = torch.autograd.grad((found * weights).sum(), [*module.parameters()])
    theirs = torch.autograd.grad((expected * weights).sum(), [*module.parameters()])
    for ours, other in zip(own, theirs, strict=True):
        torch.testing.assert_close(ours, other, rtol=1e-10, atol=1e-10)


def test_nothing_that_needs_no_gradient_is_computed_otherwise():
    _, tokenizer, module = made(layers=2)
    batch = batch_of(tokenizer, *TEXTS)
    expected = module.eval()(batch).tokens
    with torch.inference_mode():  # where attention is torch's fused one
        torch.testing.assert_close(module(batch).tokens, expected)


@pytest.mark.parametrize("case", ["mark", "lower"])
@pytest.mark.parametrize("summary", ["first", "last", "mean", "max", "attention"])
def test_padding_and_neighbours_change_nothing(summary, case):
    _, tokenizer, module = made(summary=summary, case=case, layers=2)
    module.eval()
    together = module(batch_of(tokenizer, *TEXTS))
    assert together.tokens.shape == (*together.mask.shape, module.width)
    assert_read_alone(module, tokenizer, TEXTS, together)


def test_dropout_counts_from_the_window_and_not_from_the_batch():
    encoder, tokenizer, _ = made(layers=2, dropout=0.5, word_dropout=0.3)
    model = build_model(TokenClassification(labels=("O", "B-X")), encoder, tokenizer).train()
    keys = torch.tensor([11, 12, 13])
    together = model(batch_of(tokenizer, *TEXTS), keys=keys).scores
    again = model(batch_of(tokenizer, *TEXTS), keys=keys).scores
    other = model(batch_of(tokenizer, *TEXTS), keys=keys + 5).scores
    assert torch.equal(together, again)
    assert not torch.allclose(together, other)
    for number, text in enumerate(TEXTS):
        batch = batch_of(tokenizer, text, pad_to_multiple_of=32)
        alone = model(batch, keys=keys[number : number + 1]).scores[0]
        real = batch["attention_mask"][0].bool()
        torch.testing.assert_close(together[number][: int(real.sum())], alone[real])


def test_dropout_is_on_attention_on_each_half_and_on_embeddings():
    _, tokenizer, module = made(dropout=0.5)
    count_dropout(module, module.counter)
    drawn_at = []
    for part in module.modules():
        if isinstance(part, nn.Dropout):
            part.register_forward_hook(lambda part, *_: drawn_at.append(part))
    batch = batch_of(tokenizer, *TEXTS)
    module.counter.begin(torch.tensor([1, 2, 3]), batch["input_ids"].shape[1])
    module(batch)
    assert len(drawn_at) == 1 + 3 * 2  # two layers
    assert len(module.counter.visits) == 1 + 4 * 2  # attention counts by itself


def test_the_sign_for_a_capital_is_read_in_one_step_with_its_word():
    _, tokenizer, module = made()
    module.eval()
    batch = batch_of(tokenizer, ("in", "Berlin", "met"))
    tokens = module(batch).tokens[0]
    assert tokenizer.convert_ids_to_tokens(batch["input_ids"][0])[2:4] == [CAPITAL, "berlin"]
    assert torch.equal(tokens[2], tokens[3])
    with torch.no_grad():
        module.embedding.weight[tokenizer.convert_tokens_to_ids(CAPITAL)] = 0
    unmarked = module(batch).tokens[0]
    small = module(batch_of(tokenizer, ("in", "berlin", "met"))).tokens[0]
    torch.testing.assert_close(unmarked[[0, 1, 3, 4, 5]], small)


def test_sinusoids_are_those_of_the_paper():
    table = sinusoids(7, 6)
    for place in range(7):
        for i in range(3):
            angle = torch.tensor(place / 10_000 ** (2 * i / 6))
            torch.testing.assert_close(table[place, 2 * i], angle.sin())
            torch.testing.assert_close(table[place, 2 * i + 1], angle.cos())


def test_positions_without_a_table_have_no_end():
    _, tokenizer, module = made()
    encoder, _, learned = made(positions="learned", max_length=40)
    assert module.longest is None
    assert learned.longest == encoder.longest() == 40
    assert Transformer(positions="learned").longest() == 512
    long = [("met",) * 900]
    assert module(batch_of(tokenizer, *long)).tokens.isfinite().all()


def test_learned_positions_begin_as_sinusoids_and_are_trained():
    _, tokenizer, module = made(positions="learned", max_length=16)
    assert torch.equal(module.position.weight, sinusoids(16, 8))
    module(batch_of(tokenizer, *TEXTS)).tokens.square().sum().backward()
    used = module.position.weight.grad.any(1)
    assert used.tolist() == [True] * 11 + [False] * 5  # the longest text: 9 words and two ends


def test_every_weight_takes_part():
    _, tokenizer, module = made(embedding=5, layers=2, positions="learned")
    module(batch_of(tokenizer, *TEXTS)).tokens.square().sum().backward()
    assert all(parameter.grad is not None for parameter in module.parameters())


@pytest.mark.parametrize("norm", NORMS)
def test_it_learns(norm):
    encoder = Transformer(embedding=16, width=16, heads=2, min_count=1, norm=norm)
    made = list(steps(loop_of(encoder, epochs=10, learning_rate=5e-3)))
    assert made[-1].loss < 0.5 * made[0].loss


def test_it_runs_under_autocast():
    _, tokenizer, module = made(layers=2)
    module.eval()
    batch = batch_of(tokenizer, *TEXTS)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = module(batch)
    rounded.summary.sum().backward()
    error = (rounded.tokens - module(batch).tokens).norm() / rounded.tokens.norm()
    assert error.item() < 0.02


def test_every_field_is_documented():
    assert set(comments_of(Transformer)) == set(Transformer.model_fields)


@pytest.mark.parametrize(
    ("fields", "keys"),
    [
        ({"heads": 3}, ["heads"]),
        ({"width": 5, "heads": 5}, ["width"]),
        ({"width": 5, "heads": 5, "positions": "none"}, []),
        ({"freeze_vectors": True}, ["freeze_vectors"]),
        ({}, []),
    ],
)
def test_faults_between_keys_are_told(fields, keys):
    assert [key for key, _ in Transformer(**fields).faults()] == keys
