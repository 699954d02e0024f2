import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.checkpoints import make_tokenizer
from toolkit import check_task
from toolkit.examples import Text
from toolkit.tasks.class_losses import combine_windows, loss_of
from toolkit.tasks.class_scores import tuned_thresholds
from toolkit.tasks.sequence_classification import Labelled, SequenceClassification, combined

LONG = "where is the parcel that I ordered two weeks ago " * 8
SINGLE = [
    Text("where is my parcel", label="delivery", id="1"),
    Text("you charged me twice", label="billing", id="2"),
    Text("it broke", label="product", id="3"),
    Text(LONG, label="delivery", id="4"),
]
MULTI = [
    Text("joy and fear", label=("fear", "joy"), id="1"),
    Text("nothing here", label=(), id="2"),
    Text(LONG, label=("anger",), id="3"),
    Text("so glad", label=("joy",), id="4"),
]
NUMBERS = [
    Text("a man sleeps", "a man is asleep", 4.8, "1"),
    Text("a man sleeps", "a plane lands", 0.2, "2"),
    Text(LONG, "parcels", 2.0, "3"),
]
KINDS = {"single": SINGLE, "multi": MULTI, "regression": NUMBERS}


@pytest.mark.parametrize("combine", ["mean", "max", "attention"])
@pytest.mark.parametrize("labels", ["single", "multi", "regression"])
def test_check_task_passes(labels, combine):
    check_task(SequenceClassification(labels=labels, combine=combine, dropout=0.0), KINDS[labels])


def test_classes_are_learned_in_order_and_given_ones_stay():
    task = SequenceClassification().learn(SINGLE)
    assert task.classes == ("billing", "delivery", "product")
    assert SequenceClassification(classes=("x",)).learn(SINGLE).classes == ("x",)


def test_balanced_weights_are_those_of_scikit_learn():
    from sklearn.utils.class_weight import compute_class_weight

    task = SequenceClassification(class_weights="balanced").learn(SINGLE)
    gold = [example.label for example in SINGLE]
    expected = compute_class_weight("balanced", classes=np.array(task.classes), y=gold)
    assert list(task.class_weights.values()) == pytest.approx(list(expected), abs=1e-6)


def test_weights_and_smoothing_are_those_of_torch():
    task = SequenceClassification(
        classes=("a", "b", "c"), class_weights={"a": 2.0, "b": 0.5}, label_smoothing=0.1
    )
    scores = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 1, 2, 2, 1, -100])
    loss, count = loss_of(task)(scores, {"label": labels, "is_first": torch.ones(6)})
    official = torch.nn.CrossEntropyLoss(
        weight=torch.tensor([2.0, 0.5, 1.0]), label_smoothing=0.1, reduction="sum"
    )
    torch.testing.assert_close(loss, official(scores, labels))
    assert int(count) == 5


def test_several_labels_are_smoothed_towards_a_half():
    task = SequenceClassification(labels="multi", classes=("a", "b"), label_smoothing=0.2)
    scores = torch.tensor([[1.0, -2.0], [0.5, 0.0]])
    wanted = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    loss, count = loss_of(task)(scores, {"label": wanted, "is_first": torch.ones(2)})
    smooth = torch.tensor([[0.9, 0.1], [0.1, 0.1]])
    sure = torch.sigmoid(scores)
    expected = -(smooth * sure.log() + (1 - smooth) * (1 - sure).log()).sum()
    torch.testing.assert_close(loss, expected)
    assert int(count) == 2


def test_balanced_weights_leave_out_what_is_no_class():
    task = SequenceClassification(class_weights="balanced", classes=("billing", "delivery"))
    assert task.learn(SINGLE).class_weights == {"billing": 1.5, "delivery": 0.75}


@pytest.mark.parametrize("how", ["mean", "max", "attention"])
@given(sizes=st.lists(st.integers(1, 4), min_size=1, max_size=6), seed=st.integers(0, 99))
def test_windows_are_combined_in_the_loss_as_in_prediction(how, sizes, seed):
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randn(sum(sizes), 4, generator=generator, dtype=torch.float64)
    first = torch.tensor([place == 0 for size in sizes for place in range(size)])
    together = combine_windows(scores, first, how)
    start = 0
    for text, size in enumerate(sizes):
        alone = combined(scores[start : start + size].numpy(), how)
        np.testing.assert_allclose(together[text].numpy(), alone, atol=1e-12)
        start += size


