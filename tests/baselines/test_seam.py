"""What a baseline answers to a recipe: which tasks it fits, what it reads, whose code it is."""

import pytest

import toolkit
from tests.baselines.samples import write_sample
from toolkit.baselines.base import Baseline, Fitted
from toolkit.errors import RecipeError
from toolkit.tasks.sequence_classification import Labelled


class Longest(Baseline):
    """A user's own: the class whose name is longest."""

    does = "likes long names"
    tasks = ("sequence-classification",)

    bonus: int = 0  # of the last class

    def learn(self, task, examples):
        """The lengths of the names."""
        import numpy as np

        return Fitted({"lengths": np.array([float(len(name)) for name in task.classes])}, {})

    def predictor(self, task, fitted):
        """The same for all."""
        lengths = fitted.arrays["lengths"]
        said = Labelled(task.classes[int(lengths.argmax())], tuple(lengths / lengths.sum()))
        return lambda examples: [said for _ in examples]


def faults(tmp_path, model, task, *overrides, **options):
    path = write_sample(tmp_path, model, task)
    with pytest.raises(RecipeError) as caught:
        toolkit.load_recipe(path, *overrides, **options)
    return [fault.removeprefix(f"{path}:") for fault in caught.value.faults]


def test_a_task_that_it_cannot_learn_is_a_fault_of_the_recipe(tmp_path):
    [fault] = faults(tmp_path, "most-frequent-tag", "sequence-classification")
    said, _, known = fault.partition("; known for it: ")
    assert said == (
        "3: model.type: most-frequent-tag tags words, but the task is sequence-classification"
    )
    assert {"pretrained", "lstm", "majority", "ngram-linear"} <= set(known.split(", "))
    assert "most-frequent-tag" not in known


def test_a_key_of_another_model_is_a_fault(tmp_path):
    [fault] = faults(tmp_path, "majority", "token-classification", "model.hidden=3")
    assert "model.hidden: unknown key" in fault


def test_a_baseline_of_ones_own_is_run_saved_and_loaded(tmp_path):
    path = write_sample(tmp_path, '"tests.baselines.test_seam:Longest"', "sequence-classification")
    [fault] = faults(tmp_path, '"tests.baselines.test_seam:Longest"', "sequence-classification")
    assert "is code of your own: allow it with --allow-code tests" in fault
    recipe = toolkit.load_recipe(path, allow_code=("tests",))
    finished = toolkit.finetune(recipe, allow_code=("tests",))
    predictor = toolkit.load(finished.folder, allow_code=("tests",))
    [found] = predictor.predict(["any text"])
    assert len(found.label) == max(map(len, finished.task.classes))
    with pytest.raises(toolkit.ToolkitError, match=r"model\.bonus was 0 in training, 3 now"):
        toolkit.load(finished.folder, "model.bonus=3", allow_code=("tests",))


def test_a_task_made_of_a_known_one_fits_and_another_does_not():
    from toolkit.baselines.most_frequent_tag import MostFrequentTag
    from toolkit.tasks.masked_language_modelling import MaskedLanguageModelling
    from toolkit.tasks.token_classification import TokenClassification

    class Own(TokenClassification):
        """Another one."""

    assert MostFrequentTag.fits(Own())
    assert not MostFrequentTag.fits(MaskedLanguageModelling())


def test_a_key_that_a_baseline_reads_is_not_among_those_that_it_does_not(tmp_path):
    path = write_sample(tmp_path, "ngram-linear", "sequence-classification")
    recipe = toolkit.load_recipe(
        path, "task.class_weights=balanced", "task.combine=max", "evaluate.batch_tokens=9"
    )
    assert recipe.model.unread(recipe) == ["task.combine", "evaluate.batch_tokens"]


def test_an_audit_counts_no_tokens_and_says_so(tmp_path):
    from toolkit.audit.audit import audit

    recipe = toolkit.load_recipe(write_sample(tmp_path, "majority", "token-classification"))
    found = audit(recipe)
    assert found.tokens is None
    assert not found.has_errors
    [note] = [finding for finding in found.findings if finding.kind == "no-tokens"]
    assert note.message == "tokens and windows are not counted: this model reads no tokens"


def test_a_stand_in_for_its_data_has_no_train_settings(tmp_path):
    from toolkit.standin import ready

    path = write_sample(tmp_path, "majority", "question-answering")
    recipe = toolkit.load_recipe(path, "data.train=${NO_SUCH_FOLDER}/a.json", "data.dev=null",
                                 "data.test=null")  # fmt: skip
    stood = ready(recipe, stand_in=True)
    assert stood.train == recipe.train
    assert stood.run.stand_in == ("the qa samples of the toolkit instead of the recipe's data",)
