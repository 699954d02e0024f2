import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from toolkit.encoders import recurrence
from toolkit.encoders.lstm import LstmLayer, LstmStack
from toolkit.encoders.lstm_cell import LstmCell
from toolkit.encoders.packing import packing_of

SHAPES = [(layers, bidirectional) for layers in (1, 2, 3) for bidirectional in (False, True)]
ROUNDS = 12  # random shapes a test


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def random_batch(dtype=torch.float32):
    """Inputs (batch, length, width) of random sizes, with some lengths of 1, and their mask."""
    batch, longest, width = (int(torch.randint(1, high, ())) for high in (9, 14, 11))
    lengths = torch.randint(1, longest + 1, (batch,))
    lengths[0] = 1 if longest % 3 == 0 else lengths[0]
    inputs = torch.randn(batch, longest, width, dtype=dtype)
    return inputs, torch.arange(longest) < lengths[:, None]


def random_stack(input_width, layers=1, bidirectional=True, dtype=torch.float32, dropout=0.0):
    width = int(torch.randint(1, 10, ()))
    stack = LstmStack(input_width, width, layers, bidirectional, dropout).to(dtype)
    for name, parameter in stack.named_parameters():
        if name.endswith("bias"):
            nn.init.normal_(parameter)
    return stack


def same_in_torch(stack, input_width):
    """`torch.nn.LSTM` with the weights of a stack, and pairs of what must get equal gradients."""
    layers, directions = len(stack.layers), len(stack.layers[0])
    lstm = nn.LSTM(
        input_width, stack.width // directions, layers, batch_first=True,
        bidirectional=directions == 2, dtype=next(stack.parameters()).dtype,
    )  # fmt: skip
    pairs = {}
    for number, level in enumerate(stack.layers):
        for layer, end in zip(level, ("", "_reverse"), strict=False):
            names = {
                f"weight_ih_l{number}{end}": layer.weight_input,
                f"weight_hh_l{number}{end}": layer.weight_hidden,
                f"bias_ih_l{number}{end}": layer.bias,
            }
            pairs |= {name: (own, lstm.get_parameter(name)) for name, own in names.items()}
            nn.init.zeros_(lstm.get_parameter(f"bias_hh_l{number}{end}"))
    with torch.no_grad():
        for own, theirs in pairs.values():
            theirs.copy_(own)
    return lstm, pairs


def run_torch(lstm, inputs, mask):
    packed = pack_padded_sequence(inputs, mask.sum(1), batch_first=True, enforce_sorted=False)
    return pad_packed_sequence(lstm(packed)[0], batch_first=True, total_length=mask.shape[1])[0]


def assert_gradients_equal(own, theirs, name, tolerance):
    error = float((own - theirs).abs().max() / theirs.abs().max().clamp(min=1e-3))
    assert error < tolerance, f"{name}: relative error {error}"


def test_a_layer_is_the_cell_step_by_step():
    for _ in range(ROUNDS):
        inputs, mask = random_batch(torch.float64)
        layer = LstmLayer(inputs.shape[2], 5).double()
        expected = torch.zeros(*mask.shape, 5, dtype=torch.float64)
        for text, length in enumerate(mask.sum(1).tolist()):
            hidden = cell = torch.zeros(1, 5, dtype=torch.float64)
            for step in range(length):
                hidden, cell = layer.step(inputs[text, step][None], hidden, cell)
                expected[text, step] = hidden[0]
        torch.testing.assert_close(layer(inputs, mask), expected, rtol=0, atol=1e-14)


def test_a_layer_has_the_gradients_of_the_cell():
    layer = LstmLayer(3, 4).double()
    inputs = torch.randn(2, 6, 3, dtype=torch.float64, requires_grad=True)
    wanted = torch.randn(2, 6, 4, dtype=torch.float64)
    hidden = cell = torch.zeros(2, 4, dtype=torch.float64)
    states = []
    for step in range(6):
        hidden, cell = layer.step(inputs[:, step], hidden, cell)
        states.append(hidden)
    leaves = [inputs, *layer.parameters()]
    expected = torch.autograd.grad((torch.stack(states, 1) * wanted).sum(), leaves)
    mask = torch.ones(2, 6, dtype=torch.bool)
    found = torch.autograd.grad((layer(inputs, mask) * wanted).sum(), leaves)
    for own, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(own, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("layers", "bidirectional"), SHAPES)
@pytest.mark.parametrize(
    ("dtype", "outputs", "gradients"), [(torch.float32, 1e-6, 1e-5), (torch.float64, 1e-14, 1e-12)]
)
def test_it_equals_torch_in_outputs_and_every_gradient(
    layers, bidirectional, dtype, outputs, gradients
):
    for _ in range(ROUNDS):
        inputs, mask = random_batch(dtype)
        stack = random_stack(inputs.shape[2], layers, bidirectional, dtype)
        lstm, pairs = same_in_torch(stack, inputs.shape[2])
        wanted = torch.randn(*mask.shape, stack.width, dtype=dtype)
        own_inputs, their_inputs = (inputs.clone().requires_grad_() for _ in range(2))
        own, theirs = stack(own_inputs, mask), run_torch(lstm, their_inputs, mask)
        torch.testing.assert_close(own, theirs, rtol=0, atol=outputs)
        (own * wanted).sum().backward()
        (theirs * wanted).sum().backward()
        assert_gradients_equal(own_inputs.grad, their_inputs.grad, "inputs", gradients)
        for name, (ours, other) in pairs.items():
            assert_gradients_equal(ours.grad, other.grad, name, gradients)


