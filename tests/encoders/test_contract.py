"""Every encoder that is written from scratch keeps the contract with every task in every mode."""

import pytest

from tests.tasks.test_contract import ROWS
from toolkit import check_task, registry
from toolkit.testing import SMALL

OF_A_TRANSFORMER = {"width": 24, "heads": 2, "layers": 1}
# most words occur once, and are spelled
SPELLED = {"min_count": 2, "max_length": 64}
CONVOLUTION = {"type": "convolution", "embedding": 8, "width": 8}
RECURRENCE = {"type": "recurrence", "embedding": 8, "width": 8}
OF_LETTERS = OF_A_TRANSFORMER | SPELLED | {"characters": CONVOLUTION}
MODELS = {  # the tasks' own tests are made with a plain LSTM
    "gru": ("gru", {}),
    "rnn": ("rnn", {}),
    "transformer": ("transformer", OF_A_TRANSFORMER),
    "lstm-letters": ("lstm", {**SPELLED, "characters": RECURRENCE}),
    "transformer-letters": (
        "transformer",
        OF_A_TRANSFORMER | SPELLED | {"characters": CONVOLUTION},
    ),
}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(("name", "keys", "examples"), ROWS)
def test_the_contract_holds(model, name, keys, examples):
    kind, changes = MODELS[model]
    task, encoder = registry.look_up("task", name), registry.look_up("model", kind)
    shape = {**SMALL.model_dump(), **changes}
    known = {key: value for key, value in shape.items() if key in encoder.model_fields}
    check_task(task(**keys), examples, encoder.model_validate(known))
