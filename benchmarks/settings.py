"""What is trained in a measurement: data and model, the same for every arm."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from toolkit.encoders.base import encoder_of
from toolkit.encoders.checkpoint import locate
from toolkit.encoders.pretrained import STAND_IN, Pretrained
from toolkit.models.model import build_model, save_model
from toolkit.models.reading import WindowSize
from toolkit.recipe.load import load_recipe
from toolkit.recipe.schema import Train
from toolkit.standin import ready
from toolkit.tasks.base import Task
from toolkit.tasks.token_classification import TokenClassification
from toolkit.training.batches import Plan
from toolkit.windows import IGNORED, Window

SEED = 1


class Shape(NamedTuple):
    """A BERT with random weights, which reads with MiniLM's tokenizer."""

    name: str
    layers: int
    width: int
    vocabulary: int = 30_522


DISTILBERT = Shape("6 layers of 768", 6, 768)
BERT_BASE = Shape("12 layers of 768", 12, 768)
BERT_LARGE = Shape("24 layers of 1024", 24, 1024)
XLMR_SIZED = Shape("6 layers of 384, 250,002 rows", 6, 384, 250_002)


class Setting(NamedTuple):
    """A recipe as it is measured."""

    name: str
    title: str
    recipe: str = ""  # "": windows of random tokens, all of `length`
    overrides: tuple[str, ...] = ()
    shape: Shape | None = None  # None: the recipe's checkpoint
    length: int = 0
    pad_to: int | None = None  # what the stock script pads to unless told otherwise
    is_about_vocabulary: bool = False  # ours is measured with the whole vocabulary too
    needs_gpu: bool = False


SETTINGS = (
    Setting("wnut17", "NER, WNUT-17, MiniLM", "wnut17-minilm"),
    Setting("wnut17-768", "NER, WNUT-17, DistilBERT's shape", "wnut17-minilm", shape=DISTILBERT),
    Setting("wnut17-base", "NER, WNUT-17, BERT-base's shape", "wnut17-minilm", shape=BERT_BASE),
    Setting("banking77", "Single texts, Banking77, MiniLM", "banking77-minilm", pad_to=128),
    Setting("boolq", "Pairs, BoolQ, MiniLM", "boolq-minilm"),
    Setting("squad", "Questions, SQuAD, MiniLM", "squad-minilm", pad_to=384),
    Setting(
        "vocabulary", "NER, WNUT-17, XLM-R-sized vocabulary", "wnut17-minilm", shape=XLMR_SIZED,
        is_about_vocabulary=True,
    ),
    *(
        Setting(
            f"{name}-{length}", f"{name} of {length} random tokens, no padding to leave out",
            shape=shape, length=length, needs_gpu=True,
        )
        for name, shape in (("bert-base", BERT_BASE), ("bert-large", BERT_LARGE))
        for length in (32, 128, 384)
    ),
)  # fmt: skip


class Ground(NamedTuple):
    """What all arms of a setting start from."""

    setting: Setting
    task: Task
    encoder: Any
    tokenizer: Any
    train: Train
    windows: list[list[Window]]  # of each example of the training split
    plan: Plan
    start: Path  # a native folder of `transformers`: the first weights of every arm
    device: torch.device


def prepare(setting: Setting, folder: Path, steps: int, device: torch.device) -> Ground:
    """Read the data and write the first weights; UnreachableError where something is missing.

    The plan has `steps` steps at least.
    """
    if not setting.recipe:
        return _random(setting, folder, steps, device)
    changes = list(setting.overrides)
    if setting.shape is not None:
        changes.append(f"model.checkpoint={write_shape(setting.shape, folder / 'shape')}")
    recipe = ready(load_recipe(setting.recipe, *changes))
    examples = recipe.data.splits(recipe.task.reads, ("train",))["train"].examples
    task = recipe.task.learn(examples)
    tokenizer = encoder_of(recipe).tokenizer(())
    start, size = _start(task, recipe.model, tokenizer, folder / "start")
    windows = [task.windows(example, tokenizer, *size) for example in examples]
    plan = _plan(len(examples), recipe.train, steps)
    return Ground(
        setting, task, recipe.model, tokenizer, recipe.train, windows, plan, start, device
    )


def write_shape(shape: Shape, folder: Path) -> Path:
    """A checkpoint of random weights in that shape."""
    from transformers import AutoModel, AutoTokenizer, BertConfig

    config = BertConfig(
        vocab_size=shape.vocabulary,
        hidden_size=shape.width,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.width // 64,
        intermediate_size=4 * shape.width,
    )
    torch.manual_seed(SEED)
    AutoModel.from_config(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(locate(STAND_IN).name).save_pretrained(folder)
    return folder


def _start(task: Task, encoder: Any, tokenizer: Any, folder: Path) -> tuple[Path, WindowSize]:
    torch.manual_seed(SEED)
    model = build_model(task, encoder, tokenizer)
    save_model(model, encoder, tokenizer, folder)
    return folder, WindowSize.of(encoder, model.encoder)


def _plan(num_examples: int, train: Train, steps: int) -> Plan:
    plan = Plan(num_examples, train.batch_size, train.epochs, SEED)
    return plan._replace(epochs=max(train.epochs, -(-steps // plan.steps_per_epoch)))


def _random(setting: Setting, folder: Path, steps: int, device: torch.device) -> Ground:
    assert setting.shape is not None
    task = TokenClassification(labels=("O", "B-X", "I-X"))
    encoder = Pretrained(checkpoint=str(write_shape(setting.shape, folder / "shape")))
    tokenizer, train = encoder.tokenizer(), Train(batch_size=32, max_grad_norm=None)
    start, _ = _start(task, encoder, tokenizer, folder / "start")
    draw = torch.Generator().manual_seed(SEED)
    windows = [[_random_window(setting, draw)] for _ in range(32 * 64)]
    plan = _plan(len(windows), train, steps)
    return Ground(setting, task, encoder, tokenizer, train, windows, plan, start, device)


def _random_window(setting: Setting, draw: torch.Generator) -> Window:
    assert setting.shape is not None
    ids: Sequence[int] = torch.randint(
        1000, setting.shape.vocabulary, (setting.length,), generator=draw
    ).tolist()
    labels: list[int] = torch.randint(0, 3, (setting.length,), generator=draw).tolist()
    return Window({"input_ids": ids}, {"labels": [IGNORED, *labels[1:-1], IGNORED]})
