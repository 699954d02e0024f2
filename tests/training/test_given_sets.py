"""Evaluation sets of examples that are in memory already."""

import toolkit
from toolkit.data.given import Given
from toolkit.encoders.recurrent import Lstm
from toolkit.examples import Text
from toolkit.recipe.schema import Evaluate, Recipe, RunSettings, Train
from toolkit.tasks.sequence_classification import SequenceClassification

TEXTS = [Text(f"word{n} {'good' if n % 2 else 'bad'}", label="pn"[n % 2]) for n in range(40)]


def test_sets_are_given_in_python_and_the_run_is_known_again(tmp_path):
    evaluate = Evaluate(
        resamples=20,
        sets={
            "other": Given(train=TEXTS[20:30], test=TEXTS[20:30]),
            "same": Given(train=TEXTS[:20], test=TEXTS[30:]),
        },
    )
    recipe = Recipe(
        task=SequenceClassification(),
        model=Lstm(embedding=8, hidden=8, min_count=1),
        data=Given(train=TEXTS[:20], dev=TEXTS[:10], test=TEXTS[30:]),
        train=Train(epochs=2, learning_rate=1e-2),
        evaluate=evaluate,
        run=RunSettings(name="given", folder=str(tmp_path)),
    )
    results = toolkit.finetune(recipe).results
    assert results["sets"]["same"] == results["splits"]["test"]
    assert results["sets"]["other"]["examples"] == 10
    assert toolkit.finetune(recipe).was_finished
