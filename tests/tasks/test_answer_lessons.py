"""What a teacher of answers teaches: characters, in whatever tokens the student has."""

import numpy as np
import pytest
import torch

from tests.checkpoints import make_tokenizer
from toolkit.encoders.word_tokenizer import learn_tokenizer
from toolkit.examples import Question
from toolkit.models.batch import collate
from toolkit.recipe.distill import Distill
from toolkit.tasks.answer_lessons import CHOICES
from toolkit.tasks.lessons import TAUGHT
from toolkit.tasks.question_answering import QuestionAnswering

CONTEXT = "Ada Lovelace worked with Charles Babbage in London , and Marie Curie in Paris . " * 3
EXAMPLE = Question("Who worked in London ?", CONTEXT)
START, END = CONTEXT.index("Charles"), CONTEXT.index("Babbage") + len("Babbage")


def lessons(student=False, teacher=None, **settings):
    teacher = student if teacher is None else teacher
    settings = {"loss": "kl"} | settings
    return QuestionAnswering(no_answer=student).lessons(
        QuestionAnswering(no_answer=teacher), Distill(teacher="runs/t", **settings)
    )


def tokenizer_of(kind):
    if kind == "words":
        return learn_tokenizer([CONTEXT, EXAMPLE.question])
    return make_tokenizer(kind)


