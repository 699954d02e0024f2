"""Every task keeps the contract in each of its modes; a new task or mode without a row fails."""

import typing

import pytest

from tests.tasks.test_masked_language_modelling import DOCUMENTS
from tests.tasks.test_question_answering import LIVES, NONE
from tests.tasks.test_sequence_classification import LONG, MULTI, NUMBERS, SINGLE
from tests.tasks.test_token_classification import SENTENCES
from toolkit import check_task, registry
from toolkit.examples import Tagged, Text

PLAIN = [
    Tagged(("we", "walked", "home"), ("PRON", "VERB", "ADV")),
    Tagged(("walked", "we"), ("VERB", "PRON")),
]


def paired(examples):
    """The examples with a second text, of one the longer, of the others the shorter."""
    second = ["no", LONG, "it rained all day", "well then"]
    return [each._replace(pair=pair) for each, pair in zip(examples, second)]


def rows():
    for decoding in ("argmax", "constrained", "crf"):
        yield "token-classification", {"decoding": decoding}, SENTENCES
        yield "token-classification", {"decoding": decoding}, PLAIN
    kinds = {"single": SINGLE, "multi": MULTI, "regression": [*NUMBERS[1:], Text("hm", label=1.5)]}
    for labels, examples in kinds.items():
        texts = [each._replace(pair=None) for each in examples]
        for combine in ("mean", "max", "attention"):
            keys = {"labels": labels, "combine": combine, "dropout": 0.0}
            yield "sequence-classification", keys, texts
            yield "sequence-classification", keys, paired(examples)
    yield "sequence-classification", {"class_weights": "balanced"}, SINGLE
    yield "sequence-classification", {"label_smoothing": 0.01}, SINGLE
    yield "sequence-classification", {"truncate": True}, SINGLE[:3]
    yield "masked-language-modelling", {}, DOCUMENTS
    yield "masked-language-modelling", {"whole_words": True}, DOCUMENTS
    answered = [LIVES[0], LIVES[3], LIVES[5]]
    yield "question-answering", {"no_answer": False}, answered
    yield "question-answering", {"no_answer": True}, [*LIVES[1:3], *NONE[1:]]
    yield "question-answering", {"no_answer": True}, answered
    yield "question-answering", {"no_answer": "auto"}, answered
    yield "question-answering", {"no_answer": "auto"}, [*LIVES[1:3], *NONE[1:]]


ROWS = [
    pytest.param(name, keys, examples, id="-".join([name, *map(str, keys.values()), str(number)]))
    for number, (name, keys, examples) in enumerate(rows())
]
HAS_CHECK_OF_ITS_OWN: set[str] = set()  # tasks whose own test file calls check_task in each mode
FREE = {"class_weights"}  # keys of choices that rows show by one of them


@pytest.mark.parametrize(("name", "keys", "examples"), ROWS)
def test_the_contract_holds(name, keys, examples):
    cls = registry.look_up("task", name)
    assert all(isinstance(example, cls.reads) for example in examples)
    check_task(cls(**keys), examples)


def test_pairs_are_among_the_texts():
    assert all(isinstance(each, Text) and each.pair for each in paired(SINGLE))


@pytest.mark.parametrize("name", sorted({*registry.BUILT_IN["task"]} - HAS_CHECK_OF_ITS_OWN))
def test_every_task_has_a_row_for_each_of_its_choices(name):
    fields = registry.look_up("task", name).model_fields
    mine = [param.values[1] for param in ROWS if param.values[0] == name]
    assert mine, f"{name}: no check_task here"
    for key, field in fields.items():
        if typing.get_origin(field.annotation) is typing.Literal and key not in FREE:
            tried = {keys.get(key, field.default) for keys in mine}
            missing = set(typing.get_args(field.annotation)) - tried
            assert not missing, f"{name}: no check_task with {key}: {missing}"
