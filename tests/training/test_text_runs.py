"""Runs over texts: what is cut, weighed, smoothed and tuned shows in results and model."""

import json

import pytest

import toolkit
from toolkit.data.given import Given
from toolkit.encoders.recurrent import Lstm
from toolkit.errors import RecipeError
from toolkit.examples import Text
from toolkit.recipe.schema import Evaluate, Recipe, RunSettings, Train
from toolkit.tasks.sequence_classification import SequenceClassification

WORDS = "joy fear anger calm hope gloom"
TRAIN = [
    Text(f"{word} and {other}", label=tuple(sorted({word, other} - {"calm", "hope", "gloom"})))
    for word in WORDS.split()
    for other in WORDS.split()
]
LONG = Text("calm hope gloom " * 20 + "joy", label=("joy",))


def finished(tmp_path, task, train=TRAIN, dev=TRAIN, epochs=10, **settings):
    return toolkit.finetune(
        Recipe(
            task=task,
            model=Lstm(embedding=16, hidden=16, min_count=1, max_length=16, summary="attention"),
            data=Given(
                train=train, dev=dev, test=[*train[:6], LONG._replace(label=train[0].label)]
            ),
            train=Train(
                epochs=epochs, batch_size=8, learning_rate=2e-2, precision="fp32", **settings
            ),
            evaluate=Evaluate(resamples=0),
            run=RunSettings(name="texts", folder=str(tmp_path)),
        )
    )


@pytest.mark.parametrize("truncate", [False, True])
def test_a_long_text_is_read_whole_or_its_cut_is_counted_in_the_results(tmp_path, truncate):
    run = finished(tmp_path, SequenceClassification(labels="multi", truncate=truncate))
    test = run.results["splits"]["test"]
    assert test["truncated"] == int(truncate)
    assert (test["windows"] > test["examples"]) == (not truncate)
    stored = json.loads((run.folder / "results.json").read_text())
    assert stored["splits"]["test"]["truncated"] == int(truncate)


def test_the_windows_of_a_text_are_computed_together_however_a_step_is_cut(tmp_path):
    long = [LONG._replace(text=f"{each.text} {LONG.text}", label=each.label) for each in TRAIN]
    train = [text for pair in zip(TRAIN, long, strict=True) for text in pair]
    logs = []
    for most in (None, 1, 50, 130):
        folder = tmp_path / str(most)
        task = SequenceClassification(labels="multi")
        run = finished(folder, task, train, dev=None, epochs=2, tokens_per_micro_batch=most)
        lines = map(json.loads, (run.folder / "metrics.jsonl").read_text().splitlines())
        logs.append([[line["loss"], line["grad_norm"], line["num_targets"]] for line in lines])
    for log in logs[1:]:
        for one, other in zip(logs[0], log, strict=True):
            assert other == pytest.approx(one, rel=1e-5)


def test_thresholds_are_tuned_on_dev_and_saved_with_the_model(tmp_path):
    run = finished(tmp_path, SequenceClassification(labels="multi"))
    predictor = toolkit.load(run.folder)
    thresholds = predictor.task.thresholds
    assert thresholds == run.task.thresholds
    assert len(thresholds) == 3
    assert thresholds != (0.5,) * 3
    records = [json.loads(line) for line in (run.folder / "predictions-dev.jsonl").open()]
    found = predictor.predict(TRAIN)
    assert [list(each.label) for each in found] == [each["prediction"] for each in records]
    for each in found:
        chosen = [score >= limit for score, limit in zip(each.scores, thresholds, strict=True)]
        assert [name in each.label for name in predictor.task.classes] == chosen


def test_without_a_dev_split_every_threshold_is_a_half(tmp_path):
    run = finished(tmp_path, SequenceClassification(labels="multi"), dev=None)
    assert run.task.thresholds == ()
    for each in toolkit.load(run.folder).predict(TRAIN):
        chosen = [score >= 0.5 for score in each.scores]
        assert [name in each.label for name in run.task.classes] == chosen


def test_balanced_weights_find_the_rare_class_that_plain_training_misses(tmp_path):
    # the same words under both labels, 1 to 9: only the weights can tip the scales
    train = [Text(f"word {n}", label="common") for n in range(9) for _ in range(2)]
    train += [Text(f"word {n}", label="rare") for n in range(2)]
    for weights, expected in (("none", {"common"}), ("balanced", {"rare"})):
        run = finished(
            tmp_path / weights, SequenceClassification(class_weights=weights), train, None, 40
        )
        predicted = toolkit.load(run.folder).predict(["word 0", "word 1"])
        assert {each.label for each in predicted} == expected


def test_smoothed_labels_leave_the_model_less_sure(tmp_path):
    train = [Text(word, label=word) for word in ("joy", "fear")] * 8
    sure = []
    for smoothing in (0.0, 0.4):
        task = SequenceClassification(label_smoothing=smoothing)
        run = finished(tmp_path / str(smoothing), task, train, None, 40)
        (found,) = toolkit.load(run.folder).predict(["joy"])
        assert found.label == "joy"
        sure.append(max(found.scores))
    assert sure[0] > 0.95
    assert sure[1] == pytest.approx(0.8, abs=0.07)  # 1 - 0.4 + 0.4 / 2


def test_blocks_made_in_python_are_checked_too(tmp_path):
    recipe = Recipe(
        task=SequenceClassification(),
        model=Lstm(),
        data=Given(train=TRAIN),
        train=Train(patience=1),
        run=RunSettings(name="texts", folder=str(tmp_path)),
    )
    with pytest.raises(RecipeError, match=r"^train\.patience: found 1 without data\.dev"):
        toolkit.finetune(recipe)


@pytest.mark.parametrize(
    ("task", "fault"),
    [
        (
            {"class_weights": {"joi": 2.0}},
            "task.class_weights: found 'joi', expected fear, joy. Did you mean 'joy'?",
        ),
        (
            {"labels": "multi", "thresholds": (0.5,)},
            "task.thresholds: found 1, expected 3: of anger, fear, joy",
        ),
    ],
)
def test_weights_and_thresholds_of_other_classes_are_a_fault(tmp_path, task, fault):
    single = [Text(word, label=word) for word in ("joy", "fear")]
    train = single if "labels" not in task else TRAIN
    with pytest.raises(RecipeError) as caught:
        finished(tmp_path, SequenceClassification(**task), train, train)
    assert caught.value.faults == (fault,)
