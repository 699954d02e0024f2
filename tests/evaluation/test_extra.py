"""Metrics of the `evaluate` library that a recipe names, whatever their code does."""

import json
import sys

import pytest

from tests.metric_module import NUMBERS, SHARE, TAGS, write_metric
from toolkit.errors import RecipeError
from toolkit.evaluation.extra import load_metrics, rehearse
from toolkit.evaluation.interval import Units
from toolkit.examples import Answer, Question, Tagged, Text
from toolkit.metrics.modules import folder
from toolkit.metrics.spans import span_scores
from toolkit.metrics.squad import squad_scores
from toolkit.recipe.schema import Evaluate, Extra
from toolkit.tasks.question_answering import Answered, QuestionAnswering
from toolkit.tasks.sequence_classification import Labelled, SequenceClassification
from toolkit.tasks.token_classification import Tags, TokenClassification

TASK = TokenClassification(labels=("O", "B-PER", "I-PER"))
EXAMPLES = [Tagged(("Ada", "left"), ("B-PER", "O")), Tagged(("He",), ("O",))]
PREDICTIONS = [Tags(("B-PER", "O"), (1, 1)), Tags(("B-PER",), (1,))]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    """The copies that `evaluate` imports go to `tmp_path`."""
    cache = tmp_path / "cache"
    cache.mkdir()
    monkeypatch.setattr("evaluate.config.HF_MODULES_CACHE", str(cache))
    monkeypatch.syspath_prepend(cache)
    yield
    for name in [name for name in sys.modules if name.startswith("evaluate_modules")]:
        del sys.modules[name]


@pytest.fixture
def metric(tmp_path):
    """`metric(body, feature)`: a metric with this code, loaded."""

    def load(body=SHARE, feature=TAGS, **keys):
        extra = Extra(module=write_metric(tmp_path, body, feature), **keys)
        (loaded,) = load_metrics([extra])
        return loaded

    return load


def scores(metric, task=TASK, examples=EXAMPLES, predictions=PREDICTIONS):
    return metric.scores(task, examples, predictions)


def test_a_number_is_a_score_with_the_code_that_gave_it(metric):
    score = scores(metric())["share"]
    assert score.value == 0.5
    assert score.about["scheme"] == "evaluate: mine"
    assert len(score.about["code_sha256"]) == 64


def test_arguments_arrive_and_are_said(metric):
    score = scores(metric("return {'it': arguments['x'] * 2}", arguments={"x": 3}))["it"]
    assert score.value == 6.0
    assert score.about["arguments"] == {"x": 3}


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ("return {'a': 1.0}", {"mine_one"}),
        ("return {'a': 1.0, 'b': 2}", {"mine_one_a", "mine_one_b"}),
        ("return 0.5", {"mine_one"}),
    ],
)
def test_a_name_is_what_the_recipe_says(metric, body, names):
    assert set(scores(metric(body, name="mine_one"))) == names


@pytest.mark.parametrize(
    ("body", "reason", "given"),
    [
        ("return {'x': float('nan')}", "the score came out not a number", None),
        ("return {'x': float('inf')}", "the score came out infinite", None),
        ("import numpy; return {'x': numpy.float32('nan')}", "came out not a number", None),
        ("return {'x': None}", "the metric gives none", None),
        ("return {'x': 'good'}", "the metric gives text, not a number", "good"),
        ("return {'x': True}", "the metric gives true or false, not a number", True),
        ("import numpy; return {'x': numpy.ones(2)}", "a list, not a number", [1.0, 1.0]),
        ("return {'x': {'f1': 1.0}}", "an object, not a number", {"f1": 1.0}),
        ("return {'x': [0.5] * 5000}", "a list, not a number", None),
        ("return {'x': object}", "the metric gives text, not a number", "<class 'object'>"),
    ],
)
def test_what_is_no_number_is_undefined_with_a_reason(metric, body, reason, given):
    score = scores(metric(body))["x"]
    assert score.value is None
    assert reason in score.about["reason"]
    assert score.about.get("given") == given
    json.dumps(score.about, allow_nan=False)


@pytest.mark.parametrize(
    "body",
    [
        "import numpy; return {'x': numpy.float32(0.5)}",
        "import numpy; return {'x': numpy.array(0.5)}",
        "from fractions import Fraction; return {'x': Fraction(1, 2)}",
    ],
)
def test_numbers_of_other_libraries_are_numbers(metric, body):
    assert scores(metric(body))["x"].value == 0.5


def test_an_error_behind_the_training_makes_the_score_undefined(metric):
    found = scores(metric("raise KeyError('PER')"))
    assert found["mine"].value is None
    assert found["mine"].about["reason"] == "KeyError: 'PER'"


def test_an_error_of_the_code_before_training_is_a_fault(metric):
    with pytest.raises(RecipeError, match=r"evaluate\.extra\[0\]: mine: NameError: name 'wrong'"):
        rehearse([metric("return wrong")], TASK, ["f1"], EXAMPLES, PREDICTIONS)


