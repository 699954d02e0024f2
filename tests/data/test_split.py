"""Splits of data that come in one file."""

import pytest

from toolkit.data.base import Data, Reading
from toolkit.data.conll import Conll
from toolkit.data.json_lines import JsonLines
from toolkit.data.split import Rule, Split, taker, text_of
from toolkit.errors import DataError
from toolkit.examples import Question, Tagged, Text

TEXTS = [Text(f"text number {number}", label="x") for number in range(1000)]


class Memory(Data):
    """A source is a number: so many texts."""

    def read(self, source, reads=Text):
        READ.append(source)
        return Reading(TEXTS[: int(source)], [f"{source} texts"])


READ = []


def divided(examples, rules):
    """The examples that each rule takes, and under None those that no rule takes."""
    parts = {name: [] for name in [*rules, None]}
    for number, example in enumerate(examples, 1):
        parts[taker(number, example, rules)].append(example)
    return parts


@pytest.fixture(autouse=True)
def _nothing_read():
    READ.clear()


def numbers(reading):
    return [int(example.text.split()[-1]) + 1 for example in reading.examples]


def test_every_fifth_example_counts_from_one():
    data = Memory(train="12", split=Split(dev=Rule(every=5)))
    splits = data.splits(Text)
    assert numbers(splits["dev"]) == [5, 10]
    assert numbers(splits["train"]) == [1, 2, 3, 4, 6, 7, 8, 9, 11, 12]
    assert splits["train"].notes == [
        "10 of the 12 examples of the file (the rest of dev)", "12 texts"
    ]  # fmt: skip
    assert splits["dev"].notes[0] == "2 of the 12 examples of the file (every 5, offset 0)"


def test_an_offset_moves_which_of_five():
    data = Memory(train="12", split=Split(dev=Rule(every=5), test=Rule(every=5, offset=1)))
    splits = data.splits(Text)
    assert numbers(splits["dev"]) == [5, 10]
    assert numbers(splits["test"]) == [1, 6, 11]
    assert len(splits["train"].examples) == 7


def test_a_share_depends_on_the_text_only():
    rules = {"dev": Rule(share=0.1), "test": Rule(share=0.2)}
    parts = divided(TEXTS, rules)
    assert [len(parts[name]) for name in ("dev", "test", None)] == [99, 201, 700]
    more = [Text("another"), *reversed(TEXTS), *TEXTS]
    assert set(divided(more, rules)["dev"]) - {more[0]} == set(parts["dev"])


def test_equal_texts_are_never_in_two_splits():
    same = [Text("A  b"), Text("a B\n"), Text("a b", pair="c")]
    for share in (0.001, 0.1, 0.3, 0.5, 0.7, 0.9, 0.999):
        assert sorted(map(len, divided(same, {"dev": Rule(share=share)}).values())) == [0, 3]


def test_a_share_of_questions_keeps_contexts_together():
    assert text_of(Question("a", "the Context")) == text_of(Question("b", "The  context"))
    assert text_of(Tagged(("A", "b"))) == text_of(Text("a b"))


def test_a_rule_for_test_takes_from_what_dev_left():
    rules = {"dev": Rule(every=2), "test": Rule(share=0.5)}
    parts = divided(TEXTS, rules)
    assert len(parts["dev"]) == 500
    assert 200 < len(parts["test"]) < 300


def test_a_file_that_several_splits_name_is_read_once():
    Memory(train="10", split=Split(dev=Rule(every=5), test=Rule(every=3))).splits(Text)
    Memory(train="11", dev="11").splits(Text)
    assert READ == ["10", "11"]


def test_a_split_that_a_rule_makes_is_of_the_training_file_where_none_is_named():
    data = Memory(train="10", split=Split(dev=Rule(every=5)))
    assert (data.dev, data.test) == ("10", None)
    assert Memory.model_validate_json(data.model_dump_json()) == data


def test_a_rule_may_divide_another_file():
    data = Memory(train="9", dev="8", test="8", split=Split(dev=Rule(every=2)))
    splits = data.splits(Text)
    assert numbers(splits["dev"]) == [2, 4, 6, 8]
    assert numbers(splits["test"]) == [1, 3, 5, 7]
    assert len(splits["train"].examples) == 9
    assert data.faults() == []


def test_only_the_splits_that_are_asked_for_are_read():
    data = Memory(train="10", dev="8", test="9")
    assert list(data.splits(Text, ["test"])) == ["test"]
    assert READ == ["9"]


def test_a_rule_that_takes_nothing_is_a_fault():
    with pytest.raises(DataError) as caught:
        Memory(train="4", split=Split(dev=Rule(every=5))).splits(Text)
    assert caught.value.lines() == ["data.dev: no examples in 4, expected some"]


def test_every_format_has_rules(write):
    path = write("".join(f"w{number}\tO\n\n" for number in range(10)))
    data = Conll(train=path, split=Split(dev=Rule(every=5)))
    assert [example.words for example in data.splits()["dev"].examples] == [("w4",), ("w9",)]
    path = write("".join(f'{{"text": "w{n}", "label": "x"}}\n' for n in range(10)))
    data = JsonLines(train=path, split=Split(test=Rule(every=5, offset=4)))
    assert [example.id for example in data.splits(Text)["test"].examples] == ["4", "9"]
