"""The GRU over whole batches: the equations of `GruCell`, as few and as large steps as possible.

Tested equal to `torch.nn.GRU` and to `GruCell`.
"""

import torch

from toolkit.encoders.gru_cell import GruCell
from toolkit.encoders.gru_walk import GRU
from toolkit.encoders.stack import Kind, Stack


class GruStack(Stack):
    """Layers of GRUs; h passes from step to step."""

    kind = Kind("gru", GruCell, GRU, torch.gru)
