"""Examples given in Python, and what a recipe can say of them."""

import pytest

from toolkit.data.given import Given
from toolkit.data.split import Rule, Split
from toolkit.errors import DataError
from toolkit.examples import Answer, Question, Tagged, Text
from toolkit.recipe.dump import differences, dump_recipe
from toolkit.recipe.load import load_recipe

TEXTS = [Text("a", label="x"), Text("b", label="y", id="mine")]
RECIPE = """\
task: {type: sequence-classification}
model: {type: lstm}
data: {format: csv, train: a.csv}
"""


@pytest.fixture
def recipe(write):
    return load_recipe(write(RECIPE, "r.yaml"))


def test_examples_are_read_as_they_are_with_an_id_each():
    data = Given(train=TEXTS, dev=iter(TEXTS[:1]))
    splits = data.splits(Text)
    assert splits["train"].examples == [Text("a", label="x", id="0"), TEXTS[1]]
    assert splits["dev"].examples == [Text("a", label="x", id="0")]
    assert splits["train"].notes == ["2 examples given in Python"]
    assert data.missing() == []
    assert data.read_bare(data.train, Text).examples[0].label is None


def test_rules_divide_them():
    data = Given(train=[Text(str(number)) for number in range(10)], split=Split(dev=Rule(every=5)))
    assert [example.text for example in data.splits(Text)["dev"].examples] == ["4", "9"]


def test_examples_of_another_class_are_refused():
    data = Given(train=[*TEXTS, "a", None, Tagged(("a",))])
    with pytest.raises(DataError) as caught:
        data.read(data.train, Text)
    assert caught.value.lines() == [
        f"{data.train}: example 2: found str, expected Text",
        f"{data.train}: example 3: found NoneType, expected Text",
        f"{data.train}: example 4: found Tagged, expected Text",
    ]


@pytest.mark.parametrize(
    ("example", "fault"),
    [
        (Text(""), "text: found '', expected text"),
        (Text(None), "text: found null, expected text"),
        (Tagged(("a", "")), "words: found a list, expected a list whose parts are each text"),
        (Tagged("ab"), "words: found 'ab', expected a list"),
        (Tagged(("a", "b"), ("O",)), "2 words, 1 tag, expected as many"),
        (Question("a", " "), "context: found ' ', expected text"),
        (Question("a", "b", (Answer("c", 0),)), "answer 'c' is not at 0"),
    ],
)
def test_examples_that_are_wrong_in_themselves_are_refused(example, fault):
    data = Given(train=[example])
    with pytest.raises(DataError) as caught:
        data.read(data.train, type(example))
    assert caught.value.lines() == [f"{data.train}: example 0: {fault}"]


def test_ids_given_twice_are_refused():
    data = Given(train=[Text("a", id="1"), Text("b")])
    with pytest.raises(DataError, match=r"example 1: id '1' again, as in example 0"):
        data.read(data.train, Text)


def test_a_recipe_says_how_many_there_were_and_not_what_they_are(recipe, write):
    with_examples = recipe.model_copy(update={"data": Given(train=TEXTS)})
    text = dump_recipe(with_examples)
    assert "format: given\n  train: 2 examples, sha256 " in text
    again = load_recipe(write(text, "again.yaml"))
    assert again.data.missing() == [
        f"data.train: {again.data.train}: such examples are given in Python, "
        "toolkit.data.given.Given(train=…)"
    ]
    with pytest.raises(DataError, match="such examples are given in Python"):
        again.data.splits(Text)


def test_the_same_examples_are_the_same_run_and_others_are_not(recipe, write):
    first = recipe.model_copy(update={"data": Given(train=TEXTS)})
    stored = load_recipe(write(dump_recipe(first), "stored.yaml"))
    assert differences(stored, first) == []
    other = recipe.model_copy(update={"data": Given(train=TEXTS[:1])})
    assert [line.partition(":")[0] for line in differences(stored, other)] == ["data.train"]


def test_a_copy_of_a_recipe_keeps_its_examples(recipe):
    data = Given(train=TEXTS).model_copy(update={"split": None})
    assert len(data.read(data.train, Text).examples) == 2
