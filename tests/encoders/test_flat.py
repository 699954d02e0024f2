"""Reading without padding: the same numbers as with it, for every family, or not at all."""

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional
from transformers import AutoConfig, AutoModel

from toolkit.dropout import Counter
from toolkit.encoders.attention import Reading, attend
from toolkit.encoders.flat import probed_reader
from toolkit.encoders.layout import filled, flat_layout, padded_layout, rounded
from toolkit.encoders.pretrained import Pretrained
from toolkit.examples import Answer, Question, Tagged, Text
from toolkit.models.batch import Batch, collate, padding_of
from toolkit.models.model import Model, build_model
from toolkit.models.reading import WindowSize
from toolkit.tasks.question_answering import QuestionAnswering
from toolkit.tasks.sequence_classification import SequenceClassification
from toolkit.tasks.token_classification import TokenClassification

CPU = torch.device("cpu")
WORDS = ("EU", "rejects", "German", "call", "to", "boycott", "Peter", "Blackburn", "in", "Paris")
TAGS = ("O", "B-PER", "I-PER")
TAGGED = [Tagged(WORDS[:n], tuple(TAGS[i % 2] for i in range(n))) for n in (3, 1, 10, 7, 3)]
TEXTS = [Text(" ".join(WORDS[:n]), " ".join(WORDS[n:]), TAGS[n % 2]) for n in (3, 1, 10, 7, 3)]
SIZES = st.lists(st.integers(1, 40), min_size=1, max_size=20)


def reading(checkpoint: str, task, examples, **keys) -> tuple[Model, Batch]:
    encoder = Pretrained(checkpoint=checkpoint, **keys)
    tokenizer = encoder.tokenizer()
    torch.manual_seed(3)
    model = build_model(task, encoder, tokenizer)
    size = WindowSize.of(encoder, model.encoder)
    windows = [window for each in examples for window in task.windows(each, tokenizer, *size)]
    numbers = range(7, 7 + len(windows))
    return model, collate(windows, padding_of(tokenizer), keys=list(numbers))


def as_in_transformers(model: Model) -> Model:
    """With the family's own attention, and padding."""
    model.encoder.reader = None
    model.encoder.base.set_attn_implementation("sdpa")
    return model


def gradients(model: Model, batch: Batch) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    output = model(batch.inputs, batch.targets, batch.lengths, batch.keys)
    output.loss.backward()
    return output.loss.detach(), {n: p.grad for n, p in model.named_parameters()}


def assert_same_gradients(one: dict, other: dict) -> None:
    norm = torch.stack([grad.norm() for grad in one.values() if grad is not None]).norm()
    for name, grad in one.items():
        if grad is None:
            assert other[name] is None or not other[name].any(), name
        else:
            assert float((grad - other[name]).norm()) <= 1e-5 * float(norm), name


TASKS = {
    "tags": (TokenClassification(labels=TAGS), TAGGED),
    "texts": (SequenceClassification(classes=("B-PER", "O")), TEXTS),
}


@pytest.mark.parametrize("kind", TASKS)
def test_every_family_gives_what_it_gives_with_padding(checkpoints, family, kind):
    task, examples = TASKS[kind]
    flat, batch = reading(checkpoints[family], task, examples)
    assert flat.encoder.reader.is_flat
    assert flat.encoder.note is None
    padded = as_in_transformers(reading(checkpoints[family], task, examples)[0])
    flat.eval(), padded.eval()
    with torch.no_grad():
        expected = padded(batch.inputs).scores
        found = flat(batch.inputs).scores
    real = batch.inputs["attention_mask"].bool()
    if found.dim() == 3:
        expected, found = expected[real], found[real]
    assert float((found - expected).abs().max()) <= 1e-5 * float(expected.abs().max())
    loss, grads = gradients(padded, batch)
    other_loss, other_grads = gradients(flat, batch)
    assert float(other_loss) == pytest.approx(float(loss), rel=1e-5)
    assert_same_gradients(grads, other_grads)


def test_a_window_knows_nothing_of_the_others(checkpoints, family):
    model, batch = reading(checkpoints[family], *TASKS["tags"])
    model.eval()
    with torch.no_grad():
        before = model(batch.inputs).scores
        batch.inputs["input_ids"][2, 1:5] += 1
        after = model(batch.inputs).scores
    others = [0, 1, 3, 4]
    assert torch.equal(before[others], after[others])
    assert not torch.equal(before[2], after[2])


