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