def windows_of(kind, max_length=48, example=EXAMPLE):
    return QuestionAnswering().windows(example, tokenizer_of(kind), max_length, max_length // 3)


def sure(windows, nothing=-30.0):
    """Scores of a teacher that is sure of the answer wherever a window holds it."""
    found = []
    for window in windows:
        table = np.full((window.length + 3, 2), -30.0, dtype=np.float32)
        table[0] = nothing
        part = window.where
        for side, character in enumerate((START, END - 1)):
            held = part.tokens.holding(character, character + 1)
            if held and (place := part.place_of(held[side], held[side])):
                table[place[0], side] = 10.0
        found.append(table)
    return found


def taught(found, student, knowledge):
    windows = windows_of(student)
    return windows, found.targets(windows, knowledge)


@pytest.mark.parametrize("teacher", ["bert", "roberta", "words"])
@pytest.mark.parametrize("student", ["bert", "albert", "words"])
def test_an_answer_is_where_its_characters_are_in_any_tokens(teacher, student):
    found = lessons()
    theirs = windows_of(teacher)
    windows, targets = taught(found, student, found.knowledge(EXAMPLE, theirs, sure(theirs)))
    assert len(windows) > 1
    seen = 0
    for window, each in zip(windows, targets, strict=True):
        part, rows = window.where, each[TAUGHT]
        for side, character in enumerate((START, END - 1)):
            first, _ = part.tokens.holding(character, character + 1)
            place = part.place_of(first, first)
            if place is None:
                assert rows[:, side].sum() < 1e-6
            else:
                seen += 1
                assert rows[place[0], side] == pytest.approx(1)
    assert seen >= 2


@pytest.mark.parametrize("no_answer", [True, False])
def test_what_a_window_does_not_hold_is_no_answer_there_or_weighs_less(no_answer):
    found = lessons(no_answer)
    windows = windows_of("bert")
    generator = np.random.default_rng(1)
    scores = [generator.normal(size=(window.length, 2)).astype(np.float32) for window in windows]
    known = found.knowledge(EXAMPLE, windows, scores)
    assert known.shape == (1 + len(windows[0].where.tokens.ids), 4)
    sums = np.array([each[TAUGHT].sum(axis=0) for each in found.targets(windows, known)])
    firsts = np.array([each[TAUGHT][0] for each in found.targets(windows, known)])
    if no_answer:
        np.testing.assert_allclose(sums, 1, rtol=1e-5)
        assert (firsts > 0.01).all()
    else:
        assert (sums < 0.999).all()
        assert (firsts == 0).all()
        held = {
            token for window in windows for token in range(window.where.start, window.where.end)
        }
        assert len(held) == len(windows[0].where.tokens.ids)


def test_a_teacher_that_is_sure_of_no_answer_says_so_in_every_window():
    found = lessons(True)
    windows = windows_of("bert")
    scores = sure(windows, nothing=50.0)
    for each in found.targets(windows, found.knowledge(EXAMPLE, windows, scores)):
        np.testing.assert_allclose(each[TAUGHT][0], 1, rtol=1e-5)


@pytest.mark.parametrize("temperature", [1.0, 2.5])
@pytest.mark.parametrize("no_answer", [True, False])
def test_loss_and_gradient_are_those_of_their_closed_forms_however_windows_are_cut(
    no_answer, temperature
):
    found = lessons(no_answer, temperature=temperature)
    theirs = windows_of("roberta")
    generator = np.random.default_rng(2)
    scores = [generator.normal(size=(each.length, 2)).astype(np.float32) for each in theirs]
    windows, targets = taught(found, "words", found.knowledge(EXAMPLE, theirs, scores))
    batch = collate(
        [window._replace(targets=each) for window, each in zip(windows, targets, strict=True)], {}
    )
    shape = batch.targets[TAUGHT].shape
    said = torch.randn(shape, generator=torch.Generator().manual_seed(1)).requires_grad_()
    loss, count = found.loss(said, batch.targets)
    loss.backward()
    assert int(count) == len(windows)
    expected, gradient = 0.0, np.zeros(shape)
    for number in range(len(windows)):
        choice = batch.targets[CHOICES][number].numpy() == 1
        for side in range(2):
            p = batch.targets[TAUGHT][number, :, side].double().numpy()[choice]
            z = said.detach()[number, :, side].double().numpy()[choice] / temperature
            q = np.exp(z) / np.exp(z).sum()
            mass, some = p.sum(), p > 0
            expected += temperature**2 / 2 * (p * np.log(p / mass / q, where=some, out=p * 0)).sum()
            gradient[number, choice, side] = temperature / 2 * (mass * q - p)
    assert float(loss.detach()) == pytest.approx(expected, rel=1e-4)
    np.testing.assert_allclose(said.grad.numpy(), gradient, atol=1e-5)
    assert expected > 0.01
    parts = [
        found.loss(said[n : n + 1], {name: t[n : n + 1] for name, t in batch.targets.items()})
        for n in range(len(windows))
    ]
    assert sum(float(part.detach()) for part, _ in parts) == pytest.approx(expected, rel=1e-4)


def test_a_student_that_says_the_same_has_nothing_to_learn():
    found = lessons(True)
    windows = windows_of("bert", max_length=64 * 4)
    assert len(windows) == 1
    said = np.random.default_rng(3).normal(size=(windows[0].length, 2)).astype(np.float32)
    known = found.knowledge(EXAMPLE, windows, [said])
    (each,) = found.targets(windows, known)
    said[1 : windows[0].where.place] = -50.0  # the question, which the teacher is not asked about
    said[-1] = -50.0
    batch = collate([windows[0]._replace(targets=each)], {})
    assert float(found.loss(torch.tensor(said)[None], batch.targets)[0]) == pytest.approx(
        0, abs=1e-5
    )


@pytest.mark.parametrize("no_answer", [True, False])
def test_a_context_without_tokens_teaches_at_most_no_answer(no_answer):
    found = lessons(no_answer)
    empty = Question("Who ?", " ")
    windows = windows_of("bert", example=empty)
    scores = [np.zeros((window.length, 2), np.float32) for window in windows]
    known = found.knowledge(empty, windows, scores)
    (each,) = found.targets(windows, known)
    assert each[TAUGHT].sum() == 2 * no_answer
    batch = collate([windows[0]._replace(targets=each)], {})
    said = torch.zeros(1, windows[0].length, 2, requires_grad=True)
    loss, _ = found.loss(said, batch.targets)
    loss.backward()
    assert torch.isfinite(said.grad).all()


def test_what_cannot_teach_is_a_fault():
    assert lessons(True, False, loss="mse").faults() == [
        ("teacher", "runs/t has task.no_answer: false, expected true"),
        ("loss", "found 'mse', but places are matched as distributions: expected kl"),
    ]
    assert lessons(True).faults() == lessons(False).faults() == []
