"""What is wrong between the blocks of a recipe, with the real classes."""

import pytest

from toolkit import load_recipe
from toolkit.errors import RecipeError

RECIPE = """\
task: {task}
model: {model}
data: {data}
run: {{name: small}}
"""
JSONL = "{format: jsonl, train: train.jsonl}"
LSTM = "{type: lstm}"
TEXTS = "{{type: sequence-classification, labels: {}}}"
BERT = "{{type: pretrained, checkpoint: google-bert/bert-base-cased{}}}"


def loaded(tmp_path, task, model, data=JSONL):
    path = tmp_path / "small.yaml"
    path.write_text(RECIPE.format(task=task, model=model, data=data), encoding="utf-8")
    return load_recipe(path)


@pytest.mark.parametrize("model", [BERT.format(", summary: mean"), "{type: lstm, summary: mean}"])
@pytest.mark.parametrize("task", ["token-classification", "question-answering"])
def test_a_task_over_tokens_has_no_summary_to_choose(tmp_path, task, model):
    with pytest.raises(RecipeError) as caught:
        loaded(tmp_path, f"{{type: {task}}}", model)
    assert list(caught.value.faults) == [
        f"{tmp_path}/small.yaml:2: model.summary: found 'mean', but the task scores tokens, "
        "which have no summary: leave it out"
    ]


def test_a_summary_that_the_familys_own_head_does_not_read_is_a_fault(tmp_path):
    with pytest.raises(RecipeError) as caught:
        loaded(tmp_path, "{type: sequence-classification}", BERT.format(", summary: attention"))
    assert list(caught.value.faults) == [
        f"{tmp_path}/small.yaml:2: model.summary: found 'attention', but the family's own head "
        "does not read it: set model.head: own, or leave it out"
    ]


@pytest.mark.parametrize(
    ("task", "model"),
    [
        ("", BERT.format(", summary: attention, head: own")),
        (", combine: attention", BERT.format(", summary: attention")),  # has no standard head
        ("", "{type: lstm, summary: attention}"),
    ],
)
def test_a_summary_that_a_head_of_ours_reads_is_taken(tmp_path, task, model):
    recipe = loaded(tmp_path, f"{{type: sequence-classification{task}}}", model)
    assert recipe.model.summary == "attention"


@pytest.mark.parametrize("labels", ["single", "multi", "regression"])
def test_the_task_says_once_what_kind_of_label_is_read(tmp_path, labels):
    recipe = loaded(
        tmp_path, f"{{type: sequence-classification, labels: {labels}}}", "{type: lstm}"
    )
    assert recipe.data.labels == labels
    assert recipe.model_copy(update={}).data.labels == labels


def test_another_kind_of_label_in_the_data_is_a_fault(tmp_path):
    data = "{format: jsonl, train: train.jsonl, labels: single}"
    with pytest.raises(RecipeError) as caught:
        loaded(tmp_path, TEXTS.format("multi"), LSTM, data)
    assert list(caught.value.faults) == [
        f"{tmp_path}/small.yaml:3: data.labels: found 'single', but task.labels is 'multi': "
        "leave it out"
    ]


def test_numbers_have_no_names_whoever_says_that_they_are_numbers(tmp_path):
    data = "{format: jsonl, train: train.jsonl, label_map: {a: b}}"
    with pytest.raises(RecipeError) as caught:
        loaded(
            tmp_path, "{type: sequence-classification, labels: regression}", "{type: lstm}", data
        )
    assert list(caught.value.faults) == [
        f"{tmp_path}/small.yaml:3: data.label_map: found with labels: regression, "
        "which has no names"
    ]


def test_a_task_without_labels_of_texts_leaves_the_data_as_it_is(tmp_path):
    assert loaded(tmp_path, "{type: token-classification}", "{type: lstm}").data.labels is None
