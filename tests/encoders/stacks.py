"""Random batches and stacks of every kind of recurrent layer, and the same layer of torch."""

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from toolkit.encoders.gru import GruStack
from toolkit.encoders.lstm import LstmStack
from toolkit.encoders.rnn import RnnStack

OF_TORCH = {LstmStack: nn.LSTM, GruStack: nn.GRU, RnnStack: nn.RNN}
STACKS = (*OF_TORCH,)


def random_batch(dtype=torch.float32):
    """Inputs (batch, length, width) of random sizes, with some lengths of 1, and their mask."""
    batch, longest, width = (int(torch.randint(1, high, ())) for high in (9, 14, 11))
    lengths = torch.randint(1, longest + 1, (batch,))
    lengths[0] = 1 if longest % 3 == 0 else lengths[0]
    inputs = torch.randn(batch, longest, width, dtype=dtype)
    return inputs, torch.arange(longest) < lengths[:, None]


def random_stack(cls, input_width, layers=1, bidirectional=True, dtype=torch.float32, dropout=0.0):
    width = int(torch.randint(1, 10, ()))
    stack = cls(input_width, width, layers, bidirectional, dropout).to(dtype)
    for name, parameter in stack.named_parameters():
        if "bias" in name:
            nn.init.normal_(parameter)
    return stack


def same_in_torch(stack, input_width):
    """torch's layers with the weights of a stack, and pairs of what must get equal gradients.

    A pair is a parameter of ours, and the gradient or weight of torch's that belongs to it.
    """
    layers, directions = len(stack.layers), len(stack.layers[0])
    theirs = OF_TORCH[type(stack)](
        input_width, stack.width // directions, layers, batch_first=True,
        bidirectional=directions == 2, dtype=next(stack.parameters()).dtype,
    )  # fmt: skip
    pairs = {}
    for number, level in enumerate(stack.layers):
        for cell, end in zip(level, ("", "_reverse"), strict=False):
            own = {"weight_ih": cell.weight_input, "weight_hh": cell.weight_hidden}
            own["bias_ih"] = cell.bias
            second = theirs.get_parameter(f"bias_hh_l{number}{end}")
            nn.init.zeros_(second)
            for name, parameter in own.items():
                pairs[f"{name}_l{number}{end}"] = parameter, slice(None)
            if cell.bias_hidden is not None:
                last = slice(-len(cell.bias_hidden), None)
                pairs[f"bias_hh_l{number}{end}"] = cell.bias_hidden, last
    pairs = {name: (own, theirs.get_parameter(name), part) for name, (own, part) in pairs.items()}
    with torch.no_grad():
        for own, other, part in pairs.values():
            other[part] = own
    return theirs, pairs


def run_torch(theirs, inputs, mask):
    packed = pack_padded_sequence(inputs, mask.sum(1), batch_first=True, enforce_sorted=False)
    return pad_packed_sequence(theirs(packed)[0], batch_first=True, total_length=mask.shape[1])[0]


def assert_gradients_equal(own, theirs, name, tolerance):
    error = float((own - theirs).abs().max() / theirs.abs().max().clamp(min=1e-3))
    assert error < tolerance, f"{name}: relative error {error}"


def assert_all_gradients_equal(pairs, tolerance):
    for name, (own, theirs, part) in pairs.items():
        assert_gradients_equal(own.grad, theirs.grad[part], name, tolerance)
