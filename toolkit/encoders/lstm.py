"""The LSTM over whole batches: the equations of `LstmCell`, as few and as large steps as possible.

Tested equal to `torch.nn.LSTM` and to `LstmCell`.
"""

import torch

from toolkit.encoders.lstm_cell import LstmCell
from toolkit.encoders.lstm_walk import LSTM
from toolkit.encoders.stack import Kind, Stack


class LstmStack(Stack):
    """Layers of LSTMs; h and c pass from step to step."""

    kind = Kind("lstm", LstmCell, LSTM, torch.lstm, states=2)
