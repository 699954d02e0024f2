"""Recurrent layers of every kind: equal to their cell, to torch's, and blind to padding."""

import pytest
import torch
from torch import nn

from tests.encoders.stacks import (
    STACKS,
    assert_all_gradients_equal,
    assert_gradients_equal,
    random_batch,
    random_stack,
    run_torch,
    same_in_torch,
)
from toolkit.encoders import recurrence
from toolkit.encoders.packing import packing_of
from toolkit.encoders.stack import run_cells

ROUNDS = 12  # random shapes a test
MANY = 200


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.fixture(params=STACKS, ids=lambda cls: cls.kind.name)
def cls(request):
    return request.param


def by_cells(stack, inputs, mask):
    """The same stack, by the equations of its cells."""
    packing = packing_of(mask)
    packed = packing.pack(inputs)
    for cells in stack.layers:
        packed = run_cells(stack.kind, cells, packed, packing)
    return packing.unpack(packed)


def test_a_layer_is_the_cell_step_by_step(cls):
    for _ in range(ROUNDS):
        inputs, mask = random_batch(torch.float64)
        stack = random_stack(cls, inputs.shape[2], bidirectional=False, dtype=torch.float64)
        found = stack(inputs, mask)
        (cell,) = stack.layers[0]
        for text, length in enumerate(mask.sum(1).tolist()):
            states = (torch.zeros(1, cell.width, dtype=torch.float64),) * cls.kind.states
            for step in range(length):
                states = cell.step(inputs[text : text + 1, step], *states)
                torch.testing.assert_close(found[text, step], states[0][0], rtol=0, atol=1e-14)