def test_it_equals_torch_at_the_sizes_of_real_models():
    mask = torch.arange(30) < torch.randint(1, 31, (32,))[:, None]
    inputs = torch.randn(32, 30, 100)
    stack = LstmStack(100, 200)
    lstm, pairs = same_in_torch(stack, 100)
    own, theirs = stack(inputs, mask), run_torch(lstm, inputs, mask)
    torch.testing.assert_close(own, theirs, rtol=0, atol=2e-6)
    own.square().sum().backward()
    theirs.square().sum().backward()
    for name, (ours, other) in pairs.items():
        assert_gradients_equal(ours.grad, other.grad, name, 1e-5)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_written_gradients_are_the_numerical_ones(bidirectional):
    stack = LstmStack(2, 3, 2, bidirectional).double()
    mask = torch.tensor([[1, 1, 1, 1], [1, 0, 0, 0], [1, 1, 0, 0]])
    inputs = torch.randn(3, 4, 2, dtype=torch.float64, requires_grad=True)
    names = [name for name, _ in stack.named_parameters()]

    def function(inputs, *weights):
        parameters = dict(zip(names, weights, strict=True))
        return torch.func.functional_call(stack, parameters, (inputs, mask))

    assert torch.autograd.gradcheck(function, (inputs, *stack.parameters()))


def test_padding_is_zero_and_changes_nothing():
    inputs, mask = random_batch()
    stack = random_stack(inputs.shape[2], 2)
    plain = stack(inputs, mask)
    wider = torch.cat((inputs, torch.randn(len(inputs), 3, inputs.shape[2])), dim=1)
    wider[:, : mask.shape[1]][~mask] = float("nan")
    longer = stack(wider, nn.functional.pad(mask, (0, 3)))
    assert torch.equal(longer[:, : mask.shape[1]], plain)
    assert not longer[:, mask.shape[1] :].any()
    assert not plain[~mask].any()


def test_padding_gets_no_gradient():
    inputs, mask = random_batch()
    stack = random_stack(inputs.shape[2])
    inputs.requires_grad_()
    stack(inputs, mask).square().sum().backward()
    assert not inputs.grad[~mask].any()
    assert (inputs.grad[mask] != 0).all()


def test_padding_may_stand_anywhere():
    stack = random_stack(4)
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


def test_a_row_without_tokens_comes_out_zero():
    stack = random_stack(4)
    inputs = torch.randn(3, 5, 4)
    mask = torch.tensor([[0] * 5, [1] * 5, [0] * 5])
    states = stack(inputs, mask)
    assert not states[[0, 2]].any()
    torch.testing.assert_close(states[1:2], stack(inputs[1:2], mask[1:2]))


def test_one_sequence_does_not_influence_another():
    for _ in range(ROUNDS):
        inputs, mask = random_batch()
        stack = random_stack(inputs.shape[2], 2)
        together = stack(inputs, mask)
        for text in range(len(inputs)):
            alone = stack(inputs[text : text + 1], mask[text : text + 1])
            torch.testing.assert_close(together[text : text + 1], alone, rtol=0, atol=1e-6)


def test_the_second_direction_reads_from_each_sequences_own_end():
    stack = random_stack(4)
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


def test_a_single_token_is_a_batch():
    stack = random_stack(4)
    lstm, _ = same_in_torch(stack, 4)
    inputs, mask = torch.randn(1, 1, 4), torch.ones(1, 1)
    torch.testing.assert_close(stack(inputs, mask), run_torch(lstm, inputs, mask))


def test_the_forget_gate_starts_open_and_the_other_biases_at_zero():
    bias = LstmCell(7, 5).bias
    assert bias[5:10].eq(1).all()
    assert not bias[:5].any()
    assert not bias[10:].any()


def test_the_same_seed_gives_the_same_bits():
    inputs, mask = random_batch()

    def result():
        torch.manual_seed(7)
        stack = LstmStack(inputs.shape[2], 6, 2, True, 0.5)
        output = stack(inputs, mask)
        output.sum().backward()
        return [output, *(parameter.grad for parameter in stack.parameters())]

    for first, second in zip(result(), result(), strict=True):
        assert torch.equal(first, second)


def test_dropout_is_between_layers_and_only_in_training():
    inputs, mask = random_batch()
    one, two = (LstmStack(inputs.shape[2], 6, layers, True, 0.5) for layers in (1, 2))
    assert torch.equal(one(inputs, mask), one(inputs, mask))
    assert not torch.equal(two(inputs, mask), two(inputs, mask))
    assert torch.equal(two.eval()(inputs, mask), two(inputs, mask))


