"""`model.engine: torch` computes what `own` does, with the same weights."""

import pytest
import torch

from tests.encoders.stacks import STACKS
from tests.encoders.word_loops import EXAMPLES, loop_of
from toolkit.dropout import rows_of
from toolkit.encoders.packing import packing_of
from toolkit.encoders.recurrent import Gru, Lstm, Rnn
from toolkit.encoders.rnn import RnnStack
from toolkit.encoders.rnn_cell import RnnCell
from toolkit.encoders.stack import Kind, Stack
from toolkit.errors import RecipeError
from toolkit.models.model import load_model, save_model
from toolkit.tasks.token_classification import TokenClassification
from toolkit.training.steps import steps


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.fixture(params=STACKS, ids=lambda cls: cls.kind.name)
def cls(request):
    return request.param


def both(cls, *shape):
    """A stack of each engine, with the same weights."""
    own, theirs = (cls(*shape, engine=engine) for engine in ("own", "torch"))
    for name, parameter in own.named_parameters():
        if "bias" in name:
            torch.nn.init.normal_(parameter)
    theirs.load_state_dict(own.state_dict())
    return own, theirs


def results(stack, inputs, mask, rows=None):
    """The output, and the gradients of inputs and weights."""
    inputs = inputs.clone().requires_grad_()
    packing = packing_of(mask)
    output = stack.read(packing.pack(inputs), packing, rows)
    loss = (output * torch.linspace(-1, 1, output.numel()).view_as(output)).sum()
    return [output, *torch.autograd.grad(loss, [inputs, *stack.parameters()])]


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("lengths", [(6, 1, 4, 9, 9), (5, 5, 5), (1,)])
def test_outputs_and_gradients_are_the_same_with_dropout_between_layers(
    cls, layers, bidirectional, lengths
):
    own, theirs = both(cls, 7, 6, layers, bidirectional, 0.5)
    mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    inputs = torch.randn(*mask.shape, 7)
    rows = rows_of(torch.tensor([11]), torch.arange(int(mask.sum()), dtype=torch.int32))
    for ours, other in zip(
        results(own, inputs, mask, rows), results(theirs, inputs, mask, rows), strict=True
    ):
        torch.testing.assert_close(ours, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("encoder", [Lstm, Gru, Rnn])
def test_a_training_run_has_the_same_losses(encoder):
    shape = {"embedding": 16, "hidden": 12, "layers": 2, "min_count": 1, "dropout": 0.4}
    own, theirs = (
        list(steps(loop_of(encoder(engine=engine, **shape), epochs=5)))
        for engine in ("own", "torch")
    )
    assert len(own) == 15
    assert own[-1].loss < 0.8 * own[0].loss
    for ours, other in zip(own, theirs, strict=True):
        assert other.loss == pytest.approx(ours.loss, rel=1e-5)
        assert other.grad_norm == pytest.approx(ours.grad_norm, rel=1e-4)


@pytest.mark.parametrize(("first", "second"), [("own", "torch"), ("torch", "own")])
@pytest.mark.parametrize("encoder", [Lstm, Gru, Rnn])
def test_what_one_engine_saved_the_other_loads(encoder, first, second, tmp_path):
    task = TokenClassification().learn(EXAMPLES)
    saved, loading = (
        encoder(engine=e, embedding=8, hidden=8, min_count=1) for e in (first, second)
    )
    loop = loop_of(saved, epochs=1)
    list(steps(loop))
    tokenizer = saved.tokenizer(text for example in EXAMPLES for text in task.texts(example))
    save_model(loop.model, saved, tokenizer, tmp_path)
    loaded = load_model(task, loading, tokenizer, tmp_path).eval()
    batch = {"input_ids": torch.tensor([[5, 6, 7], [8, 5, 0]])}
    batch["attention_mask"] = torch.tensor([[1, 1, 1], [1, 1, 0]])
    torch.testing.assert_close(loaded(batch).scores, loop.model.eval()(batch).scores)


def test_under_autocast_the_result_keeps_the_type_of_the_weights(cls):
    own, theirs = both(cls, 8, 8)
    mask = torch.ones(2, 5, dtype=torch.bool)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = results(theirs, torch.randn(2, 5, 8), mask)
    assert {each.dtype for each in found} == {torch.float32}
    assert own.state_dict().keys() == theirs.state_dict().keys()


class Written(Stack):
    """A simple recurrent network of which there is nothing but its equation."""

    kind = Kind("written", RnnCell)


def test_a_kind_without_steps_follows_the_equations_of_its_cell():
    own, theirs = Written(7, 6, 2), RnnStack(7, 6, 2)
    theirs.load_state_dict(own.state_dict())
    mask = torch.arange(9) < torch.tensor([9, 4, 1])[:, None]
    inputs = torch.randn(3, 9, 7)
    for one, other in zip(results(own, inputs, mask), results(theirs, inputs, mask), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


def test_a_kind_that_torch_does_not_have_has_no_engine_of_torch():
    with pytest.raises(RecipeError) as caught:
        Written(7, 6, engine="torch")
    assert list(caught.value.faults) == ["model.engine: torch has no layer of the kind 'written'"]


@pytest.mark.cuda
def test_cudnn_computes_the_same_as_the_cpu(cls):
    if not torch.cuda.is_available():
        pytest.skip("no GPU")
    _, stack = both(cls, 7, 6, 2)
    mask = torch.arange(9) < torch.tensor([9, 4, 1])[:, None]
    inputs = torch.randn(3, 9, 7)
    expected = results(stack, inputs, mask)
    found = results(stack.cuda(), inputs.cuda(), mask.cuda())
    for ours, other in zip(found, expected, strict=True):
        torch.testing.assert_close(ours.cpu(), other, rtol=1e-3, atol=1e-4)