def test_it_equals_its_cells_in_outputs_and_every_gradient(cls):
    """Random sizes, lengths and weights; in turn one and two directions, one to three layers."""
    for number in range(MANY):
        inputs, mask = random_batch(torch.float64)
        depth, both = 1 + number // 2 % 3, number % 2 == 0
        stack = random_stack(cls, inputs.shape[2], depth, both, torch.float64)
        inputs.requires_grad_()
        leaves = [inputs, *stack.parameters()]
        found, expected = stack(inputs, mask), by_cells(stack, inputs, mask)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-14)
        wanted = torch.randn(found.shape, dtype=torch.float64)
        own, theirs = (torch.autograd.grad((x * wanted).sum(), leaves) for x in (found, expected))
        for one, other in zip(own, theirs, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("dtype", "outputs", "gradients"), [(torch.float32, 1e-6, 1e-5), (torch.float64, 1e-14, 1e-12)]
)
def test_it_equals_torch_in_outputs_and_every_gradient(cls, dtype, outputs, gradients):
    """Random sizes, lengths and weights; in turn one and two directions, one to three layers."""
    for number in range(MANY):
        inputs, mask = random_batch(dtype)
        stack = random_stack(cls, inputs.shape[2], 1 + number // 2 % 3, number % 2 == 0, dtype)
        theirs, pairs = same_in_torch(stack, inputs.shape[2])
        wanted = torch.randn(*mask.shape, stack.width, dtype=dtype)
        own_inputs, their_inputs = (inputs.clone().requires_grad_() for _ in range(2))
        own, other = stack(own_inputs, mask), run_torch(theirs, their_inputs, mask)
        torch.testing.assert_close(own, other, rtol=0, atol=outputs)
        (own * wanted).sum().backward()
        (other * wanted).sum().backward()
        assert_gradients_equal(own_inputs.grad, their_inputs.grad, "inputs", gradients)
        assert_all_gradients_equal(pairs, gradients)


def test_it_equals_torch_at_the_sizes_of_real_models(cls):
    mask = torch.arange(30) < torch.randint(1, 31, (32,))[:, None]
    inputs = torch.randn(32, 30, 100)
    stack = cls(100, 200)
    theirs, pairs = same_in_torch(stack, 100)
    own, other = stack(inputs, mask), run_torch(theirs, inputs, mask)
    torch.testing.assert_close(own, other, rtol=0, atol=2e-6)
    own.square().sum().backward()
    other.square().sum().backward()
    assert_all_gradients_equal(pairs, 1e-5)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_written_gradients_are_the_numerical_ones(cls, bidirectional):
    stack = cls(2, 3, 2, bidirectional).double()
    mask = torch.tensor([[1, 1, 1, 1], [1, 0, 0, 0], [1, 1, 0, 0]])
    inputs = torch.randn(3, 4, 2, dtype=torch.float64, requires_grad=True)
    names = [name for name, _ in stack.named_parameters()]

    def function(inputs, *weights):
        parameters = dict(zip(names, weights, strict=True))
        return torch.func.functional_call(stack, parameters, (inputs, mask))

    assert torch.autograd.gradcheck(function, (inputs, *stack.parameters()))


def test_padding_is_zero_and_changes_nothing(cls):
    inputs, mask = random_batch()
    stack = random_stack(cls, inputs.shape[2], 2)
    plain = stack(inputs, mask)
    wider = torch.cat((inputs, torch.randn(len(inputs), 3, inputs.shape[2])), dim=1)
    wider[:, : mask.shape[1]][~mask] = float("nan")
    longer = stack(wider, nn.functional.pad(mask, (0, 3)))
    assert torch.equal(longer[:, : mask.shape[1]], plain)
    assert not longer[:, mask.shape[1] :].any()
    assert not plain[~mask].any()


def test_padding_gets_no_gradient(cls):
    inputs, mask = random_batch()
    stack = random_stack(cls, inputs.shape[2])
    inputs.requires_grad_()
    stack(inputs, mask).square().sum().backward()
    assert not inputs.grad[~mask].any()
    assert (inputs.grad[mask] != 0).all()


def test_padding_may_stand_anywhere(cls):
    stack = random_stack(cls, 4)
    words = torch.randn(5, 4)
    right, left, inside = torch.zeros(3, 8, 4)
    right[:5], left[3:], inside[[0, 2, 3, 6, 7]] = words, words, words
    mask = torch.zeros(3, 8, dtype=torch.bool)
    mask[0, :5] = mask[1, 3:] = mask[2, [0, 2, 3, 6, 7]] = True
    states = stack(torch.stack((right, left, inside)), mask)
    first = states[0, :5]
    torch.testing.assert_close(states[1, 3:], first)
    torch.testing.assert_close(states[2, [0, 2, 3, 6, 7]], first)
    assert not states[~mask].any()


def test_a_row_without_tokens_comes_out_zero(cls):
    stack = random_stack(cls, 4)
    inputs = torch.randn(3, 5, 4)
    mask = torch.tensor([[0] * 5, [1] * 5, [0] * 5])
    states = stack(inputs, mask)
    assert not states[[0, 2]].any()
    torch.testing.assert_close(states[1:2], stack(inputs[1:2], mask[1:2]))


def test_one_sequence_does_not_influence_another(cls):
    for _ in range(ROUNDS):
        inputs, mask = random_batch()
        stack = random_stack(cls, inputs.shape[2], 2)
        together = stack(inputs, mask)
        for text in range(len(inputs)):
            alone = stack(inputs[text : text + 1], mask[text : text + 1])
            torch.testing.assert_close(together[text : text + 1], alone, rtol=0, atol=1e-6)


def test_the_second_direction_reads_from_each_sequences_own_end(cls):
    stack = random_stack(cls, 4)
    forward, backward = stack.layers[0]
    width = forward.width
    with torch.no_grad():
        for own, other in zip(backward.parameters(), forward.parameters(), strict=True):
            own.copy_(other)
    words = torch.randn(1, 6, 4)
    inputs = nn.functional.pad(words, (0, 0, 0, 3))
    mask = torch.arange(9)[None] < 6
    states = stack(inputs, mask)[:, :6]
    turned = stack(inputs[:, [5, 4, 3, 2, 1, 0, 6, 7, 8]], mask)[:, :6]
    torch.testing.assert_close(states[..., width:].flip(1), turned[..., :width])


def test_a_single_token_is_a_batch(cls):
    stack = random_stack(cls, 4)
    theirs, _ = same_in_torch(stack, 4)
    inputs, mask = torch.randn(1, 1, 4), torch.ones(1, 1)
    torch.testing.assert_close(stack(inputs, mask), run_torch(theirs, inputs, mask))


def test_the_same_seed_gives_the_same_bits(cls):
    inputs, mask = random_batch()

    def result():
        torch.manual_seed(7)
        stack = cls(inputs.shape[2], 6, 2, True, 0.5)
        output = stack(inputs, mask)
        output.sum().backward()
        return [output, *(parameter.grad for parameter in stack.parameters())]

    for first, second in zip(result(), result(), strict=True):
        assert torch.equal(first, second)


def test_dropout_is_between_layers_and_only_in_training(cls):
    inputs, mask = random_batch()
    one, two = (cls(inputs.shape[2], 6, layers, True, 0.5) for layers in (1, 2))
    assert torch.equal(one(inputs, mask), one(inputs, mask))
    assert not torch.equal(two(inputs, mask), two(inputs, mask))
    assert torch.equal(two.eval()(inputs, mask), two(inputs, mask))


def test_going_backward_twice_adds_the_same_gradient(cls):
    inputs, mask = random_batch()
    stack = random_stack(cls, inputs.shape[2], 2)
    loss = stack(inputs, mask).square().sum()
    loss.backward(retain_graph=True)
    once = [parameter.grad.clone() for parameter in stack.parameters()]
    loss.backward()
    for parameter, gradient in zip(stack.parameters(), once, strict=True):
        assert torch.equal(parameter.grad, 2 * gradient)


def test_gradients_of_gradients_are_refused(cls):
    inputs, mask = random_batch()
    stack = random_stack(cls, inputs.shape[2])
    inputs.requires_grad_()
    output = stack(inputs, mask).sum()
    with pytest.raises(RuntimeError, match="cannot be differentiated"):
        torch.autograd.grad(output, inputs, create_graph=True)


def test_frozen_weights_get_no_gradient_and_the_others_do(cls):
    inputs, mask = random_batch()
    stack = random_stack(cls, inputs.shape[2])
    stack.layers[0][0].weight_hidden.requires_grad_(False)
    stack(inputs, mask).sum().backward()
    missing = [name for name, parameter in stack.named_parameters() if parameter.grad is None]
    assert missing == ["layers.0.0.weight_hidden"]


def test_autocast_gives_nearly_the_same_in_the_type_of_the_weights(cls):
    mask = torch.arange(12) < torch.randint(1, 13, (6,))[:, None]
    inputs = torch.randn(6, 12, 16, requires_grad=True)
    stack = cls(16, 16, 2)

    def result(enabled):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
            output = stack(inputs, mask)
        leaves = [inputs, *stack.parameters()]
        return [output, *torch.autograd.grad(output.square().sum(), leaves)]

    for exact, rounded in zip(result(False), result(True), strict=True):
        assert rounded.dtype == torch.float32
        error = (exact - rounded).norm() / exact.norm()
        assert error.item() < 0.02


def test_inputs_of_another_type_are_read_in_the_type_of_the_weights(cls):
    inputs, mask = random_batch()
    stack = random_stack(cls, inputs.shape[2])
    inputs = inputs.bfloat16().requires_grad_()
    output = stack(inputs, mask)
    output.sum().backward()
    assert output.dtype == torch.float32
    assert inputs.grad.dtype == torch.bfloat16


def test_saved_weights_give_the_same_output(cls):
    inputs, mask = random_batch()
    first, second = (cls(inputs.shape[2], 5, 2) for _ in range(2))
    second.load_state_dict(first.state_dict())
    assert torch.equal(first(inputs, mask), second(inputs, mask))


def test_large_weights_are_walked_a_direction_at_a_time_to_the_same_result(cls, monkeypatch):
    inputs, mask = random_batch(torch.float64)
    stack = random_stack(cls, inputs.shape[2], 2, dtype=torch.float64)
    inputs.requires_grad_()

    def result():
        output = stack(inputs, mask)
        leaves = [inputs, *stack.parameters()]
        return [output, *torch.autograd.grad(output.square().sum(), leaves)]

    together = result()
    monkeypatch.setattr(recurrence, "_CACHED", 0)
    for one, other in zip(result(), together, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-13)


@pytest.mark.cuda
def test_a_gpu_computes_the_same(cls):
    if not torch.cuda.is_available():
        pytest.skip("no GPU")
    inputs, mask = random_batch(torch.float64)
    stack = random_stack(cls, inputs.shape[2], 2, dtype=torch.float64)
    expected = stack(inputs, mask)
    expected.square().sum().backward()
    gradients = [parameter.grad.clone() for parameter in stack.parameters()]
    stack.zero_grad()
    stack.cuda()
    found = stack(inputs.cuda(), mask.cuda())
    found.square().sum().backward()
    torch.testing.assert_close(found.cpu(), expected)
    for parameter, gradient in zip(stack.parameters(), gradients, strict=True):
        torch.testing.assert_close(parameter.grad.cpu(), gradient)
