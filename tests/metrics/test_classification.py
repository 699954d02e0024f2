import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn

from toolkit.errors import DataError
from toolkit.evaluation.interval import bootstrap
from toolkit.metrics.classification import classification_scores, matthews, multilabel_scores

LABELS = ("a", "b", "c", "d")
PAIRS = st.lists(
    st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), min_size=1, max_size=12
).map(lambda rows: tuple(zip(*rows, strict=True)))
SOME = st.frozensets(st.sampled_from(LABELS), max_size=3)
SETS = st.lists(st.tuples(SOME, SOME), min_size=1, max_size=8).map(
    lambda rows: tuple(zip(*rows, strict=True))
)
SEEDS = st.integers(0, 2**32 - 1)

pytestmark = pytest.mark.filterwarnings("ignore")  # scikit-learn warns where a score is undefined


def near(value):
    return pytest.approx(value, abs=1e-12)


def hot(sets):
    return np.array([[label in chosen for label in LABELS] for chosen in sets], dtype=int)


@settings(max_examples=70, deadline=None)
@given(PAIRS)
def test_accuracy_and_averages_are_scikit_learns(pairs):
    gold, predicted = pairs
    scores = classification_scores(gold, predicted, LABELS)

    def official(average, labels):
        return sklearn.f1_score(gold, predicted, average=average, labels=labels, zero_division=0)

    assert scores["accuracy"].value == near(sklearn.accuracy_score(gold, predicted))
    assert scores["micro_f1"].value == near(scores["accuracy"].value)
    assert scores["micro_f1"].value == near(official("micro", LABELS))
    assert scores["weighted_f1"].value == near(official("weighted", LABELS))
    assert scores["macro_f1_all"].value == near(official("macro", LABELS))
    assert scores["macro_f1"].value == near(official("macro", sorted(set(gold))))


@settings(max_examples=70, deadline=None)
@given(PAIRS)
def test_every_label_is_scikit_learns(pairs):
    gold, predicted = pairs
    rows = classification_scores(gold, predicted, LABELS)["macro_f1"].about["per_label"]
    official = sklearn.precision_recall_fscore_support(
        gold, predicted, labels=LABELS, zero_division=0
    )
    for label, precision, recall, f1, support in zip(LABELS, *official, strict=True):
        assert rows[label] == {
            "precision": near(precision) if label in predicted else None,
            "recall": near(recall) if label in gold else None,
            "f1": near(f1) if label in gold + predicted else None,
            "support": support,
        }


@settings(max_examples=70, deadline=None)
@given(PAIRS)
def test_matthews_is_scikit_learns_where_it_is_defined(pairs):
    gold, predicted = pairs
    score = classification_scores(gold, predicted, LABELS)["matthews"]
    if score.value is None:
        assert 1 in (len(set(gold)), len(set(predicted)))
        assert score.about["reason"].startswith("only one label is")
    else:
        assert score.value == near(sklearn.matthews_corrcoef(gold, predicted))


@settings(max_examples=70, deadline=None)
@given(SETS)
def test_multilabel_scores_are_scikit_learns(sets):
    gold, predicted = sets
    scores = multilabel_scores(gold, predicted, LABELS)
    truth, guess = hot(gold), hot(predicted)
    assert scores["subset_accuracy"].value == near(sklearn.accuracy_score(truth, guess))
    samples = sklearn.f1_score(truth, guess, average="samples", zero_division=1.0)
    assert scores["samples_f1"].value == near(samples)
    for average, name in (("micro", "micro"), ("macro", "macro"), ("weighted", "weighted")):
        expected = sklearn.f1_score(truth, guess, average=average, zero_division=0)
        score = scores[f"{name}_f1_all" if name == "macro" else f"{name}_f1"]
        assert score.value == (near(expected) if truth.any() else None)
    seen = [place for place in range(len(LABELS)) if truth[:, place].any()]
    if seen:
        supported = sklearn.f1_score(truth, guess, average="macro", labels=seen, zero_division=0)
        assert scores["macro_f1"].value == near(supported)


@settings(max_examples=70, deadline=None)
@given(PAIRS, SEEDS)
def test_roc_auc_of_many_labels_is_scikit_learns(pairs, seed):
    gold = pairs[0] + LABELS  # scikit-learn wants every label in the gold
    table = np.random.default_rng(seed).integers(1, 5, size=(len(gold), 4)) / 4.0  # with ties
    table /= table.sum(axis=1, keepdims=True)
    score = classification_scores(gold, gold, LABELS, table)["roc_auc"]
    official = sklearn.roc_auc_score(gold, table, multi_class="ovr", average="macro", labels=LABELS)
    assert score.value == near(official)
    assert score.about["left_out"] == []


