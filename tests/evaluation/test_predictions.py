from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.encoders.pretrained import Pretrained
from toolkit.evaluation.predictions import Most, Reader, plan_batches, predict
from toolkit.examples import Answer, Question, Tagged, Text
from toolkit.models.model import build_model
from toolkit.models.reading import WindowSize
from toolkit.stopping import Stopped
from toolkit.tasks.question_answering import QuestionAnswering
from toolkit.tasks.sequence_classification import SequenceClassification
from toolkit.tasks.token_classification import TokenClassification
from toolkit.testing import SMALL
from toolkit.windows import Window

CPU = torch.device("cpu")
GROUPS = st.lists(st.lists(st.integers(1, 30), max_size=5), max_size=40)


def windows_of(lengths):
    return [[Window({"input_ids": [0] * length}) for length in group] for group in lengths]


@given(GROUPS, st.integers(1, 9), st.integers(1, 200))
def test_every_example_is_in_one_batch_and_none_is_too_large(lengths, windows_at_most, tokens):
    windows = windows_of(lengths)
    batches = plan_batches(windows, Most(windows_at_most, tokens))
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))
    for batch in batches:
        held = [window.length for row in batch for window in windows[row]]
        assert (
            len(batch) == 1
            or not held
            or (
                len(held) <= windows_at_most and (len(held) * max(held) <= tokens or len(held) == 1)
            )
        )


@given(GROUPS, st.integers(1, 9), st.integers(1, 200))
def test_batches_come_by_length(lengths, windows_at_most, tokens):
    batches = plan_batches(windows_of(lengths), Most(windows_at_most, tokens))
    longest = [max(lengths[row], default=0) for batch in batches for row in batch]
    assert longest == sorted(longest)


def test_short_windows_are_read_many_at_a_time_and_long_ones_few():
    windows = windows_of([[10]] * 40 + [[100]] * 4)
    assert list(map(len, plan_batches(windows, Most(256, 200)))) == [20, 20, 2, 2]


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
    at_once, *others = (
        predict(
            model,
            reader,
            examples,
            batch_size=size,
            batch_tokens=tokens,
            precision="fp32",
            device=CPU,
        )
        for size, tokens in ((100, 100_000), (2, 100_000), (100, 50))
    )
    for in_parts in others:
        assert in_parts.loss == pytest.approx(at_once.loss, rel=1e-5)
        assert [task.record(*pair) for pair in zip(examples, in_parts.predictions)] == [
            task.record(*pair) for pair in zip(examples, at_once.predictions)
        ]


WORDS = ("EU", "rejects", "German", "call", "to", "boycott", "British", "lamb", ".", "\u200b")


@pytest.fixture(scope="module")
def tagger(checkpoints):
    """A random model of a pretrained kind, and sentences of many lengths, some of two windows."""
    examples = [
        Tagged(tuple(WORDS[(row + place) % 10] for place in range(1 + row * 7 % 61)))
        for row in range(30)
    ]
    task = TokenClassification(labels=("O", "B-X", "I-X"))
    encoder = Pretrained(checkpoint=checkpoints["bert"])
    tokenizer = encoder.tokenizer()
    torch.manual_seed(0)
    model = build_model(task, encoder, tokenizer)
    return model, Reader(task, tokenizer, WindowSize.of(encoder, model.encoder)), examples