def test_going_backward_twice_adds_the_same_gradient():
    inputs, mask = random_batch()
    stack = random_stack(inputs.shape[2], 2)
    loss = stack(inputs, mask).square().sum()
    loss.backward(retain_graph=True)
    once = [parameter.grad.clone() for parameter in stack.parameters()]
    loss.backward()
    for parameter, gradient in zip(stack.parameters(), once, strict=True):
        assert torch.equal(parameter.grad, 2 * gradient)


def test_gradients_of_gradients_are_refused():
    inputs, mask = random_batch()
    stack = random_stack(inputs.shape[2])
    inputs.requires_grad_()
    output = stack(inputs, mask).sum()
    with pytest.raises(RuntimeError, match="cannot be differentiated"):
        torch.autograd.grad(output, inputs, create_graph=True)


def test_frozen_weights_get_no_gradient_and_the_others_do():
    inputs, mask = random_batch()
    stack = random_stack(inputs.shape[2])
    stack.layers[0][0].weight_hidden.requires_grad_(False)
    stack(inputs, mask).sum().backward()
    missing = [name for name, parameter in stack.named_parameters() if parameter.grad is None]
    assert missing == ["layers.0.0.weight_hidden"]


def test_autocast_gives_nearly_the_same_in_the_type_of_the_weights():
    mask = torch.arange(12) < torch.randint(1, 13, (6,))[:, None]
    inputs = torch.randn(6, 12, 16, requires_grad=True)
    stack = LstmStack(16, 16, 2)

    def result(enabled):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
            output = stack(inputs, mask)
        leaves = [inputs, *stack.parameters()]
        return [output, *torch.autograd.grad(output.square().sum(), leaves)]

    for exact, rounded in zip(result(False), result(True), strict=True):
        assert rounded.dtype == torch.float32
        error = (exact - rounded).norm() / exact.norm()
        assert error.item() < 0.02


def test_inputs_of_another_type_are_read_in_the_type_of_the_weights():
    inputs, mask = random_batch()
    stack = random_stack(inputs.shape[2])
    inputs = inputs.bfloat16().requires_grad_()
    output = stack(inputs, mask)
    output.sum().backward()
    assert output.dtype == torch.float32
    assert inputs.grad.dtype == torch.bfloat16


def test_saved_weights_give_the_same_output():
    inputs, mask = random_batch()
    first, second = (LstmStack(inputs.shape[2], 5, 2) for _ in range(2))
    second.load_state_dict(first.state_dict())
    assert torch.equal(first(inputs, mask), second(inputs, mask))


def test_a_packed_batch_unpacks_to_itself():
    for _ in range(ROUNDS):
        inputs, mask = random_batch()
        packing = packing_of(mask)
        assert packing.sizes == sorted(packing.sizes, reverse=True)
        assert sum(packing.sizes) == int(mask.sum())
        back = packing.unpack(packing.pack(inputs))
        assert torch.equal(back, inputs * mask[..., None])


@pytest.mark.parametrize("lengths", [(3, 1, 2), (3, 3)])
def test_a_step_before_is_the_token_before_in_the_same_text(lengths):
    mask = torch.arange(3) < torch.tensor(lengths)[:, None]
    packing = packing_of(mask)
    numbers = packing.pack(torch.arange(float(mask.numel())).view(*mask.shape, 1))
    after_first = numbers[packing.sizes[0] :]
    assert torch.equal(packing.a_step_before(numbers), after_first - 1)


def test_the_mirror_turns_each_sequence_round():
    mask = torch.arange(5) < torch.tensor([3, 1, 5])[:, None]
    packing = packing_of(mask)
    numbers = torch.arange(15.0).view(3, 5, 1)
    turned = packing.unpack(packing.pack(numbers)[packing.mirror])[..., 0]
    assert turned.tolist() == [[2, 1, 0, 0, 0], [5, 0, 0, 0, 0], [14, 13, 12, 11, 10]]


def test_spread_by_its_own_rows_a_packed_batch_is_unpacked():
    inputs, mask = random_batch()
    packing = packing_of(mask)
    packed = packing.pack(inputs)
    assert torch.equal(packing.spread(packed, packing.rows()), packing.unpack(packed))


def test_a_row_that_is_spread_twice_gets_both_gradients():
    packing = packing_of(torch.tensor([[0, 1, 1]]))
    packed = torch.randn(2, 4, requires_grad=True)
    found = packing.spread(packed, torch.tensor([[0, 0, 1]]))
    assert torch.equal(found[0, 0], found[0, 1])
    (found * torch.tensor([1.0, 10.0, 100.0])[:, None]).sum().backward()
    assert torch.equal(packed.grad, torch.tensor([[11.0], [100.0]]).expand(2, 4))


def test_large_weights_are_walked_a_direction_at_a_time_to_the_same_result(monkeypatch):
    inputs, mask = random_batch(torch.float64)
    stack = random_stack(inputs.shape[2], 2, dtype=torch.float64)
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
def test_a_gpu_computes_the_same():
    if not torch.cuda.is_available():
        pytest.skip("no GPU")
    inputs, mask = random_batch(torch.float64)
    stack = random_stack(inputs.shape[2], 2, dtype=torch.float64)
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
