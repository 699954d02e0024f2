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


def pairs():
    """Every model with every row: two models of a row in turn, the others in `make sweep`."""
    for number, row in enumerate(ROWS):
        for place, model in enumerate(MODELS):
            is_quick = (place - 2 * number) % len(MODELS) < 2
            marks = [] if is_quick else [pytest.mark.slow]
            yield pytest.param(model, *row.values, id=f"{row.id}-{model}", marks=marks)


@pytest.mark.parametrize(("model", "name", "keys", "examples"), [*pairs()])
def test_the_contract_holds(model, name, keys, examples):
    kind, changes = MODELS[model]
    task, encoder = registry.look_up("task", name), registry.look_up("model", kind)
    shape = {**SMALL.model_dump(), **changes}
    known = {key: value for key, value in shape.items() if key in encoder.model_fields}
    check_task(task(**keys), examples, encoder.model_validate(known))
