"""What a teacher of classification teaches: classes by name, texts as a whole."""

import numpy as np
import pytest
import torch

from toolkit.examples import Text
from toolkit.recipe.distill import Distill
from toolkit.tasks.lessons import TAUGHT
from toolkit.tasks.sequence_classification import SequenceClassification
from toolkit.windows import Window

ABC = ("a", "b", "c")
WINDOW = Window({"input_ids": [1, 2]})


def lessons(student=None, teacher=None, **settings):
    student = {"labels": "single", "classes": ABC} | (student or {})
    teacher = student | (teacher or {})
    return SequenceClassification(**student).lessons(
        SequenceClassification(**teacher), Distill(teacher="runs/t", **settings)
    )


def test_the_teachers_classes_are_matched_by_name():
    found = lessons(teacher={"classes": ("c", "a", "b")})
    assert found.faults() == []
    row = found.knowledge(Text("x"), [WINDOW], [np.array([30.0, 10.0, 20.0])])
    assert row.tolist() == [[10.0, 20.0, 30.0]]
    assert row.dtype == np.float32


@pytest.mark.parametrize(
    ("combine", "expected"),
    [("mean", [2.0, 3.0, 4.0]), ("max", [3.0, 4.0, 5.0]), ("attention", [1.0, 2.0, 3.0])],
)
def test_a_long_text_is_what_the_teacher_makes_of_all_its_windows(combine, expected):
    tables = [np.array([1.0, 2.0, 3.0]), np.array([3.0, 4.0, 5.0])]
    if combine == "attention":  # the first window alone matters
        tables = [np.append(table, 100.0 * (n == 0)) for n, table in enumerate(tables)]
    found = lessons(teacher={"combine": combine})
    row = found.knowledge(Text("x"), [WINDOW] * 2, tables)
    assert row[0].tolist() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("student", "teacher", "settings", "expected"),
    [
        (
            {},
            {"classes": ("a", "b")},
            {},
            (
                "teacher",
                "runs/t lacks 1 of the 3 labels of this run ('c'), expected the same labels",
            ),
        ),
        (
            {},
            {"classes": ("a", "b", "d", "e")},
            {},
            (
                "teacher",
                "runs/t lacks 1 of the 3 labels of this run ('c') and has 2 that this run has not "
                "('d'), expected the same labels",
            ),
        ),
        (
            {},
            {"labels": "multi"},
            {},
            ("teacher", "runs/t has task.labels: multi, expected single"),
        ),
        (
            {"labels": "regression", "classes": ()},
            {},
            {"loss": "kl"},
            ("loss", "found 'kl', but numbers have no distribution: expected mse"),
        ),
    ],
)
def test_a_teacher_that_cannot_teach_is_a_fault(student, teacher, settings, expected):
    assert lessons(student, teacher, **settings).faults() == [expected]


def batch(found, groups, knowledge):
    """Targets of texts with so many windows each, as a batch has them."""
    targets = [
        each
        for number, row in zip(groups, knowledge, strict=True)
        for each in found.targets([WINDOW] * number, row)
    ]
    return {name: torch.tensor([each[name] for each in targets]) for name in targets[0]}


@pytest.mark.parametrize("loss", ["mse", "kl"])
@pytest.mark.parametrize("combine", ["mean", "max", "attention"])
@pytest.mark.parametrize("labels", ["single", "multi", "regression"])
def test_sum_and_count_are_of_texts_however_they_are_cut_into_batches(labels, combine, loss):
    if (labels, loss) == ("regression", "kl"):
        return
    classes = () if labels == "regression" else ABC
    found = lessons({"labels": labels, "classes": classes, "combine": combine}, loss=loss)
    groups, width = (1, 3, 2, 1), max(1, len(classes))
    generator = torch.Generator().manual_seed(1)
    knowledge = torch.randn(4, 1, width, generator=generator).numpy()
    scores = torch.randn(sum(groups), width + (combine == "attention"), generator=generator)
    whole, count = found.loss(scores, batch(found, groups, knowledge))
    assert int(count) == 4
    total = 0.0
    for text, part in enumerate(scores.split(groups)):
        alone, one = found.loss(part, batch(found, groups[text : text + 1], knowledge[text:][:1]))
        assert int(one) == 1
        assert float(alone) > 0
        total += float(alone)
    assert float(whole) == pytest.approx(total, rel=1e-5)


def test_squares_are_a_mean_over_classes_and_a_sum_over_several_labels():
    scores, known = torch.tensor([[1.0, 2.0, 6.0]]), np.array([[[0.0, 0.0, 0.0]]])
    single = lessons()
    assert float(single.loss(scores, batch(single, [1], known))[0]) == pytest.approx(14 / 3)
    multi = lessons({"labels": "multi"})
    assert float(multi.loss(scores, batch(multi, [1], known))[0]) == pytest.approx(41.0)
    number = lessons({"labels": "regression", "classes": ()})
    known = np.array([[[4.0]]])
    assert float(number.loss(scores[:, :1], batch(number, [1], known))[0]) == pytest.approx(9.0)


def test_a_copy_has_no_gold_and_is_the_same_for_the_same_seed():
    found = lessons(augment=1, mask=0.5)
    text = Text("one two three four five six", label="a", id="7")
    copy = found.varied(text, 0, "[MASK]", 3)
    assert copy.label is None
    assert copy.id == "7"
    assert copy == found.varied(text, 0, "[MASK]", 3)
    assert len({found.varied(text, 0, "[MASK]", seed).text for seed in range(20)}) > 10
    assert found.augments
    assert TAUGHT in found.targets([WINDOW], np.zeros((1, 3), np.float32))[0]
