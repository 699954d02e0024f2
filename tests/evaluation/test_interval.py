import numpy as np
import pytest

from toolkit.evaluation.interval import Units, bootstrap, intervals
from toolkit.examples import Question, Tagged, Text
from toolkit.metrics.classification import classification_scores
from toolkit.metrics.score import Score
from toolkit.metrics.tokens import share
from toolkit.recipe.schema import Evaluate


def test_the_interval_is_that_of_the_normal_law_for_a_mean():
    rows = np.array([[1, 1]] * 300 + [[0, 1]] * 100)
    low, high = bootstrap(rows, share, 4000, 0.95)
    half = 1.96 * np.sqrt(0.75 * 0.25 / 400)
    assert low == pytest.approx(0.75 - half, abs=0.005)
    assert high == pytest.approx(0.75 + half, abs=0.005)


def test_the_interval_of_given_predictions_is_always_the_same():
    rows = np.array([[1, 2], [0, 1], [3, 3]])
    assert bootstrap(rows, share, 100, 0.9) == bootstrap(rows, share, 100, 0.9)


def sentences(*documents):
    return [Tagged(("a",), ("O",), document=name) for name in documents]


def test_documents_are_drawn_where_every_example_names_one():
    units = Units.of(sentences("a", "b", "a"))
    assert units.kind == "document"
    assert units.rows == [[0, 2], [1]]
    questions = [Question("q", "c", document="Ada"), Question("q", "c", document="Zog")]
    assert Units.of(questions).kind == "document"


@pytest.mark.parametrize("names", [("", ""), ("a", ""), ("a", "a")])
def test_examples_are_drawn_elsewhere(names):
    units = Units.of(sentences(*names))
    assert units.kind == "example"
    assert units.rows == [[0], [1]]
    assert Units.of([Text("a"), Text("b")]).kind == "example"


def mean_score(values):
    counts = np.stack([np.array(values, dtype=float), np.ones(len(values))], axis=1)
    return Score(float(share(counts.sum(axis=0))), {}, counts, share)


def found(scores, again, examples, **settings):
    return intervals(scores, again, Units.of(examples), Evaluate(**settings))


def never(rows):
    raise AssertionError("a score with counts is not computed again")


def test_examples_of_a_document_that_are_alike_widen_the_interval():
    values = [1.0] * 50 + [0.0] * 50
    alike = sentences(*(f"doc{row // 10}" for row in range(100)))
    scores = {"accuracy": mean_score(values)}
    by_document = found(scores, never, alike, resamples=2000)["accuracy"]
    by_example = found(scores, never, sentences(*[""] * 100), resamples=2000)["accuracy"]
    # ten documents that are all right or all wrong: as an interval of ten examples
    half = 1.96 * np.sqrt(0.25 / 10)
    assert by_document[1] - by_document[0] == pytest.approx(2 * half, abs=0.07)
    assert by_example[1] - by_example[0] == pytest.approx(2 * 1.96 * np.sqrt(0.25 / 100), abs=0.02)


@pytest.mark.parametrize("documents", [[""] * 40, [f"doc{row // 4}" for row in range(40)]])
def test_counts_and_computing_anew_give_the_same_interval(documents):
    values = [float(row % 3 == 0) for row in range(40)]
    scores = {"summed": mean_score(values), "bare": Score(mean_score(values).value)}

    def again(rows):
        return {"bare": Score(float(np.mean([values[row] for row in rows])))}

    ends = found(scores, again, sentences(*documents), resamples=300)
    assert ends["bare"] == pytest.approx(ends["summed"])


def test_resamples_on_which_a_score_is_undefined_are_left_out():
    def again(rows):
        return {"bare": Score(None if rows[0] == 0 else 1.0)}

    scores = {"bare": Score(0.5), "undefined": Score(None)}
    assert found(scores, again, sentences("", ""), resamples=50) == {"bare": [1.0, 1.0]}


def test_no_resamples_or_no_examples_no_interval():
    scores = {"accuracy": mean_score([1.0])}
    assert found(scores, never, sentences(""), resamples=0) == {}
    assert intervals({"a": Score(0.5)}, never, Units.of([]), Evaluate()) == {}


@pytest.mark.parametrize("num_labels", [2, 3])
@pytest.mark.parametrize("documents", [[""] * 30, [f"doc{row // 3}" for row in range(30)]])
def test_roc_auc_by_weights_is_roc_auc_computed_anew(num_labels, documents):
    generator = np.random.default_rng(num_labels)
    labels = list("abc"[:num_labels])
    gold = [labels[row] for row in generator.integers(num_labels, size=30)]
    table = generator.integers(4, size=(30, num_labels)) / 4.0  # with ties

    def scored(rows):
        chosen = [gold[row] for row in rows]
        return classification_scores(chosen, chosen, labels, table[rows])["roc_auc"]

    whole = scored(range(30))
    ends = found(
        {"weighted": whole, "anew": whole._replace(weighted=None)},
        lambda rows: {"anew": scored(rows)},
        sentences(*documents),
        resamples=200,
    )
    assert ends["weighted"] == pytest.approx(ends["anew"])
    assert ends["weighted"][0] < whole.value < ends["weighted"][1]
