from toolkit.encoders.lstm_cell import LstmCell


def test_the_forget_gate_starts_open_and_the_other_biases_at_zero():
    bias = LstmCell(7, 5).bias
    assert bias[5:10].eq(1).all()
    assert not bias[:5].any()
    assert not bias[10:].any()
