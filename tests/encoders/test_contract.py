"""Every encoder that is written from scratch keeps the contract with every task in every mode."""

import pytest

from tests.tasks.test_contract import ROWS
from toolkit import check_task, registry
from toolkit.testing import SMALL

OTHERS = ("gru", "rnn", "transformer")  # than the LSTM, which the tasks' own tests are made with
OF_A_TRANSFORMER = {"width": 24, "heads": 2, "layers": 1}


@pytest.mark.parametrize("model", OTHERS)
@pytest.mark.parametrize(("name", "keys", "examples"), ROWS)
def test_the_contract_holds(model, name, keys, examples):
    task, encoder = registry.look_up("task", name), registry.look_up("model", model)
    shape = {**SMALL.model_dump(), **OF_A_TRANSFORMER}
    known = {key: value for key, value in shape.items() if key in encoder.model_fields}
    check_task(task(**keys), examples, encoder(**known))
