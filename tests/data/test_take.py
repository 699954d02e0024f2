"""A part of the training examples: nested, like the whole, the same however it is read."""

import json
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

import toolkit
from tests.recipes import write_recipe
from toolkit.data.json_lines import JsonLines
from toolkit.data.take import Take, chosen
from toolkit.errors import DataError
from toolkit.examples import Question, Tagged, Text


def texts(number, labels="aab"):
    return [Text(f"text {i}", label=labels[i % len(labels)]) for i in range(number)]


@given(st.integers(1, 60), st.data())
def test_a_smaller_part_lies_within_a_larger_one(number, data):
    larger = data.draw(st.integers(1, number))
    smaller = data.draw(st.integers(1, larger))
    seed = data.draw(st.integers(0, 9))
    examples = texts(number)
    few = chosen(examples, Take(examples=smaller, seed=seed))
    many = chosen(examples, Take(examples=larger, seed=seed))
    assert few <= many
    assert (len(few), len(many)) == (smaller, larger)


@given(st.lists(st.sampled_from("abcd"), min_size=1, max_size=80), st.data())
def test_each_label_has_its_share_of_every_part(labels, data):
    size = data.draw(st.integers(1, len(labels)))
    examples = [Text(f"text {i}", label=label) for i, label in enumerate(labels)]
    taken = chosen(examples, Take(examples=size))
    counts = Counter(labels[place] for place in taken)
    for label, total in Counter(labels).items():
        # at most one off for itself, and one for those that it competes with
        assert abs(counts[label] - total * size / len(labels)) <= 2


def test_a_label_that_is_there_once_is_taken_as_often_as_others():
    examples = [*texts(99, "a"), Text("the only one", label="b")]
    found = sum(99 in chosen(examples, Take(examples=20, seed=seed)) for seed in range(500))
    assert 0.13 < found / 500 < 0.27


def test_another_seed_takes_others_and_the_order_of_labels_does_not_matter():
    examples = texts(50)
    assert chosen(examples, Take(examples=10)) != chosen(examples, Take(examples=10, seed=2))
    assert chosen(examples, Take(examples=10)) == chosen(iter(examples), Take(examples=10))


def test_tags_and_answers_are_strata_too():
    tagged = [Tagged((f"w{i}",), ("B-PER" if i % 4 == 0 else "O",)) for i in range(80)]
    assert sum(place % 4 == 0 for place in chosen(tagged, Take(examples=20))) in (4, 5, 6)
    asked = [Question(f"q{i}", f"context {i}", () if i % 2 else (("a", 0),)) for i in range(40)]
    assert sum(place % 2 for place in chosen(asked, Take(examples=10))) in (4, 5, 6)


@pytest.fixture
def data(tmp_path):
    lines = [f'{{"text": "text {i}", "label": "{random.choice("ab")}"}}' for i in range(30)]
    (tmp_path / "train.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    columns = {"text": "text", "label": "label"}
    return {"train": str(tmp_path / "train.jsonl"), "columns": columns, "take": {"examples": 12}}


def test_read_at_once_or_one_by_one_it_is_the_same_part_and_said(data):
    loaded = JsonLines(**data | {"take": Take(examples=12)})
    whole, walked = loaded.splits(Text)["train"], loaded.walk("train", Text).reading()
    assert whole.examples == walked.examples
    assert len(whole.examples) == 12
    assert "12 of the 30 examples are learned from (seed 1)" in whole.notes
    assert "12 of the 30 examples are learned from (seed 1)" in walked.notes


def test_dev_and_test_are_whole(data):
    keys = data | {"take": Take(examples=12), "test": data["train"]}
    splits = JsonLines(**keys).splits(Text)
    assert (len(splits["train"].examples), len(splits["test"].examples)) == (12, 30)


def test_more_than_there_are_is_a_fault(data):
    loaded = JsonLines(**data | {"take": Take(examples=31)})
    with pytest.raises(DataError, match=r"data\.take\.examples: found 31, but train has 30"):
        loaded.splits(Text)


def test_runs_on_parts_of_a_file_do_not_mix_in_the_cache(tmp_path):
    recipe = write_recipe(tmp_path)
    sizes = []
    for size in (10, 20, 10):
        keys = (
            f"data.take.examples={size}",
            f"run.folder={tmp_path}/take-{size}",
            "train.epochs=1",
        )
        finished = toolkit.finetune(toolkit.load_recipe(recipe, *keys), fresh=True)
        manifest = json.loads((finished.folder / "manifest.json").read_text())
        sizes.append(manifest["data"]["train"]["examples"])
    assert sizes == [10, 20, 10]
