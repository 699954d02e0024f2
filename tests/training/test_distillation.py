"""A run that another one teaches, from its recipe to its results."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import toolkit
from tests.forked import finetune_forked
from tests.recipes import interrupt, write_recipe
from toolkit.data.given import Given
from toolkit.encoders.recurrent import Lstm
from toolkit.errors import RecipeError, ToolkitError
from toolkit.examples import Answer, Question, Text
from toolkit.models import precision
from toolkit.recipe.distill import Distill
from toolkit.recipe.schema import Evaluate, Recipe, RunSettings, Train
from toolkit.runs.run import Run
from toolkit.tasks.lessons import TAUGHT
from toolkit.tasks.masked_language_modelling import MaskedLanguageModelling
from toolkit.tasks.question_answering import QuestionAnswering
from toolkit.tasks.sequence_classification import SequenceClassification
from toolkit.training.cache import Cache
from toolkit.training.distillation import HAS_GOLD, Distillation, Lesson, mixed
from toolkit.training.events import Note
from toolkit.training.steps import Step
from toolkit.training.teacher import Knowledge, Teacher, knowledge_of
from toolkit.training.teacher import Question as Asked
from toolkit.training.window_store import windows_in_memory
from toolkit.windows import Window

WORDS = ["joy", "fear", "anger", "calm", "hope", "gloom"]
PLACES = ["home", "work", "sea", "town", "school", "bed"]
TRAIN = [Text(f"{one} at {place} today", label=one) for one in WORDS for place in PLACES]
LONG = [Text(f"{word} " + "and so on " * 20, label=word) for word in WORDS]
EXTRA = "\n".join(f"{one} , {two} or {three}" for one in WORDS for two in WORDS for three in WORDS)


def recipe(folder, name="student", task=None, train=TRAIN + LONG, model=None, **settings):
    usual = {"epochs": 2, "batch_size": 8, "learning_rate": 2e-2, "evaluate_every": 100}
    settings = {**usual, "precision": "fp32", **settings}
    return Recipe(
        task=task or SequenceClassification(),
        model=model or Lstm(embedding=12, hidden=12, min_count=1, max_length=16),
        data=Given(train=train, dev=TRAIN),
        train=Train(**settings),
        evaluate=Evaluate(resamples=0),
        run=RunSettings(name=name, folder=str(folder)),
    )


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    folder = tmp_path_factory.mktemp("teacher")
    wide = Lstm(embedding=24, hidden=24, min_count=1, max_length=64)
    return toolkit.finetune(recipe(folder, "teacher", model=wide, epochs=12)).folder


def steps(run):
    lines = map(json.loads, (run.folder / "metrics.jsonl").read_text().splitlines())
    return [
        [line["loss"], line["grad_norm"], line["num_targets"]]
        for line in lines
        if "grad_norm" in line
    ]


def weights(run):
    return (run.folder / "model" / "model.safetensors").read_bytes()


def told(run_recipe):
    events = []
    finished = toolkit.finetune(run_recipe, watch=events.append)
    return finished, [event.text for event in events if isinstance(event, Note)]


@pytest.mark.parametrize(("loss", "temperature"), [("mse", 1.0), ("kl", 3.0)])
def test_a_student_learns_the_teachers_scores_without_any_gold(
    tmp_path, teacher, loss, temperature
):
    """Its labels are turned round: only the teacher can tell it what they are."""
    turned = dict(zip(WORDS, WORDS[1:] + WORDS[:1], strict=True))
    wrong = [each._replace(label=turned[each.label]) for each in TRAIN]
    settings = Distill(teacher=str(teacher), loss=loss, temperature=temperature)
    run = toolkit.finetune(recipe(tmp_path, train=wrong, epochs=20, distill=settings))
    said, taught = toolkit.load(run.folder).predict(TRAIN), toolkit.load(teacher).predict(TRAIN)
    assert [each.label for each in said] == [each.label for each in taught]
    assert [each.label for each in taught] == [each.label for each in TRAIN]
    if loss == "kl":
        apart = np.array([one.scores for one in said]) - [other.scores for other in taught]
        assert abs(apart).mean() < 0.1


@pytest.mark.parametrize("augment", [0, 2])
def test_sum_and_count_are_the_same_however_a_step_is_cut(tmp_path, teacher, augment):
    texts = tmp_path / "extra.txt"
    texts.write_text(EXTRA, encoding="utf-8")
    settings = Distill(
        teacher=str(teacher), weight=0.6, augment=augment, transfer=str(texts), ngram=0.1
    )
    logs = [
        steps(
            toolkit.finetune(
                recipe(
                    tmp_path / str(most), epochs=1, tokens_per_micro_batch=most, distill=settings
                )
            )
        )
        for most in (None, 1, 130)
    ]
    for log in logs[1:]:
        for one, other in zip(logs[0], log, strict=True):
            assert other == pytest.approx(one, rel=1e-5)
    assert sum(count for *_, count in logs[0]) >= len(TRAIN) + len(LONG) + 216


def test_a_run_that_was_stopped_goes_on_with_the_same_bits_and_asks_nobody_again(tmp_path, teacher):
    settings = Distill(teacher=str(teacher), weight=0.5, augment=1, loss="kl", temperature=2.0)
    changes = {"distill": settings, "checkpoint_every": 1}
    whole, notes = told(recipe(tmp_path / "whole", **changes))
    assert any("is asked about" in note for note in notes)
    stopped = recipe(tmp_path / "stopped", **changes)
    interrupt(stopped, lambda event: isinstance(event, Step) and event.number == 5)
    resumed, notes = told(stopped)
    assert not any("is asked about" in note for note in notes)
    assert weights(resumed) == weights(whole)
    assert (resumed.folder / "metrics.jsonl").read_bytes() == (
        whole.folder / "metrics.jsonl"
    ).read_bytes()


def test_the_run_says_who_taught_it_and_its_own_recipe_makes_it_again(tmp_path, teacher):
    asked = recipe(tmp_path, distill=Distill(teacher=str(teacher)))
    run = toolkit.finetune(asked)
    sealed = json.loads((teacher / "manifest.json").read_text())["model"]["model.safetensors"]
    filled = toolkit.load_recipe(run.folder / "recipe.yaml").train.distill
    assert filled.teacher_sha256 == sealed
    assert run.results["teacher"] == {"run": str(teacher), "sha256": sealed}
    assert f", taught by `{teacher}`." in (run.folder / "model" / "README.md").read_text()
    assert toolkit.finetune(asked).was_finished  # open against filled is no difference


def test_gold_alone_is_what_development_is_scored_by(tmp_path, teacher):
    plain = toolkit.finetune(recipe(tmp_path, "plain"))
    taught = toolkit.finetune(
        recipe(tmp_path, "taught", distill=Distill(teacher=str(teacher), weight=0.5))
    )
    dev = [run.results["splits"]["dev"] for run in (plain, taught)]
    assert dev[0]["sha256"] == dev[1]["sha256"]
    predictor = toolkit.load(taught.folder)
    assert predictor.evaluate(TRAIN)[1].loss == pytest.approx(dev[1]["loss"], rel=1e-5)
    assert (plain.folder / "model" / "tokenizer.json").read_bytes() == (
        taught.folder / "model" / "tokenizer.json"
    ).read_bytes()


def test_a_weight_parts_the_loss_and_what_has_no_gold_adds_nothing_to_its_part():
    def gold(scores, targets):
        return (scores[:, 0] * targets["label"]).sum(), torch.tensor(len(scores))

    def teachers(scores, targets):
        return scores.square().sum(), torch.tensor(len(scores))

    scores = torch.tensor([[1.0], [2.0], [3.0]], requires_grad=True)
    label, known = torch.tensor([10, 10, 7]), torch.tensor([1.0, 1.0, 0.0])
    loss = mixed(gold, teachers, 0.25)
    found, count = loss(scores, {"label": label, HAS_GOLD: known, TAUGHT: known})
    assert (float(found.detach()), int(count)) == (0.25 * 14 + 0.75 * 30, 3)
    none, _ = loss(scores, {"label": label, HAS_GOLD: known * 0, TAUGHT: known})
    assert float(none.detach()) == 0.25 * 14
    none.backward()
    assert scores.grad is not None
    evaluated, count = loss(scores, {"label": label})
    assert (float(evaluated.detach()), int(count)) == (51.0, 3)


def faults(run_recipe):
    with pytest.raises(ToolkitError) as caught:
        toolkit.finetune(run_recipe)
    assert caught.value.exit_code == 2
    return list(caught.value.faults)


def test_a_teacher_that_is_not_there_or_not_finished_is_one_line(tmp_path, teacher):
    def of(folder):
        return faults(recipe(tmp_path, distill=Distill(teacher=str(folder))))

    (missing,) = of(tmp_path / "nobody")
    assert missing == (
        f"train.distill.teacher: there is no run {tmp_path}/nobody: make it first with toolkit "
        "finetune"
    )
    half = tmp_path / "half"
    shutil.copytree(teacher, half)
    (half / "results.json").unlink()
    (unfinished,) = of(half)
    assert unfinished.endswith("is not finished: finish it with toolkit finetune")
    (half / "recipe.yaml").unlink()
    (none,) = of(half)
    assert none.endswith("is no run (it holds no recipe.yaml)")
    assert not (tmp_path / "student" / "recipe.yaml").exists()


def test_a_teacher_whose_weights_changed_is_refused(tmp_path, teacher):
    changed = tmp_path / "changed"
    shutil.copytree(teacher, changed)
    file = changed / "model" / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"\x01")
    (fault,) = faults(recipe(tmp_path, distill=Distill(teacher=str(changed))))
    assert fault.endswith("model.safetensors is not what the run's manifest says")


def test_another_teacher_under_the_name_is_another_run(tmp_path, teacher):
    place = tmp_path / "teacher"
    shutil.copytree(teacher, place)
    asked = recipe(tmp_path, distill=Distill(teacher=str(place)))
    interrupt(asked, lambda event: isinstance(event, Step) and event.number == 2)
    shutil.rmtree(place)
    toolkit.finetune(recipe(tmp_path, "teacher", epochs=1))
    (fault,) = faults(asked)
    assert fault.startswith("train.distill.teacher_sha256: found ")
    assert fault.endswith("another teacher is another run")


def test_a_teacher_of_other_labels_or_of_another_task_is_one_line(tmp_path, teacher):
    few = [each for each in TRAIN if each.label != "joy"]
    one = recipe(tmp_path, distill=Distill(teacher=str(teacher)), train=few)
    one = one.model_copy(update={"data": Given(train=few)})
    (fault,) = faults(one)
    assert fault == (
        f"train.distill.teacher: {teacher} has 1 that this run has not ('joy'), expected the same "
        "labels"
    )


def test_transfer_texts_are_read_without_labels_and_their_hash_is_kept(tmp_path, teacher):
    texts = tmp_path / "extra.csv"
    lines = [f"{line.replace(' , ', ' ')},nobody knows" for line in EXTRA.splitlines()]
    texts.write_text("\n".join(["text,label", *lines]), encoding="utf-8")
    asked = recipe(tmp_path, distill=Distill(teacher=str(teacher), transfer=str(texts)))
    run, _ = told(asked)
    data = json.loads((run.folder / "manifest.json").read_text())["data"]
    assert data["transfer"]["examples"] == 216
    assert data["train"]["examples"] == 42
    (tmp_path / "empty.txt").write_text("\n \n", encoding="utf-8")
    empty = Distill(teacher=str(teacher), transfer=str(tmp_path / "empty.txt"))
    (fault,) = faults(recipe(tmp_path, "empty", distill=empty))
    assert fault.startswith("train.distill.transfer: no examples in ")


def test_what_a_stand_in_teaches_is_a_stand_in(tmp_path, teacher):
    place = tmp_path / "teacher"
    shutil.copytree(teacher, place)
    results = json.loads((place / "results.json").read_text())
    results |= {"stand_in": True, "stand_ins": ["other texts"]}
    (place / "results.json").write_text(json.dumps(results))
    asked = recipe(tmp_path, distill=Distill(teacher=str(place)))
    run = toolkit.finetune(asked)
    assert run.folder.name == "student-stand-in"
    assert run.results["stand_in"]
    assert run.results["stand_ins"] == [f"taught by {place}, which was made with stand-ins"]
    assert toolkit.finetune(asked).was_finished


def test_a_number_is_taught_too(tmp_path):
    train = [
        Text(f"{one} {two}", label=(a + b) / 5)
        for a, one in enumerate(WORDS)
        for b, two in enumerate(WORDS)
    ]
    task = SequenceClassification(labels="regression")
    first = recipe(tmp_path, "teacher", task, epochs=20)
    teacher = toolkit.finetune(first.model_copy(update={"data": Given(train=train, dev=train)}))
    data = Given(train=[each._replace(label=0.0) for each in train], dev=train)
    settings = Distill(teacher=str(teacher.folder))
    asked = recipe(tmp_path, "student", task, distill=settings, epochs=30)
    run = toolkit.finetune(asked.model_copy(update={"data": data}))
    said, taught = (toolkit.load(each.folder).predict(train) for each in (run, teacher))
    apart = np.corrcoef([[each.label for each in side] for side in (said, taught)])[0, 1]
    assert apart > 0.95


@pytest.fixture(scope="module")
def tagging(tmp_path_factory):
    """A recipe of tagging with a finished run of it, and the keys that make that run a teacher."""
    folder = tmp_path_factory.mktemp("tagging")
    path = write_recipe(folder, num_train=30)
    run = toolkit.finetune(toolkit.load_recipe(path, "run.name=teacher", "train.epochs=6")).folder
    return path, f"train.distill={{teacher: {run}, weight: 0.5, loss: kl, temperature: 2.0}}"


@pytest.mark.parametrize("decoding", ["argmax", "crf"])
def test_a_tagger_is_taught_the_same_however_a_step_is_cut(tagging, tmp_path, decoding):
    path, distill = tagging
    logs = []
    for most in ("null", 1, 90):
        changes = [f"run.folder={tmp_path}/{most}", f"train.tokens_per_micro_batch={most}"]
        changes += [f"task.decoding={decoding}", "train.epochs=1", "model.max_length=24", distill]
        logs.append(steps(toolkit.finetune(toolkit.load_recipe(path, *changes))))
    for log in logs[1:]:
        for one, other in zip(logs[0], log, strict=True):
            assert other == pytest.approx(one, rel=1e-5)
    num_words = sum(len(each.words) for each in toolkit.load_recipe(path).data.splits()["train"][0])
    assert sum(count for *_, count in logs[0]) == num_words


def asked_of(tagging):
    """The question about all training sentences, without gold."""
    path, distill = tagging
    student = toolkit.load_recipe(path, distill)
    teacher = Teacher.of(student.train.distill, ())
    examples = [each.without_gold() for each in student.data.splits()["train"].examples]
    task = teacher.recipe.task
    lessons = task.lessons(task, student.train.distill)
    return Asked(teacher, lessons, task, examples, torch.device("cpu"))


def test_what_a_tagger_knows_is_read_from_the_cache_as_it_was_said(tagging, tmp_path):
    question = asked_of(tagging)
    predictions = toolkit.load(question.teacher.run.folder).predict(question.examples)
    told = [sure for said in predictions for sure in said.scores]  # of a word's tag: the highest
    for _ in range(2):  # asked, and found
        known = knowledge_of(question, Cache(tmp_path, lambda said: None), lambda event: None)
        likely = torch.from_numpy(known.rows).softmax(dim=1).amax(dim=1)  # (words,)
        assert likely.tolist() == pytest.approx(told, rel=1e-5)


def test_what_a_teacher_says_in_another_arithmetic_is_not_found(tagging, tmp_path, monkeypatch):
    question = asked_of(tagging)
    teacher = question.teacher
    train = teacher.recipe.train.model_copy(update={"precision": "bf16"})
    recipe = teacher.recipe.model_copy(update={"train": train})
    question = question._replace(teacher=teacher._replace(recipe=recipe))
    cache = Cache(tmp_path, lambda said: None)
    asked = []
    for has_bf16 in (True, False, True):
        monkeypatch.setattr(precision, "has_bf16", lambda device, has=has_bf16: has)
        knowledge_of(question, cache, asked.append)
    assert len(asked) == 2


def test_two_processes_are_taught_as_one_is(tagging, tmp_path):
    path, distill = tagging
    texts = tmp_path / "extra.txt"
    texts.write_text("Ada Lovelace lived in London .\n" * 3 + "Acme opened in Paris .\n")
    more = distill.replace("}", f", transfer: {texts}}}")
    logs = []
    for processes in (1, 2):
        folder = tmp_path / str(processes)
        changes = [f"run.folder={folder}", "task.decoding=crf", "train.epochs=2", more]
        assert finetune_forked(path, *changes, processes=processes) == [0] * processes
        lines = map(json.loads, (folder / "small" / "metrics.jsonl").read_text().splitlines())
        logs.append([line for line in lines if "grad_norm" in line])
    assert len(logs[0]) > 5
    for one, two in zip(*logs, strict=True):
        assert two["loss"] == pytest.approx(one["loss"], rel=1e-5)
        assert two["grad_norm"] == pytest.approx(one["grad_norm"], rel=1e-5)
        assert two["num_targets"] == one["num_targets"]


def test_only_texts_to_classify_are_changed_and_another_task_teaches_nothing(
    tagging, teacher, tmp_path
):
    path, distill = tagging
    here = f"run.folder={tmp_path}"
    (fault,) = faults(toolkit.load_recipe(path, here, distill, "train.distill.augment=2"))
    assert fault == ("train.distill.augment: found 2, but only texts to classify can be changed")
    other = f"train.distill.teacher={teacher}"
    (fault,) = faults(toolkit.load_recipe(path, here, distill, other))
    assert fault == (
        f"train.distill.teacher: {teacher} has task.type: sequence-classification, expected "
        "token-classification"
    )


QUESTIONS = [
    Question(
        f"Where is {name} ?",
        f"{name} is in {place} now , and {other} is not .",
        (Answer(place, len(name) + 7),),
    )
    for name, other in (("Ada", "Marie"), ("Marie", "Ada"), ("Charles", "Marie"))
    for place in ("London", "Paris", "Rome", "Geneva")
]


def test_a_reader_of_answers_learns_them_from_a_teacher_alone(tmp_path):
    task = QuestionAnswering(no_answer=False)
    model = Lstm(embedding=24, hidden=24, min_count=1, max_length=32, dropout=0.0)

    def asked(name, train, **settings):
        made = recipe(tmp_path, name, task, model=model, **settings)
        return made.model_copy(update={"data": Given(train=train, dev=QUESTIONS)})

    teacher = toolkit.finetune(asked("teacher", QUESTIONS, epochs=20))
    assert teacher.results["splits"]["dev"]["scores"]["exact"]["value"] > 0.9
    wrong = [
        each._replace(answers=(Answer(each.context[-10:-2], len(each.context) - 10),))
        for each in QUESTIONS
    ]
    settings = Distill(teacher=str(teacher.folder), loss="kl")
    run = toolkit.finetune(asked("student", wrong, epochs=30, distill=settings))
    assert run.results["splits"]["dev"]["scores"]["exact"]["value"] > 0.9


def test_a_window_keeps_its_gold_and_one_without_gold_has_targets_that_nobody_reads(teacher):
    task = SequenceClassification(classes=tuple(sorted(WORDS)), pairs=False)
    settings = Distill(teacher=str(teacher), weight=0.5)
    lessons = task.lessons(task, settings)
    window = Window({"input_ids": [1, 2]})
    gold = window._replace(targets={"label": 3, "is_first": 1.0, "tokens": [4, 5]})
    groups = [[window], [gold]]
    knowledge = Knowledge(np.arange(12, dtype=np.float32).reshape(2, 6), np.array([0, 1, 2]))
    windows = windows_in_memory(groups, len)
    (bare,) = Lesson(lessons, knowledge, windows, keeps_gold=True).of(0)
    (whole,) = Lesson(lessons, knowledge, windows, keeps_gold=True).of(1)
    assert {**gold.targets, HAS_GOLD: 1.0}.items() <= whole.targets.items()
    assert whole.targets[TAUGHT] == (6, 7, 8, 9, 10, 11)
    assert (bare.targets[HAS_GOLD], bare.targets[TAUGHT]) == (0.0, (0, 1, 2, 3, 4, 5))
    assert {name: type(value) for name, value in bare.targets.items()} == {
        name: type(value) for name, value in whole.targets.items()
    }
    (alone,) = Lesson(lessons, knowledge, windows, keeps_gold=False).of(1)
    assert "label" not in alone.targets


def test_a_task_that_says_nothing_of_teachers_cannot_be_taught():
    task = MaskedLanguageModelling()
    settings = Distill(teacher="runs/t")
    teacher = Teacher("runs/t", Run(Path("t")), SimpleNamespace(task=task), {}, "0" * 64)
    with pytest.raises(RecipeError) as caught:
        Distillation(teacher, settings, ()).lessons(task)
    assert list(caught.value.faults) == [
        "train.distill: masked-language-modelling does not say how a teacher's scores teach"
    ]