def test_a_long_text_is_not_cut_unless_the_recipe_says_so_and_then_it_is_counted():
    tokenizer = make_tokenizer("bert")
    task = SequenceClassification().learn(SINGLE)
    windows = task.windows(SINGLE[3], tokenizer, 32, 8)
    assert len(windows) > 2
    assert task.num_left_out(windows) == 0
    cut = task.model_copy(update={"truncate": True})
    (only,) = cut.windows(SINGLE[3], tokenizer, 32, 8)
    assert only.inputs == windows[0].inputs
    assert cut.num_left_out([only]) == len(windows) - 1


def test_the_label_of_the_highest_score_and_its_probability():
    task = SequenceClassification(classes=("a", "b"))
    prediction = task.decode(Text("x"), [None], [np.array([1.0, 3.0])])
    assert prediction.label == "b"
    assert prediction.scores == pytest.approx((1 / (1 + np.e**2), 1 / (1 + np.e**-2)))
    assert task.render(Text("x"), prediction) == "b (0.88)"


def test_several_labels_are_those_above_their_thresholds():
    task = SequenceClassification(labels="multi", classes=("a", "b"), thresholds=(0.9, 0.2))
    prediction = task.decode(Text("x"), [None], [np.array([1.0, -1.0])])
    assert prediction.label == ("b",)
    assert task.render(Text("x"), prediction) == "b"
    assert task.render(Text("x"), Labelled((), (0.1, 0.1))) == "(none)"


@given(
    st.lists(
        st.tuples(st.booleans(), st.integers(0, 10).map(lambda n: n / 10)), min_size=1, max_size=30
    )
)
def test_no_threshold_beats_the_tuned_one(rows):
    gold = [("a",) if has else () for has, _ in rows]
    scores = [(score,) for _, score in rows]
    (tuned,) = tuned_thresholds(gold, scores, ("a",))

    def f1(threshold):
        right = sum(has and score >= threshold for has, score in rows)
        return 2 * right / max(1, sum(s >= threshold for _, s in rows) + sum(h for h, _ in rows))

    assert f1(tuned) == pytest.approx(max(f1(n / 20) for n in range(-1, 22)))


def test_thresholds_are_tuned_for_several_labels_only():
    multi = SequenceClassification(labels="multi").learn(MULTI)
    predictions = [Labelled((), (0.1, 0.2, 0.9)), Labelled((), (0.1, 0.1, 0.3))] * 2
    tuned = multi.tune(MULTI, predictions)
    assert len(tuned.thresholds) == 3
    assert tuned.tune(MULTI, predictions) is tuned
    single = SequenceClassification().learn(SINGLE)
    assert single.tune(SINGLE, []) is single


def test_labels_of_another_kind_are_a_fault():
    assert SequenceClassification(labels="multi").faults_of(SINGLE) == [
        "4 labels are not a list of labels, as task.labels: multi expects (first: example 1)"
    ]
    assert SequenceClassification(labels="regression").faults_of(NUMBERS) == []


def test_a_label_that_train_lacks_is_a_fault_or_always_wrong():
    task = SequenceClassification().learn(SINGLE)
    strange = [Text("hm", label="other", id="9")]
    assert "label 'other' (1 times) is not in the training split" in task.faults_of(strange)[0]
    lenient = task.model_copy(update={"allow_unseen": True})
    assert lenient.faults_of(strange) == []
    scores = lenient.score(strange, [Labelled("billing", (1.0, 0.0, 0.0))])
    assert scores["accuracy"].value == 0.0
    (window,) = lenient.windows(strange[0], make_tokenizer("bert"), 32, 8)
    assert window.targets["label"] == -100


def test_the_scores_of_each_kind():
    single = SequenceClassification().learn(SINGLE)
    right = [Labelled(e.label, (0.2, 0.5, 0.3)) for e in SINGLE]
    assert single.score(SINGLE, right)["accuracy"].value == 1.0
    numbers = SequenceClassification(labels="regression")
    close = [Labelled(e.label * 2) for e in NUMBERS]
    assert numbers.score(NUMBERS, close)["pearson"].value == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("keys", "key"),
    [
        ({"labels": "multi", "class_weights": "balanced"}, "class_weights"),
        ({"labels": "regression", "label_smoothing": 0.1}, "label_smoothing"),
        ({"thresholds": (0.5,)}, "thresholds"),
    ],
)
def test_keys_that_do_not_go_together_are_faults(keys, key):
    assert [name for name, _ in SequenceClassification(**keys).faults()] == [key]