@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert", "albert", "electra"])
def test_dropout_is_the_same_padded_and_flat_whole_and_cut(checkpoints, family):
    whole, batch = reading(checkpoints[family], *TASKS["tags"])
    loss, grads = gradients(whole.train(), batch)
    without, _ = gradients(reading(checkpoints[family], *TASKS["tags"])[0].eval(), batch)
    assert float(loss) != pytest.approx(float(without), rel=1e-6)  # there is dropout
    padded, _ = reading(checkpoints[family], *TASKS["tags"], padding_free=False)
    assert not padded.encoder.reader.is_flat
    other_loss, other_grads = gradients(padded.train(), batch)
    assert float(other_loss) == pytest.approx(float(loss), rel=1e-5)
    assert_same_gradients(grads, other_grads)
    parts, _ = reading(checkpoints[family], *TASKS["tags"])
    total = 0.0
    for rows in ([4, 0], [3], [1, 2]):
        part = Batch(
            {name: tensor[rows] for name, tensor in batch.inputs.items()},
            {name: tensor[rows] for name, tensor in batch.targets.items()},
            tuple(batch.lengths[row] for row in rows),
            batch.keys[rows],
        )
        total += float(gradients(parts.train(), part)[0])
    assert total == pytest.approx(float(loss), rel=1e-5)
    assert_same_gradients(grads, {n: p.grad for n, p in parts.named_parameters()})


@pytest.mark.parametrize("family", ["deberta-v2", "mpnet", "mobilebert"])
def test_families_that_go_wrong_silently_are_found_and_read_with_padding(family):
    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 99}
    more = {
        "mobilebert": {"embedding_size": 16, "intra_bottleneck_size": 16},
        "deberta-v2": {"relative_attention": True, "pos_att_type": ["c2p", "p2c"]},
    }
    config = AutoConfig.for_model(family, **shape, intermediate_size=64, **more.get(family, {}))
    torch.manual_seed(0)
    base = AutoModel.from_config(config).eval()
    ids = torch.arange(24).view(2, 12) + 3
    mask = torch.ones_like(ids)
    mask[1, 6:] = 0
    expected = base(input_ids=ids, attention_mask=mask).last_hidden_state
    reader, note = probed_reader(base, is_flat=True)
    assert reader is None
    assert note.startswith(f"{config.model_type} is read with padding")
    assert torch.equal(expected, base(input_ids=ids, attention_mask=mask).last_hidden_state)


def test_the_trial_draws_nothing_and_leaves_the_mode(checkpoints):
    base = AutoModel.from_pretrained(checkpoints["bert"]).train()
    before = torch.get_rng_state()
    reader, _ = probed_reader(base, is_flat=True)
    assert reader is not None
    assert base.training
    assert torch.equal(before, torch.get_rng_state())


def test_a_saved_model_does_not_name_our_attention(checkpoints, tmp_path):
    model, _ = reading(checkpoints["bert"], *TASKS["tags"])
    model.head.scorer.save_native(model.encoder.base, tmp_path)
    assert "toolkit" not in (Path(tmp_path) / "config.json").read_text(encoding="utf-8")


def test_questions_have_no_pooler_to_be_wrong_about(checkpoints):
    task = QuestionAnswering(no_answer=False)
    examples = [Question("Who ?", " ".join(WORDS[:n]), (Answer("EU", 0),)) for n in (3, 10)]
    flat, batch = reading(checkpoints["bert"], task, examples)
    padded = as_in_transformers(reading(checkpoints["bert"], task, examples)[0])
    loss, grads = gradients(padded.eval(), batch)
    other_loss, other_grads = gradients(flat.eval(), batch)
    assert float(other_loss) == pytest.approx(float(loss), rel=1e-5)
    assert_same_gradients(grads, other_grads)


@given(SIZES, st.sampled_from([1, 12]))
def test_a_layout_holds_every_token_once(lengths, heads):
    length = max(lengths) + 2
    layout = flat_layout(lengths, length, heads, CPU)
    mask = torch.arange(length) < torch.tensor(lengths)[:, None]
    assert sorted(layout.source.tolist()) == mask.flatten().nonzero()[:, 0].tolist()
    values = torch.arange(mask.numel(), dtype=torch.float32).view(*mask.shape, 1)
    assert torch.equal(layout.unpack(layout.pack(values)), values * mask[..., None])
    assert torch.equal(layout.places, layout.source % length)
    ends = [0] + [block.rows.stop for block in layout.blocks]
    assert ends[:-1] == [block.rows.start for block in layout.blocks]
    assert ends[-1] == sum(lengths)
    for block in layout.blocks:
        taken = [lengths[row] for row in layout.order[block.windows].tolist()]
        assert max(taken) == block.length
        assert sum(taken) == block.rows.stop - block.rows.start


