"""A run finds what an earlier one made of the same training data, and reads none of it again."""

import json
import os
from pathlib import Path

import pytest
from transformers import AutoTokenizer, BertTokenizer

import toolkit
from tests.recipes import LSTM, pretrained, write_recipe
from toolkit.data.conll import Conll
from toolkit.data.json_lines import JsonLines
from toolkit.errors import DataError
from toolkit.evaluation.predictions import Reader
from toolkit.examples import Answer, Document, Question, Tagged, Text
from toolkit.models.reading import WindowSize
from toolkit.runs import files
from toolkit.tasks.masked_language_modelling import MaskedLanguageModelling
from toolkit.tasks.question_answering import QuestionAnswering
from toolkit.tasks.sequence_classification import SequenceClassification
from toolkit.tasks.token_classification import TokenClassification
from toolkit.training.cache import Cache, hash_of_file
from toolkit.training.events import Note
from toolkit.training.training_split import Source, Survey, TrainingSplit
from toolkit.training.training_windows import training_windows
from toolkit.training.window_store import UnstorableError

SAME = ("model/model.safetensors", "metrics.jsonl", "predictions-test.jsonl", "recipe.yaml")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TOOLKIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def recipe(tmp_path, checkpoints):
    return write_recipe(tmp_path, pretrained(checkpoints["bert"]), num_train=20, num_dev=4)


@pytest.fixture
def reads(monkeypatch):
    """The sources that are read, as they are read."""
    sources, walked = [], Conll.walked

    def watched(self, source, reads):
        sources.append(Path(source).name)
        return walked(self, source, reads)

    monkeypatch.setattr(Conll, "walked", watched)
    return sources


def run(recipe, *overrides, **options):
    notes = []
    watch = lambda event: notes.append(event.text) if isinstance(event, Note) else None  # noqa: E731
    overrides = ("train.epochs=1", *overrides)
    finished = toolkit.finetune(toolkit.load_recipe(recipe, *overrides), watch=watch, **options)
    return {name: (finished.folder / name).read_bytes() for name in SAME}, notes


def entries(cache):
    return sorted(path.name.partition("-")[0] for path in cache.iterdir() if path.is_dir())


def test_the_second_start_does_not_read_the_training_file(cache, recipe, reads):
    first, notes = run(recipe)
    assert reads.count("train.conll") == 1
    assert entries(cache) == ["facts", "facts", "windows"]
    reads.clear()
    second, notes_again = run(recipe, fresh=True)
    assert reads == ["dev.conll", "test.conll"]
    assert second == first
    assert notes_again == notes


def test_a_run_that_goes_on_does_not_read_it_either(cache, recipe, reads):
    first, _ = run(recipe)
    reads.clear()
    (Path(recipe).parent / "runs" / "small" / "results.json").unlink()
    assert run(recipe)[0] == first
    assert "train.conll" not in reads


def test_without_a_development_split_the_first_examples_are_known(cache, recipe, reads):
    bare = ("data.dev=null", "data.test=null")
    for _ in range(2):
        reads.clear()
        recipe_of = toolkit.load_recipe(recipe, *bare, "train.epochs=1")
        toolkit.finetune(recipe_of, fresh=True)
    assert reads == []


def test_an_encoder_that_learned_its_words_knows_them_and_ends_the_same(
    cache, recipe, reads, monkeypatch
):
    recipe = write_recipe(Path(recipe).parent, LSTM, num_train=20, num_dev=4)
    model = Path(recipe).parent / "runs" / "small" / "model"
    monkeypatch.setenv("TOOLKIT_CACHE", recipe)  # a file: nothing can be kept
    first, _ = run(recipe)
    learned = [path.read_bytes() for path in sorted(model.glob("tokenizer*"))]
    assert learned
    monkeypatch.setenv("TOOLKIT_CACHE", str(cache))
    assert run(recipe, fresh=True)[0] == first
    assert [path.read_bytes() for path in sorted(model.glob("tokenizer*"))] == learned
    reads.clear()
    assert run(recipe, fresh=True)[0] == first
    assert "train.conll" not in reads
    run(recipe, "model.min_count=1", fresh=True)  # other words
    assert reads.count("train.conll") == 1


