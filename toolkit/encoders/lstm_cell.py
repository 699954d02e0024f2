"""One time step of an LSTM, written as in the papers: what the fast path must be equal to.

Sources: S. Hochreiter and J. Schmidhuber, "Long Short-Term Memory", Neural Computation 9(8),
1997 (memory cell, input and output gate); F. Gers, J. Schmidhuber and F. Cummins, "Learning to
Forget", Neural Computation 12(10), 2000 (forget gate); R. Jozefowicz, W. Zaremba and
I. Sutskever, "An Empirical Exploration of Recurrent Network Architectures", ICML 2015 (a forget
gate that starts open: bias 1). There are no peephole connections, as in `torch.nn.LSTM`.
"""

import torch
from torch import Tensor, nn

from toolkit.encoders.cell import Cell


class LstmCell(Cell):
    """The weights of one direction, and one step of it.

    The gates lie below each other in the order of `torch.nn.LSTM`: input, forget, candidate,
    output.
    """

    gates = 4

    def reset_parameters(self) -> None:
        """Draw the weights as `torch.nn.LSTM` does; the bias is 1 at the forget gate, else 0."""
        super().reset_parameters()
        nn.init.ones_(self.bias.data[self.width : 2 * self.width])

    def step(self, inputs: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        """From x_t (batch, input_width), h_t-1 and c_t-1 (batch, width) to h_t and c_t.

        For reading and for tests: `LstmStack` runs the same equations over whole sequences.
        """
        z = inputs @ self.weight_input.T + hidden @ self.weight_hidden.T + self.bias  # (batch, 4w)
        z_i, z_f, z_g, z_o = self.split(z)  # (batch, width) each
        i = torch.sigmoid(z_i)  # i_t = σ(W_i x_t + U_i h_t-1 + b_i)    how much is written
        f = torch.sigmoid(z_f)  # f_t = σ(W_f x_t + U_f h_t-1 + b_f)    how much is kept
        g = torch.tanh(z_g)  #    g_t = tanh(W_g x_t + U_g h_t-1 + b_g)  what would be written
        o = torch.sigmoid(z_o)  # o_t = σ(W_o x_t + U_o h_t-1 + b_o)    how much is shown
        cell = f * cell + i * g  # c_t = f_t ⊙ c_t-1 + i_t ⊙ g_t
        hidden = o * torch.tanh(cell)  # h_t = o_t ⊙ tanh(c_t)
        return hidden, cell