@given(st.integers(1, 100_000))
def test_rows_are_filled_up_by_little_and_to_few_numbers(tokens):
    rows = rounded(tokens)
    assert 0 <= rows - tokens < max(8, tokens / 16)
    assert rounded(rows) == rows
    assert rounded(tokens + 1) >= rows
    octave = range(2 ** (tokens.bit_length() - 1), 2 ** tokens.bit_length(), 7)
    assert len({rounded(one) for one in octave[:4096]}) <= 17


def test_rows_that_fill_a_batch_up_see_nothing_and_change_nothing():
    layout = flat_layout([3, 9, 5], 9, 2, CPU)
    values = torch.randn(3, 3, 9, 8, dtype=torch.float64, requires_grad=True)
    read = []
    for rows in (17, rounded(17)):
        parts = [
            filled(layout.pack(part), rows).view(1, rows, 2, 4).transpose(1, 2)
            for part in values.unbind()
        ]
        found, _ = attend(None, *parts, reading=Reading(layout, Counter()))
        (gradient,) = torch.autograd.grad((found**2).sum(), values)
        read.append((found[0, :17], gradient))
    assert rounded(17) == 24
    assert not found[0, 17:].any()
    for one, other in zip(*read, strict=True):
        assert torch.equal(one, other)


@settings(max_examples=30)
@given(SIZES.filter(lambda sizes: len(sizes) < 8), st.sampled_from([None, 3]), st.booleans())
def test_attention_is_that_of_torch(lengths, window, is_flat):
    """Forward, and the gradients of query, key and value, in float64."""
    heads, width = 2, 4
    longest, number = max(lengths), len(lengths)
    layout = (
        flat_layout(lengths, longest, heads, CPU)
        if is_flat
        else padded_layout(lengths, longest, CPU)
    )
    generator = torch.Generator().manual_seed(sum(lengths))
    shape = (3, number, longest, heads, width)
    values = torch.randn(shape, dtype=torch.float64, generator=generator)
    mask = torch.arange(longest) < torch.tensor(lengths)[:, None]
    seen = mask[:, None, None].expand(-1, 1, longest, -1)
    if window is not None:
        places = torch.arange(longest)
        seen = seen & ((places[:, None] - places).abs() < window)
    seen = seen | torch.eye(longest, dtype=torch.bool)  # padding sees something: no 0 / 0

    ours, theirs = values.clone().requires_grad_(), values.clone().requires_grad_()
    expected = functional.scaled_dot_product_attention(
        *theirs.transpose(2, 3).unbind(), attn_mask=seen
    ).transpose(1, 2)  # (windows, longest, heads, width)
    split = (1, -1, heads, width) if is_flat else (number, longest, heads, width)
    parts = [layout.pack(part).view(split).transpose(1, 2) for part in ours.unbind()]
    found, _ = attend(
        None, *parts, reading=Reading(layout, Counter()), sliding_window=window
    )  # (1 or windows, tokens, heads, width)
    back = layout.unpack(found.flatten(0, 1).flatten(1)).view(number, longest, heads, width)
    assert torch.allclose(back[mask], expected[mask], atol=1e-12)
    weights = torch.randn(back[mask].shape, dtype=torch.float64, generator=generator)
    (back[mask] * weights).sum().backward()
    (expected[mask] * weights).sum().backward()
    assert torch.allclose(ours.grad, theirs.grad, atol=1e-12)


def test_attention_under_dropout_has_the_gradient_of_its_result():
    heads, width, length = 2, 4, 7
    layout = flat_layout([5, 3, length], length, heads, CPU)
    shape = (1, heads, len(layout.source), width)
    torch.manual_seed(3)
    inputs = [torch.randn(shape, dtype=torch.float64, requires_grad=True) for _ in range(3)]
    module = torch.nn.Module()
    module.attention_site = 5

    def output(*inputs: torch.Tensor, dropout: float = 0.3) -> torch.Tensor:
        counter = Counter()
        counter.begin(torch.tensor([11, 22, 33]), length)
        return attend(module, *inputs, dropout=dropout, reading=Reading(layout, counter))[0]

    assert not torch.equal(output(*inputs), output(*inputs, dropout=0.0))
    assert torch.autograd.gradcheck(output, inputs)