@pytest.mark.parametrize("what", ["bytes", "options", "task", "tokenizer"])
def test_what_is_made_of_something_else_is_made_again(
    cache, recipe, reads, what, checkpoints, tmp_path
):
    run(recipe)
    reads.clear()
    overrides = {
        "options": ["data.repair=conll"],
        "task": ["task.decoding=crf"],
        "tokenizer": ["model.checkpoint=" + checkpoints["roberta"]],
    }.get(what, [])
    if what == "bytes":
        with open(tmp_path / "train.conll", "a", encoding="utf-8") as file:
            file.write("\nPeter\tB-PER\nsleeps\tO\n")
    run(recipe, "run.name=other", *overrides)
    assert "train.conll" in reads
    # other options may read the same examples, of which the same windows are made
    assert entries(cache).count("windows") == (1 if what == "options" else 2)


def test_windows_of_a_tokenizer_that_splits_special_tokens_are_its_own(cache, checkpoints):
    task, examples = TokenClassification(), [Tagged(("a", "[SEP]", "b"), ("O", "O", "O"))]

    def ids(*, splits: bool) -> list[int]:  # what the tokenizer's own file does not say
        tokenizer = AutoTokenizer.from_pretrained(checkpoints["bert"], split_special_tokens=splits)
        reader = Reader(task.learn(examples), tokenizer, WindowSize(16, 0))
        windows = training_windows(reader, examples, Cache(cache, print), print)
        return list(windows.of(0)[0].inputs["input_ids"])

    assert len(ids(splits=True)) > len(ids(splits=False))


def test_what_takes_long_is_said_when_it_begins(cache, recipe, monkeypatch):
    monkeypatch.setattr("toolkit.training.training_windows.MANY", 20)
    said = "train: making the windows of 20 examples, once"
    assert said in run(recipe)[1]
    assert said not in run(recipe, fresh=True)[1]


