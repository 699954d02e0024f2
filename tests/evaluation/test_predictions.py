import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from toolkit.evaluation.predictions import Reader, plan_batches, predict
from toolkit.examples import Answer, Question, Tagged, Text
from toolkit.models.model import build_model
from toolkit.models.reading import WindowSize
from toolkit.tasks.question_answering import QuestionAnswering
from toolkit.tasks.sequence_classification import SequenceClassification
from toolkit.tasks.token_classification import TokenClassification
from toolkit.testing import SMALL
from toolkit.windows import Window


@given(st.lists(st.lists(st.integers(1, 30), max_size=5), max_size=40), st.integers(1, 9))
def test_every_example_is_in_one_batch_and_none_is_too_large(lengths, batch_size):
    windows = [[Window({"input_ids": [0] * length}) for length in group] for group in lengths]
    batches = plan_batches(windows, batch_size)
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or sum(len(windows[row]) for row in batch) <= batch_size


LONG = "where is the parcel that I ordered two weeks ago " * 8


@pytest.mark.parametrize(
    ("task", "examples"),
    [
        (TokenClassification(decoding="crf"), [Tagged(("we", "met") * 60, ("O", "B-X") * 60)]),
        *[
            (SequenceClassification(combine=combine), [Text(LONG, label="a"), Text("b", label="b")])
            for combine in ("mean", "max", "attention")
        ],
        (QuestionAnswering(), [Question("who", LONG, (Answer("parcel", LONG.index("parcel")),))]),
    ],
)
def test_an_example_of_more_windows_than_are_read_at_once_has_the_same_loss(task, examples):
    task = task.learn(examples)
    texts = [text for example in examples for text in task.texts(example)]
    tokenizer = SMALL.tokenizer(texts)
    torch.manual_seed(0)
    model = build_model(task, SMALL, tokenizer)
    reader = Reader(task, tokenizer, WindowSize.of(SMALL, model.encoder))
    assert len(reader.windows(examples[0])) > 5
    at_once, in_parts = (
        predict(
            model, reader, examples, batch_size=size, precision="fp32", device=torch.device("cpu")
        )
        for size in (100, 2)
    )
    assert in_parts.loss == pytest.approx(at_once.loss, rel=1e-5)
    assert [task.record(*pair) for pair in zip(examples, in_parts.predictions)] == [
        task.record(*pair) for pair in zip(examples, at_once.predictions)
    ]