def said(tagger, batch_size=256, batch_tokens=4096, precision="fp32", rows=None):
    model, reader, examples = tagger
    chosen = examples if rows is None else [examples[row] for row in rows]
    return predict(
        model,
        reader,
        chosen,
        batch_size=batch_size,
        batch_tokens=batch_tokens,
        precision=precision,
        device=CPU,
    ).predictions


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 40), st.integers(1, 700), st.permutations(range(30)))
def test_predictions_are_the_same_whatever_is_read_together(tagger, windows, tokens, order):
    expected = said(tagger, batch_size=1)
    found = said(tagger, windows, tokens, rows=order)
    for row, tags in zip(order, found):
        assert tags.tags == expected[row].tags
        assert tags.scores == pytest.approx(expected[row].scores, rel=1e-4)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_two_processes_predict_the_same_bits_as_one(tagger, precision):
    model, reader, examples = tagger
    done = []

    def as_rank(rank):
        def gather(told):
            ((votes, mine),) = told
            done.extend(mine)
            others = [part for part in whole if part not in mine]
            return [(votes, done if rank == 0 else mine + others)]

        processes = SimpleNamespace(rank=rank, count=2, gather=gather)
        return predict(
            model, reader, examples, batch_size=9, batch_tokens=150, precision=precision,
            device=CPU, processes=processes,
        )  # fmt: skip

    whole = []
    alone = SimpleNamespace(rank=0, count=1, gather=lambda told: whole.extend(told[0][1]) or told)
    expected = predict(
        model, reader, examples, batch_size=9, batch_tokens=150, precision=precision,
        device=CPU, processes=alone,
    )  # fmt: skip
    assert len(whole) > 4
    as_rank(1)
    assert as_rank(0) == expected
    assert len(done) == len(whole)


def test_all_processes_stop_where_one_was_asked_to(tagger):
    # the other one was asked by SIGTERM, after this one had predicted everything
    processes = SimpleNamespace(rank=0, count=2, gather=lambda told: [*told, (2**20, [])])
    model, reader, examples = tagger
    with pytest.raises(Stopped) as stopped:
        predict(
            model, reader, examples, batch_size=9, precision="fp32", device=CPU,
            processes=processes,
        )  # fmt: skip
    assert stopped.value.exit_code == 143


def test_each_sentence_gets_its_own_prediction_back(tagger):
    _, _, examples = tagger
    assert [len(tags.tags) for tags in said(tagger)] == [len(each.words) for each in examples]


def test_bfloat16_is_near_float32_and_leaves_the_weights_as_they_were(tagger):
    model, _, _ = tagger
    before = {name: (p, p.clone()) for name, p in model.named_parameters()}
    low, high = said(tagger, precision="bf16"), said(tagger)
    scores = [np.concatenate([tags.scores for tags in each]) for each in (low, high)]
    assert 0 < np.abs(scores[0] - scores[1]).max() < 0.02
    for name, parameter in model.named_parameters():
        old, value = before[name]
        assert parameter is old
        assert torch.equal(parameter, value)
        assert parameter.requires_grad


def test_an_error_while_reading_puts_the_weights_back(tagger):
    model, reader, examples = tagger

    class Broken(TokenClassification):
        def decode(self, *_):
            raise ValueError("broken")

    task = Broken(labels=("O", "B-X", "I-X"))
    with pytest.raises(ValueError, match="broken"):
        said((model, reader._replace(task=task), examples), precision="bf16")
    assert {p.dtype for p in model.parameters()} == {torch.float32}


def test_every_family_and_head_reads_with_weights_in_bfloat16(checkpoints, family):
    for task, example in (
        (TokenClassification(labels=("O", "B-X", "I-X")), Tagged(WORDS)),
        (SequenceClassification().learn([Text("a", label="a"), Text("b", label="b")]), Text(LONG)),
        (QuestionAnswering(), Question("who", LONG)),
    ):
        encoder = Pretrained(checkpoint=checkpoints[family])
        tokenizer = encoder.tokenizer()
        torch.manual_seed(0)
        model = build_model(task, encoder, tokenizer)
        assert model.encoder.lowerable() is not None
        reader = Reader(task, tokenizer, WindowSize.of(encoder, model.encoder))
        seen = []
        model.head.register_forward_hook(lambda *arguments, to=seen: to.append(arguments[2].scores))
        for precision in ("fp32", "bf16"):
            said((model, reader, [example]), precision=precision)
        high, low = seen
        assert low.dtype == torch.float32
        assert 0 < (high - low).abs().max() < 0.05