def test_an_error_that_few_predictions_may_cause_is_a_note(metric):
    raising = metric("raise ValueError('only one class')")
    names, notes = rehearse([raising], TASK, ["f1"], EXAMPLES, PREDICTIONS)
    assert names == []
    assert notes == ["evaluate.extra[0]: mine before training: ValueError: only one class"]


def test_a_name_that_is_taken_is_a_fault(metric):
    with pytest.raises(RecipeError, match="gives f1, which another score is called: set its name"):
        rehearse([metric("return {'f1': 1.0}")], TASK, ["f1"], EXAMPLES, PREDICTIONS)
    twice = [metric(), metric()]
    with pytest.raises(RecipeError, match=r"evaluate\.extra\[1\]: mine: gives share"):
        rehearse(twice, TASK, ["f1"], EXAMPLES, PREDICTIONS)
    assert rehearse([metric()], TASK, ["f1"], EXAMPLES, PREDICTIONS) == (["share"], [])


def test_a_metric_of_another_input_is_a_fault_before_training(metric):
    with pytest.raises(RecipeError, match=r"evaluate\.extra\[0\]: mine: "):
        rehearse([metric(SHARE, 'datasets.Value("float32")')], TASK, [], EXAMPLES, PREDICTIONS)


def test_code_that_cannot_be_loaded_is_a_fault(metric, tmp_path):
    with pytest.raises(RecipeError, match=r"mine\.py cannot be loaded: "):
        metric("return (")
    with pytest.raises(RecipeError, match="no such file"):
        load_metrics([Extra(module=str(tmp_path / "nowhere.py"))])


def test_labels_come_as_numbers_where_the_metric_takes_numbers(metric):
    body = "return {'x': sum(map(sum, references)) * 100 + sum(map(sum, predictions))}"
    examples = [*EXAMPLES, Tagged(("Rome",), ("B-LOC",))]  # no label: behind them, 3
    predictions = [*PREDICTIONS, Tags(("I-PER",), (1,))]
    found = scores(metric(body, NUMBERS), TASK, examples, predictions)
    assert found["x"].value == (1 + 3) * 100 + (1 + 1 + 2)


CLASSES = ("no", "yes")


@pytest.mark.parametrize(
    ("labels", "feature", "gold", "predicted", "expected"),
    [
        ("single", "int32", "yes", "no", ([0], [1])),
        ("single", "string", "yes", "no", (["no"], ["yes"])),
        ("multi", "list int32", ("yes", "odd"), ("no", "yes"), ([[1, 1]], [[0, 1]])),
        ("multi", "list string", ("yes",), (), ([[]], [["yes"]])),
        ("regression", "float32", 2.0, 1.5, ([1.5], [2.0])),
    ],
)
def test_classification_gives_what_the_metric_takes(
    metric, labels, feature, gold, predicted, expected
):
    kind = f'datasets.Value("{feature.removeprefix("list ")}")'
    kind = f"datasets.Sequence({kind})" if feature.startswith("list") else kind
    loaded = metric("return {'x': str([predictions, references])}", kind)
    task = SequenceClassification(labels=labels, classes=() if labels == "regression" else CLASSES)
    found = scores(loaded, task, [Text("t", label=gold)], [Labelled(predicted)])
    assert found["x"].about["given"] == str(list(expected))


def test_our_own_modules_can_be_named_and_agree():
    (spans,) = load_metrics([Extra(module=folder("spans"), name="ours")])
    gold, said = [list(e.tags) for e in EXAMPLES], [list(p.tags) for p in PREDICTIONS]
    found = scores(spans)
    for name, score in span_scores(gold, said).items():
        assert found[f"ours_{name}"].value == score.value


@pytest.mark.parametrize("config", [None, "v2"])
def test_answers_come_in_the_form_of_squad(config):
    (squad,) = load_metrics([Extra(module=folder("squad"), config=config)])
    task = QuestionAnswering(no_answer=False)
    questions = [Question("q", "in 1843 .", (Answer("1843", 3),), "x")]
    answers = [Answered("in 1843", 0, 7, 0.9, None, ())]
    expected = squad_scores([["1843"]], ["in 1843"])
    found = scores(squad, task, questions, answers)
    assert found["f1"].value == expected["f1"].value
    assert found["exact"].value == 0.0


def test_an_interval_is_computed_only_where_it_is_wanted(metric):
    settings = Evaluate(resamples=40)
    units = Units.of(EXAMPLES)
    assert metric().intervals(TASK, EXAMPLES, PREDICTIONS, units, settings) == {}
    wanted = metric(resample=True).intervals(TASK, EXAMPLES, PREDICTIONS, units, settings)
    assert wanted["share"] == [0.0, 1.0]


class OwnTask(TokenClassification):
    """A task that says nothing about `evaluate`: its records and gold are taken."""

    def for_evaluate(self, examples, predictions, *, as_numbers):
        return super(TokenClassification, self).for_evaluate(
            examples, predictions, as_numbers=as_numbers
        )


def test_by_default_a_task_gives_its_records_and_gold(metric):
    assert scores(metric(), OwnTask(labels=TASK.labels))["share"].value == 0.5
