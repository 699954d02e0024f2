"""A small real run of each task, made when it is first asked for."""

import shutil
from pathlib import Path

import pytest

import toolkit
from toolkit.data.given import Given
from toolkit.encoders.recurrent import Lstm
from toolkit.examples import Tagged, Text
from toolkit.recipe.schema import Evaluate, Recipe, RunSettings, Train
from toolkit.standin import sample_folder
from toolkit.tasks.sequence_classification import SequenceClassification
from toolkit.tasks.token_classification import TokenClassification

LSTM = "{type: lstm, embedding: 16, hidden: 16, max_length: 64}"
SAMPLES = """
task: {{type: {task}}}
model: {model}
data: {{format: {format}, train: {data}/train.{suffix}, dev: {data}/dev.{suffix}, test: {data}/test.{suffix}}}
train: {{epochs: {epochs}, batch_size: 16, learning_rate: 2e-2, precision: fp32}}
evaluate: {{resamples: 20}}
run: {{name: {name}, folder: {folder}}}
"""  # noqa: E501
NEW = "{type: new, layers: 1, width: 16, heads: 2, max_length: 32, vocabulary: {size: 400}}"
OF_SAMPLES = {
    "spans": ("token-classification", LSTM, "conll", "ner", "conll", 6),
    "classes": ("sequence-classification", LSTM, "jsonl", "tickets", "jsonl", 3),
    "answers": ("question-answering", LSTM, "squad", "qa", "json", 1),
    "gaps": ("masked-language-modelling", NEW, "text", "texts", "txt", 1),
}
TEXTS = ("good food", "bad service", "good service", "bad food", "fine", "dull place")
LABELS = (("joy",), ("anger",), ("joy", "calm"), (), ("calm",), ("anger", "calm"))
GIVEN = {
    "tags": (
        TokenClassification(),
        [Tagged(("the", "dog", "sees"), ("DET", "NOUN", "VERB"))] * 4
        + [Tagged(("a", "run"), ("DET", "NOUN"))] * 2,
    ),
    "several": (
        SequenceClassification(labels="multi"),
        [Text(text, label=label) for text, label in zip(TEXTS, LABELS, strict=True)] * 2,
    ),
    "numbers": (
        SequenceClassification(labels="regression"),
        [Text(text, "a pair", float(number)) for number, text in enumerate(TEXTS)] * 2,
    ),
}
KINDS = (*OF_SAMPLES, *GIVEN)


class Runs:
    """The folder of a finished run of a kind: `runs["spans"]`; `copy` gives one to spoil."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __getitem__(self, kind: str) -> Path:
        folder = self.folder / kind
        if not (folder / "results.json").exists():
            toolkit.finetune(self._given(kind) if kind in GIVEN else self._of_samples(kind))
        return folder

    def copy(self, kind: str, target: Path) -> Path:
        shutil.copytree(self[kind], target, ignore=shutil.ignore_patterns("checkpoints"))
        return target

    def _of_samples(self, kind: str) -> Recipe:
        task, model, form, data, suffix, epochs = OF_SAMPLES[kind]
        path = self.folder / f"{kind}.yaml"
        text = SAMPLES.format(
            task=task, model=model, format=form, data=sample_folder(data), suffix=suffix,
            epochs=epochs, name=kind, folder=self.folder,
        )  # fmt: skip
        path.write_text(text, encoding="utf-8")
        return toolkit.load_recipe(path)

    def _given(self, kind: str) -> Recipe:
        task, examples = GIVEN[kind]
        return Recipe(
            task=task,
            model=Lstm(embedding=8, hidden=8, min_count=1),
            data=Given(train=examples, dev=examples, test=examples[:6]),
            train=Train(epochs=2, batch_size=4, learning_rate=1e-2, precision="fp32"),
            evaluate=Evaluate(resamples=20),
            run=RunSettings(name=kind, folder=str(self.folder)),
        )


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """Finished runs by their kind."""
    return Runs(tmp_path_factory.mktemp("runs"))
