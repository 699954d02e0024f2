"""Texts scored by each summary of their tokens, on both kinds of encoder."""

import pytest

from tests.checkpoints import make_checkpoint
from tests.tasks.test_sequence_classification import KINDS
from toolkit import check_task
from toolkit.encoders.pretrained import Pretrained
from toolkit.tasks.sequence_classification import SequenceClassification
from toolkit.testing import SMALL

SUMMARIES = ("first", "last", "mean", "max", "attention")
COMBINED = {"single": "attention", "multi": "max", "regression": "mean"}  # a long text's windows


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bert")
    make_checkpoint("bert", folder, dropout=0.0)
    return str(folder)


@pytest.mark.parametrize("labels", COMBINED)
@pytest.mark.parametrize("summary", SUMMARIES)
def test_the_lstm_keeps_the_contract_with_each_summary(summary, labels):
    task = SequenceClassification(labels=labels, combine=COMBINED[labels], dropout=0.0)
    check_task(task, KINDS[labels], SMALL.model_copy(update={"summary": summary}))


@pytest.mark.parametrize("labels", COMBINED)
@pytest.mark.parametrize("summary", SUMMARIES)
def test_a_pretrained_encoder_keeps_the_contract_with_each_summary(bert, summary, labels):
    encoder = Pretrained(checkpoint=bert, head="own", summary=summary, max_length=32)
    task = SequenceClassification(labels=labels, combine=COMBINED[labels], dropout=0.0)
    check_task(task, KINDS[labels], encoder)