@settings(max_examples=70, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 4)), min_size=1, max_size=12))
def test_roc_auc_of_two_labels_is_scikit_learns_with_the_second_positive(rows):
    gold = ["yes" if positive else "no" for positive, _ in rows]
    positive = np.array([number / 4 for _, number in rows])
    table = np.stack([1 - positive, positive], axis=1)
    score = classification_scores(gold, gold, ("no", "yes"), table)["roc_auc"]
    assert score.about["positive"] == "yes"
    if len(set(gold)) == 2:
        truth = [label == "yes" for label in gold]
        assert score.value == near(sklearn.roc_auc_score(truth, positive))
    else:
        assert score.value is None
        assert "reason" in score.about


@settings(max_examples=70, deadline=None)
@given(SETS, SEEDS)
def test_multilabel_roc_auc_is_scikit_learns_over_the_labels_that_have_one(sets, seed):
    gold, predicted = sets
    truth = hot(gold)
    table = np.random.default_rng(seed).integers(0, 4, size=truth.shape) / 4.0
    score = multilabel_scores(gold, predicted, LABELS, table)["roc_auc"]
    both = [place for place in range(4) if 0 < truth[:, place].sum() < len(truth)]
    if both:
        assert score.value == near(sklearn.roc_auc_score(truth[:, both], table[:, both]))
    else:
        assert score.value is None
        assert score.about["left_out"] == list(LABELS)


@settings(max_examples=30, deadline=None)
@given(PAIRS, SETS)
def test_summed_counts_give_the_score_and_its_interval(pairs, sets):
    single = classification_scores(*pairs, LABELS)
    several = multilabel_scores(*sets, LABELS)
    for name, score in [*single.items(), *several.items()]:
        if score.value is None:
            assert score.counts is None
            continue
        assert float(score.formula(score.counts.sum(axis=0))) == score.value, name
        low, high = bootstrap(score.counts, score.formula, 20, 0.95)
        assert -1 <= low <= high <= 1, name


def test_a_perfect_system_has_1_though_the_split_lacks_a_label():
    scores = classification_scores(["a", "b"], ["a", "b"], ("a", "b", "c"))
    assert scores["macro_f1"].value == 1.0
    assert scores["macro_f1"].about["labels"] == "supported"
    assert scores["macro_f1"].about["left_out"] == ["c"]
    assert scores["macro_f1_all"].value == near(2 / 3)
    assert scores["macro_f1_all"].about["labels"] == "all"


def test_a_stray_prediction_does_not_change_what_is_averaged():
    scores = classification_scores(["a", "a", "b", "b"], ["a", "a", "b", "c"], ("a", "b", "c"))
    assert scores["macro_f1"].value == near((1 + 2 / 3) / 2)  # 0.556 over gold or predicted
    assert scores["macro_f1"].about["left_out"] == ["c"]


def test_micro_f1_says_that_it_is_the_accuracy():
    assert classification_scores(["a"], ["b"], LABELS)["micro_f1"].about["equals"] == "accuracy"


def test_an_example_with_no_label_and_none_predicted_is_right():
    score = multilabel_scores([(), ("a",)], [(), ("b",)], LABELS)["samples_f1"]
    assert score.value == 0.5
    assert score.about["both_empty"] == 1


@pytest.mark.parametrize("scores_of", [classification_scores, multilabel_scores])
def test_nothing_is_said_of_an_empty_split(scores_of):
    for name, score in scores_of([], [], LABELS, np.zeros((0, 4))).items():
        assert score.value is None, name
        assert score.about["reason"], name
        assert score.about["support"] == 0, name


def test_no_gold_labels_have_no_f1():
    score = multilabel_scores([()], [("a",)], LABELS)["micro_f1"]
    assert score.value is None
    assert score.about["reason"] == "no gold labels"


def test_scores_that_are_not_numbers_have_no_roc_auc():
    table = np.array([[0.5, 0.5], [0.8, np.nan]])
    score = classification_scores(["a", "b"], ["a", "b"], ("a", "b"), table)["roc_auc"]
    assert score.value is None
    assert score.about["reason"] == "a score is not a number"


def test_matthews_of_a_large_split_does_not_overflow():
    right_predicted_gold = [10**9, 10**9, 10**9]
    assert float(matthews(np.array(right_predicted_gold * 2))) == near(1.0)


def test_a_label_outside_the_set_is_named():
    with pytest.raises(DataError, match=r"label 'e' \(2 times\) is not in the label set: a, b"):
        classification_scores(["a", "b"], ["e", "e"], LABELS)


def test_no_two_averages_are_called_the_same():
    scores = multilabel_scores([("a",), ("b",)], [("a",), ("a",)], LABELS)
    averages = [score.about["average"] for score in scores.values() if "average" in score.about]
    assert len(averages) == len(set(averages)) > 3
