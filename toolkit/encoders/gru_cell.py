"""One time step of a GRU, written as in the paper: what the fast path must be equal to.

Source: K. Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder for Statistical
Machine Translation", EMNLP 2014. There the reset gate acts on h before the product with U_n. Here
it acts on the product and its bias, U_n h + c_n, as in `torch.nn.GRU`, in cuDNN and in the first
version of that paper (arXiv 1406.1078v1): all three products with h are then one.
"""

import torch
from torch import Tensor, nn

from toolkit.encoders.cell import Cell


class GruCell(Cell):
    """The weights of one direction, and one step of it.

    The gates lie below each other in the order of `torch.nn.GRU`: reset, update, candidate. Only
    the candidate, in which the reset gate stands between U h and W x, has two biases.
    """

    gates = 3
    gates_with_two_biases = 1
    bias_hidden: nn.Parameter  # c, of U h in the candidate

    def step(self, inputs: Tensor, hidden: Tensor) -> tuple[Tensor]:
        """From x_t (batch, input_width) and h_t-1 (batch, width) to h_t.

        For reading and for tests: `GruStack` runs the same equations over whole sequences.
        """
        w_r, w_z, w_n = self.split(inputs @ self.weight_input.T + self.bias)  # (batch, width) each
        u_r, u_z, u_n = self.split(hidden @ self.weight_hidden.T)  # (batch, width) each
        r = torch.sigmoid(w_r + u_r)  # r_t = σ(W_r x_t + U_r h_t-1 + b_r)   how much is recalled
        z = torch.sigmoid(w_z + u_z)  # z_t = σ(W_z x_t + U_z h_t-1 + b_z)   how much is kept
        n = torch.tanh(w_n + r * (u_n + self.bias_hidden))
        #                         n_t = tanh(W_n x_t + b_n + r_t ⊙ (U_n h_t-1 + c_n))
        hidden = (1 - z) * n + z * hidden  # h_t = (1 - z_t) ⊙ n_t + z_t ⊙ h_t-1
        return (hidden,)
