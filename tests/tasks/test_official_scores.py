"""Classification by our scorers and by scikit-learn and SciPy, as a run compares them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.evaluation.passport import check_official
from toolkit.examples import Text
from toolkit.metrics.score import normal
from toolkit.tasks.sequence_classification import Labelled, SequenceClassification

CLASSES = ("a", "b", "c")
LABEL = st.sampled_from([*CLASSES, "unseen"])  # gold may hold a label that no class is


def probabilities(data, num):
    numbers = [data.draw(st.integers(1, 9)) for _ in range(num)]
    return tuple(number / sum(numbers) for number in numbers)


def compared(task, examples, predictions):
    """Both agree wherever ours is defined; the names that were compared."""
    scores = {name: normal(one) for name, one in task.score(examples, predictions).items()}
    official = task.official(examples, predictions)
    check_official(scores, official)
    return {name for name in official if scores[name].value is not None}


@settings(max_examples=80, deadline=None)
@given(st.data(), st.integers(2, 3), st.integers(1, 12))
def test_one_label_a_text(data, num_classes, size):
    task = SequenceClassification(classes=CLASSES[:num_classes], allow_unseen=True)
    predictions, examples = [], []
    for _ in range(size):
        sure = probabilities(data, num_classes)
        predictions.append(Labelled(CLASSES[int(np.argmax(sure))], sure))
        examples.append(Text("t", label=data.draw(LABEL)))
    names = compared(task, examples, predictions)
    assert size < 2 or {"accuracy", "macro_f1", "macro_f1_all", "micro_f1", "weighted_f1"} <= names


@settings(max_examples=80, deadline=None)
@given(st.data(), st.integers(1, 3), st.integers(1, 12))
def test_several_labels_a_text(data, num_classes, size):
    task = SequenceClassification(labels="multi", classes=CLASSES[:num_classes], allow_unseen=True)
    predictions, examples = [], []
    for _ in range(size):
        sure = tuple(data.draw(st.integers(0, 9)) / 9 for _ in range(num_classes))
        chosen = tuple(name for name, each in zip(CLASSES, sure) if each >= 0.5)
        predictions.append(Labelled(chosen, sure))
        examples.append(Text("t", label=tuple(sorted(data.draw(st.sets(LABEL))))))
    names = compared(task, examples, predictions)
    if size > 1 and num_classes > 1:
        assert {"subset_accuracy", "samples_f1"} <= names


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.floats(-3, 8, width=32)), min_size=1, max_size=12))
def test_a_number_a_text(rows):
    task = SequenceClassification(labels="regression")
    examples = [Text("t", label=float(gold)) for gold, _ in rows]
    names = compared(task, examples, [Labelled(float(guess)) for _, guess in rows])
    assert len(rows) < 2 or "mean_squared_error" in names


def test_numbers_that_are_not_finite_are_left_to_our_own_reason():
    task = SequenceClassification(labels="regression")
    examples = [Text("t", label=1.0), Text("u", label=2.0)]
    predictions = [Labelled(float("nan")), Labelled(1.0)]
    assert task.official(examples, predictions) == {}
    assert task.score(examples, predictions)["pearson"].about["reason"]
    with pytest.raises(AssertionError):
        check_official({"pearson": normal(0.2)}, {"pearson": 0.3})
