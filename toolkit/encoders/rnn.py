"""The simple recurrent network over whole batches: the equation of `RnnCell`, all steps in place.

Tested equal to `torch.nn.RNN` and to `RnnCell`.
"""

import torch

from toolkit.encoders.rnn_cell import RnnCell
from toolkit.encoders.rnn_walk import RNN
from toolkit.encoders.stack import Kind, Stack


class RnnStack(Stack):
    """Layers of simple recurrent networks; h passes from step to step."""

    kind = Kind("rnn", RnnCell, RNN, torch.rnn_tanh)
