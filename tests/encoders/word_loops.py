"""A small training loop of an encoder of words, shared by tests."""

import torch

from toolkit.encoders.words import Words
from toolkit.examples import Tagged
from toolkit.models.batch import padding_of
from toolkit.models.model import build_model
from toolkit.models.reading import WindowSize
from toolkit.recipe.schema import Train
from toolkit.tasks.token_classification import TokenClassification
from toolkit.training.batches import Plan
from toolkit.training.optimiser import build_optimiser
from toolkit.training.processes import Processes
from toolkit.training.steps import Loop

WORDS = ["Anna", "Ben", "sees", "Carl", "in", "the", "park", "today"]
TAGS = ("B-PER", "B-PER", "O", "B-PER", "O", "O", "O", "O")
EXAMPLES = [
    Tagged(
        tuple(WORDS[(k * step + 1) % 8] for step in range(2 + k % 7)),
        tuple(TAGS[(k * step + 1) % 8] for step in range(2 + k % 7)),
    )
    for k in range(24)
]


def loop_of(encoder: Words, **train: object) -> Loop:
    """Training of `encoder` on a few made-up sentences."""
    task = TokenClassification().learn(EXAMPLES)
    tokenizer = encoder.tokenizer(text for example in EXAMPLES for text in task.texts(example))
    torch.manual_seed(3)
    model = build_model(task, encoder, tokenizer)
    settings = Train(
        **{"precision": "fp32", "micro_batches": 1, "batch_size": 8, "learning_rate": 1e-2, **train}
    )
    size = WindowSize.of(encoder, model.encoder)
    windows = [task.windows(example, tokenizer, *size) for example in EXAMPLES]
    return Loop(
        model=model.train(),
        optimiser=build_optimiser(model, settings),
        scaler=None,
        train=settings,
        plan=Plan(len(EXAMPLES), settings.batch_size, settings.epochs, settings.seed),
        windows=windows.__getitem__,
        padding=padding_of(tokenizer),
        processes=Processes(),
    )