def test_a_damaged_cache_is_made_again_said_and_changes_nothing(cache, recipe):
    first, _ = run(recipe)
    for place in cache.glob("*/*.bin"):
        os.truncate(place, place.stat().st_size // 2)
    for place in cache.glob("facts-*/facts.json"):
        place.write_text(place.read_text().replace("20", "21"))
    second, notes = run(recipe, fresh=True)
    assert second == first
    assert sum("is damaged" in note for note in notes) == 3
    assert not any("is damaged" in note for note in run(recipe, fresh=True)[1])


def test_a_cache_that_cannot_be_used_is_said_and_changes_nothing(cache, recipe, monkeypatch):
    first, _ = run(recipe)
    Path(recipe).parent.joinpath("file").write_text("")
    monkeypatch.setenv("TOOLKIT_CACHE", str(Path(recipe).parent / "file" / "cache"))
    second, notes = run(recipe, fresh=True)
    assert second == first
    assert sum("cache: cannot be used" in note for note in notes) == 1


def test_a_full_disk_keeps_windows_in_memory_and_says_so(cache, recipe, monkeypatch):
    first, _ = run(recipe)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setenv("TOOLKIT_CACHE", str(cache) + "-other")
    monkeypatch.setattr("toolkit.training.training_windows.write_windows", full)
    second, notes = run(recipe, fresh=True)
    assert second == first
    assert any("cache: cannot be used" in note for note in notes)
    assert any("kept in memory: no room for files" in note for note in notes)


def test_windows_that_cannot_be_stored_are_kept_in_memory(cache, recipe, monkeypatch):
    first, _ = run(recipe)
    monkeypatch.setenv("TOOLKIT_CACHE", str(cache) + "-other")
    monkeypatch.setattr("toolkit.training.training_windows.write_windows", refuse)
    second, notes = run(recipe, fresh=True)
    assert second == first
    assert "train: windows are kept in memory: a target is 'odd'" in notes


class Own(TokenClassification):
    """A task of a user's own, whose code may change under the same name."""


def test_nothing_is_kept_of_code_of_a_users_own(cache, recipe, reads):
    loaded = toolkit.load_recipe(recipe, "train.epochs=1")
    for _ in range(2):
        toolkit.finetune(loaded.model_copy(update={"task": Own()}), fresh=True)
    assert reads.count("train.conll") == 2
    assert not cache.exists() or entries(cache) == []


def test_no_windows_are_kept_of_a_tokenizer_class_of_a_users_own(cache, checkpoints):
    class Backwards(BertTokenizer):
        def pieces_of(self, words):
            return [[self.convert_tokens_to_ids(word[-1])] for word in words]

    examples = [Tagged(("ab", "ba"), ("O", "O"))]
    reader = Reader(
        TokenClassification().learn(examples),
        Backwards.from_pretrained(checkpoints["bert"]),
        WindowSize(16, 0),
    )
    first = training_windows(reader, examples, Cache(cache, print), print).of(0)[0].inputs
    Backwards.pieces_of = lambda self, words: [[self.unk_token_id] for _ in words]
    other = training_windows(reader, examples, Cache(cache, print), print).of(0)[0].inputs
    assert list(first["input_ids"]) != list(other["input_ids"])
    assert not cache.exists() or entries(cache) == []


@pytest.mark.parametrize("what", ["train", "labels"])
def test_a_file_that_changes_while_it_is_hashed_is_not_remembered(tmp_path, what, monkeypatch):
    places = {"train": tmp_path / "train.jsonl", "labels": tmp_path / "names.txt"}
    places["train"].write_text('{"text": "a", "label": 0}\n{"text": "b", "label": 1}\n')
    places["labels"].write_text("no\nyes\n")
    data = JsonLines(train=str(places["train"]), labels_file=str(places["labels"]))

    def hashed(path: Path) -> str:
        found = hash_of_file(path)
        if path == places[what]:
            places[what].write_text(places[what].read_text() + "maybe\n")
        return found

    assert not Source.of(data, SequenceClassification()).has_changed()
    monkeypatch.setattr("toolkit.training.training_split.hash_of_file", hashed)
    assert Source.of(data, SequenceClassification()).has_changed()


@pytest.mark.parametrize("what", ["facts", "words", "windows"])
def test_an_entry_that_another_process_removes_meanwhile_is_made_again(
    cache, tmp_path, what, monkeypatch
):
    recipe = write_recipe(tmp_path, LSTM, num_train=20, num_dev=4)
    first, _ = run(recipe)
    intact = Cache._intact

    def gone(self, name):
        place = intact(self, name)
        if place is not None and name.startswith(what):
            files.remove(place)  # once nobody holds its lock any more
        return place

    monkeypatch.setattr(Cache, "_intact", gone)
    assert run(recipe, fresh=True)[0] == first


class Noted(TokenClassification):
    """A task that needs its notes in training."""

    def vary(self, window, tokenizer, seed):
        assert window.where
        return window


def test_a_task_that_needs_its_notes_has_its_windows_as_they_are(cache, recipe, monkeypatch):
    seen = []

    def watched(loop, *rest):
        seen.append(loop.windows(0)[0].where)
        return steps(loop, *rest)

    from toolkit.training.fit import steps

    monkeypatch.setattr("toolkit.training.fit.steps", watched)
    loaded = toolkit.load_recipe(recipe, "train.epochs=1")
    toolkit.finetune(loaded.model_copy(update={"task": Noted()}))
    assert seen[0]


def test_faults_are_found_at_every_start(cache, recipe, tmp_path):
    text = (tmp_path / "train.conll").read_text(encoding="utf-8")
    (tmp_path / "train.conll").write_text("EU\n" + text, encoding="utf-8")
    for _ in range(2):
        with pytest.raises(DataError, match=r"train.conll:1: "):
            run(recipe)
    assert not cache.exists() or entries(cache) == []


def test_a_file_that_changes_while_a_run_is_at_work_is_an_error(tmp_path):
    facts = TrainingSplit.given([Tagged(("EU",), ("O",))]).facts
    (tmp_path / "train.conll").write_text("UN\tO\n", encoding="utf-8")
    walk = Conll(train=str(tmp_path / "train.conll")).walk("train")
    split = TrainingSplit(lambda: Survey(walk, Tagged, Cache(tmp_path, print)), facts)
    assert len(split) == 1
    assert list(split[:16]) == [Tagged(("EU",), ("O",))]  # known without reading
    with pytest.raises(DataError, match="changed while the run was at work"):
        list(split)


def test_one_file_for_two_splits_is_read_once(cache, recipe, reads):
    run(recipe, "data.dev=" + str(Path(recipe).parent / "train.conll"))
    assert reads.count("train.conll") == 1


def test_of_a_file_that_rules_divide_the_training_part_is_kept_apart(cache, recipe, reads):
    train = "data.dev=" + str(Path(recipe).parent / "train.conll")
    rule = (train, "data.split={dev: {every: 4}}")
    first, notes = run(recipe, *rule)
    assert reads.count("train.conll") == 2  # to learn from, and for the development split
    assert "train: 15 of the 20 examples of the file (the rest of dev)" in notes
    assert "dev: 5 of the 20 examples of the file (every 4, offset 0)" in notes
    reads.clear()
    assert run(recipe, *rule, fresh=True) == (first, notes)
    assert reads.count("train.conll") == 1  # for the development split
    whole = toolkit.load_recipe(recipe, *rule).data.read(str(Path(recipe).parent / "train.conll"))
    rest = [each for number, each in enumerate(whole.examples, 1) if number % 4]
    loaded = toolkit.load_recipe(recipe, *rule)
    assert [*TrainingSplit.of(loaded, Cache(cache, print))] == rest
    reads.clear()
    run(recipe, train, "data.split={dev: {every: 5}}", fresh=True)  # other examples
    assert reads.count("train.conll") == 2


def test_without_room_for_a_copy_the_file_is_read_again_and_that_is_said(
    cache, recipe, reads, monkeypatch
):
    first, _ = run(recipe)
    reads.clear()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setenv("TOOLKIT_CACHE", str(cache) + "-other")
    monkeypatch.setattr("toolkit.training.example_store.ExampleStore.add", full)
    second, notes = run(recipe, fresh=True)
    assert second == first
    assert reads.count("train.conll") > 1
    assert any("no room for a copy of the examples" in note for note in notes)


@pytest.mark.parametrize(
    ("task", "examples"),
    [
        (TokenClassification(), [Tagged(("EU",), ("B-ORG",)), Tagged(("a",), ("B-PER",))]),
        (SequenceClassification(), [Text("a", "b", "x"), Text("c", "d", "y")]),
        (SequenceClassification(class_weights="balanced"), [Text("a", "b", "x")]),
        (SequenceClassification(labels="regression"), [Text("a", label=1.0), Text("b", "c", 2.0)]),
        (QuestionAnswering(), [Question("a", "b", ()), Question("a", "b", (Answer("b", 0),))]),
        (MaskedLanguageModelling(), [Document("a"), Document("b")]),
    ],
)  # fmt: skip
def test_tasks_learn_from_examples_that_go_by_once(task, examples):
    assert task.learn(iter(examples)) == task.learn(examples)


def test_what_of_the_gold_is_not_taught_is_said_at_every_start(cache, tmp_path, monkeypatch):
    context = "so " + "London " * 80 + "it is"
    split = {"text": [context[3:-6]], "answer_start": [3]}
    whole = {"text": ["London"], "answer_start": [3]}
    rows = [{"question": "What?", "context": context, "answers": each} for each in (split, whole)]
    train = tmp_path / "train.jsonl"
    train.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    path = tmp_path / "qa.yaml"
    path.write_text(
        "task: {type: question-answering}\n"
        "model: {type: lstm, embedding: 8, hidden: 8, max_length: 32}\n"
        f"data: {{format: jsonl, train: {train}}}\n"
        f"train: {{epochs: 1, precision: fp32}}\nrun: {{folder: {tmp_path / 'runs'}}}\n",
        encoding="utf-8",
    )

    def said():
        notes = []
        watch = lambda event: notes.append(event.text) if isinstance(event, Note) else None  # noqa: E731
        toolkit.finetune(toolkit.load_recipe(path), watch=watch, fresh=True)
        return [note for note in notes if "teach nothing" in note]

    first = said()
    assert first == [
        "train: 1 of 2 questions teach nothing, as no window holds their answer whole: "
        "raise model.max_length"
    ]
    assert said() == first  # from the cache
    monkeypatch.setattr("toolkit.training.training_windows.write_windows", refuse)
    monkeypatch.setenv("TOOLKIT_CACHE", str(cache) + "-other")
    assert said() == first  # from memory


def refuse(*_):
    raise UnstorableError("a target is 'odd'")
