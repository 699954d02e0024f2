"""Windows are counted as training makes them, by every task and kind of tokenizer."""

import pytest

from tests.checkpoints import FAMILIES
from toolkit.audit.tokens import Tokens, tokens_of
from toolkit.data.given import Given
from toolkit.encoders.pretrained import Pretrained
from toolkit.encoders.pretrained_module import load_bare, longest_of
from toolkit.encoders.recurrent import Lstm
from toolkit.evaluation.predictions import Reader
from toolkit.examples import Answer, Question, Tagged, Text
from toolkit.models.reading import WindowSize
from toolkit.recipe.schema import Recipe, RunSettings
from toolkit.tasks.question_answering import QuestionAnswering
from toolkit.tasks.sequence_classification import SequenceClassification
from toolkit.tasks.token_classification import TokenClassification
from toolkit.windows import word_windows

LINE = "The European Commission said on Thursday it disagreed with German advice to Ada ."
LONG = " ".join([LINE] * 9)
WORDS = tuple(LONG.split())
TAGS = ("B-X",) + ("O",) * (len(WORDS) - 1)
TASKS = {
    "tags": (
        TokenClassification(),
        [Tagged(WORDS, TAGS), Tagged(WORDS[:9], TAGS[:9]), Tagged(("\u200b",), ("O",))],
    ),
    "texts": (SequenceClassification(), [Text(LONG, label="a"), Text(LINE, label="b")]),
    "truncated": (
        SequenceClassification(truncate=True),
        [Text(LONG, label="a"), Text(LINE, label="b")],
    ),
    "pairs": (
        SequenceClassification(),
        [Text(LONG, LINE, "a"), Text(LINE, LONG, "b"), Text(LONG, LONG, "b"), Text("a", "b", "b")],
    ),
    "questions": (
        QuestionAnswering(),
        [
            Question("Who said it ?", LONG, (Answer("Commission", 13),)),
            Question("Who ?", "Ada", ()),
        ],
    ),
}


def recipe_of(task, model) -> Recipe:
    return Recipe(task=task, model=model, data=Given(train="x"), run=RunSettings(name="x"))


def models(kind, checkpoints):
    """The encoder, its heavy tokenizer's maker, and what says how long a window may be."""
    if kind == "lstm":
        return Lstm(min_count=1, max_length=48), None
    model = Pretrained(checkpoint=checkpoints[kind])
    return model, longest_of(load_bare(model._place()))


@pytest.mark.parametrize("kind", [*FAMILIES, "lstm"])
@pytest.mark.parametrize("name", TASKS)
def test_the_windows_are_those_of_training(checkpoints, kind, name):
    task, examples = TASKS[name]
    task = task.learn(examples)
    model, longest = models(kind, checkpoints)
    found = tokens_of(task, recipe_of(task, model), {"train": examples, "dev": examples[:1]})
    assert isinstance(found, Tokens)

    class Module:
        pass

    Module.longest = longest
    tokenizer = model.tokenizer([text for each in examples for text in task.texts(each)])
    reader = Reader(task, tokenizer, WindowSize.of(model, Module))
    windows = [reader.windows(example) for example in examples]
    assert found.size == reader.size
    train = found.splits["train"]
    assert train.windows == sum(map(len, windows))
    assert found.splits["dev"].windows == len(windows[0])
    assert train.long_examples == sum(len(group) > 1 for group in windows)
    assert train.truncated == sum(task.num_left_out(group) > 0 for group in windows)
    assert [f.message for f in found.findings if f.kind == "targets" and "train" in f.message] == [
        f"train: {note}" for note in task.notes_of(examples, windows)
    ]
    options = {"add_special_tokens": False, "verbose": False}
    if name == "texts":
        lengths = [len(tokenizer(each.text, **options)["input_ids"]) for each in examples]
        assert (train.tokens, train.lengths["max"]) == (sum(lengths), max(lengths))


def test_one_long_text_takes_windows_and_is_truncated_and_two_take_and_are():
    task, model = SequenceClassification(truncate=True), Lstm(min_count=1, max_length=48)
    for num, verbs in ((1, ("takes", "is")), (2, ("take", "are"))):
        examples = [*[Text(LONG, label="a")] * num, Text(LINE, label="b")]
        found = tokens_of(task, recipe_of(task, model), {"train": examples})
        [message] = [each.message for each in found.findings if each.kind == "truncated"]
        assert f"{verbs[1]} truncated" in message
        windows = tokens_of(SequenceClassification(), recipe_of(task, model), {"train": examples})
        [message] = [each.message for each in windows.findings if each.kind == "long-examples"]
        assert f" of {num + 1} {verbs[0]} more than a window" in message


def test_unknown_tokens_and_words_are_counted():
    examples = [Tagged(("a", "b", "c", "a"), ("O",) * 4), Tagged(("d", "d"), ("O",) * 2)]
    task = TokenClassification().learn(examples)
    model = Lstm(min_count=2)
    found = tokens_of(task, recipe_of(task, model), {"train": examples})
    assert isinstance(found, Tokens)
    train = found.splits["train"]
    assert (train.words, train.tokens, train.unknown) == (6, 6, 2)
    [finding] = found.findings
    assert finding.message.startswith("train: 33 % of the tokens are unknown")
    assert finding.severity == "note"  # a vocabulary of its own leaves rare words out on purpose


def test_words_unknown_to_a_checkpoint_are_a_warning(checkpoints):
    examples = [Text("中 文 中 文", label="a")]
    model = Pretrained(checkpoint=checkpoints["bert"])
    found = tokens_of(
        SequenceClassification(), recipe_of(SequenceClassification(), model), {"train": examples}
    )
    assert isinstance(found, Tokens)
    assert [(each.severity, each.kind) for each in found.findings] == [
        ("warning", "unknown-tokens")
    ]


def test_windows_that_the_encoder_cannot_read_are_an_error(checkpoints):
    task, examples = TASKS["texts"]
    model = Pretrained(checkpoint=checkpoints["roberta"], max_length=65)
    [finding] = tokens_of(task, recipe_of(task, model), {"train": examples})
    assert finding.severity == "error"
    assert finding.message == "model.max_length: 65, but the encoder has positions for 64 tokens"


def test_vectors_that_training_would_refuse_are_an_error(tmp_path):
    (tmp_path / "vectors.txt").write_text("ada 0.1 0.2\n")
    task, examples = TASKS["texts"]
    model = Lstm(vectors=str(tmp_path / "vectors.txt"), embedding=3)
    [finding] = tokens_of(task, recipe_of(task, model), {"train": examples})
    assert (finding.severity, finding.kind) == ("error", "fault")
    assert "vectors.txt:1" in finding.message


def test_a_checkpoint_that_is_not_here_leaves_the_tokens_out():
    task, examples = TASKS["texts"]
    model = Pretrained(checkpoint="no-one/has-this-one")
    [finding] = tokens_of(task, recipe_of(task, model), {"train": examples})
    assert (finding.severity, finding.kind) == ("warning", "no-tokens")
    assert "no-one/has-this-one" in finding.message
    assert "Training will stop here" in finding.message


class Peculiar(SequenceClassification):
    """Asks its tokenizer for something that only transformers has."""

    def windows(self, example, tokenizer, max_length, overlap):
        tokenizer.get_added_vocab()
        return word_windows(tokenizer, example.text.split(), max_length, overlap)


def test_a_task_that_needs_transformers_leaves_the_tokens_out():
    _, examples = TASKS["texts"]
    [finding] = tokens_of(Peculiar(), recipe_of(Peculiar(), Lstm()), {"train": examples})
    assert (finding.severity, finding.kind) == ("note", "no-tokens")
    assert "'get_added_vocab' of a tokenizer needs transformers" in finding.message


class Foreign(Lstm):
    """An encoder that says nothing about a light tokenizer."""

    def light(self, texts):
        return None


def test_an_encoder_without_a_light_tokenizer_leaves_the_tokens_out():
    task, examples = TASKS["texts"]
    [finding] = tokens_of(task, recipe_of(task, Foreign()), {"train": examples})
    assert finding.message.endswith("this model's tokenizer needs transformers")
