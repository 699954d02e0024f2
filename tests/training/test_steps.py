"""The loop by itself: sums and counts, cuts of a step, schedules, groups, numbers that break."""

import math

import numpy as np
import pytest
import torch

from toolkit import Tagged
from toolkit.encoders.pretrained import Pretrained
from toolkit.errors import NumericalError
from toolkit.models.batch import padding_of
from toolkit.models.model import build_model
from toolkit.models.reading import WindowSize
from toolkit.recipe.schema import Train
from toolkit.tasks.token_classification import TokenClassification
from toolkit.training.batches import Plan
from toolkit.training.optimiser import build_optimiser, rate_factor, restore_state, state_of
from toolkit.training.processes import Processes
from toolkit.training.steps import Loop, steps

TASK = TokenClassification(labels=("O", "B-PER", "I-PER"))
WORDS = ("EU", "rejects", "German", "call", "to", "boycott", "Peter", "Blackburn", "in", "Paris")


def sentences(number: int) -> list[Tagged]:
    generator = np.random.default_rng(0)
    found = []
    for _ in range(number):
        words = tuple(generator.choice(WORDS, size=generator.integers(1, 9)))
        found.append(Tagged(words, tuple(generator.choice(TASK.labels, size=len(words)))))
    return found


def loop_of(checkpoint: str, examples, *, dropout: float = 0.0, **train) -> Loop:
    encoder = Pretrained(checkpoint=checkpoint)
    tokenizer = encoder.tokenizer()
    torch.manual_seed(3)
    model = build_model(TASK, encoder, tokenizer)
    for part in model.modules():
        if isinstance(part, torch.nn.Dropout):
            part.p = dropout
    settings = Train(precision="fp32", **{"micro_batches": 1, "batch_size": 8, **train})
    size = WindowSize.of(encoder, model.encoder)
    windows = [TASK.windows(example, tokenizer, *size) for example in examples]
    return Loop(
        model=model.train(),
        optimiser=build_optimiser(model, settings),
        scaler=None,
        train=settings,
        plan=Plan(len(examples), settings.batch_size, settings.epochs, settings.seed),
        windows=windows.__getitem__,
        padding=padding_of(tokenizer),
        processes=Processes(),
    )


@pytest.mark.parametrize("micro_batches", [2, 4, 8])
def test_cutting_a_step_changes_neither_loss_nor_gradient(checkpoints, micro_batches):
    examples = sentences(30)  # 4 steps an epoch, the last of 6 examples
    whole = list(steps(loop_of(checkpoints["bert"], examples)))
    cut = list(steps(loop_of(checkpoints["bert"], examples, micro_batches=micro_batches)))
    assert len(whole) == 12
    for one, other in zip(whole, cut, strict=True):
        assert other.loss == pytest.approx(one.loss, rel=1e-5)
        assert other.grad_norm == pytest.approx(one.grad_norm, rel=1e-5)
        assert other.num_targets == one.num_targets


def test_a_part_without_examples_counts_for_nothing(checkpoints):
    examples = sentences(9)  # the last step has one example for four parts
    whole = list(steps(loop_of(checkpoints["bert"], examples, epochs=1)))
    cut = list(steps(loop_of(checkpoints["bert"], examples, epochs=1, micro_batches=4)))
    assert cut[-1].num_targets == whole[-1].num_targets == len(examples[_last(9)].words)
    assert cut[-1].loss == pytest.approx(whole[-1].loss, rel=1e-5)
    assert cut[-1].num_tokens == whole[-1].num_tokens


def _last(number):
    return Plan(number, 8, 1, 1).examples(1)[0]


def test_the_gradient_is_that_of_one_large_batch_in_float64(checkpoints):
    examples = sentences(8)
    loop = loop_of(checkpoints["bert"], examples, micro_batches=4, epochs=1, max_grad_norm=None)
    loop = loop._replace(optimiser=torch.optim.SGD(loop.model.parameters(), lr=1.0))
    for group in loop.optimiser.param_groups:
        group["highest"] = 1.0
    before = {name: p.detach().double().clone() for name, p in loop.model.named_parameters()}
    reference = loop_of(checkpoints["bert"], examples, micro_batches=1, epochs=1)
    next(iter(steps(loop)))
    from toolkit.models.batch import collate

    model = reference.model.double()
    order = reference.plan.examples(0)
    batch = collate([w for i in order for w in reference.windows(i)], reference.padding)
    output = model(batch.inputs, batch.targets)
    (output.loss / output.count).backward()
    norm = math.sqrt(sum(float((p.grad**2).sum()) for p in model.parameters()))
    for (name, after), expected in zip(
        loop.model.named_parameters(), model.parameters(), strict=True
    ):
        update = before[name] - after.detach().double()
        assert float((update - expected.grad).norm()) < 1e-5 * norm, name


def test_dropout_depends_on_the_step_alone(checkpoints):
    examples = sentences(24)
    whole = list(steps(loop_of(checkpoints["bert"], examples, dropout=0.3)))
    loop = loop_of(checkpoints["bert"], examples, dropout=0.3)
    again = []
    for step in steps(loop):
        again.append(step)
        torch.rand(7)  # somebody else draws numbers in between
    assert whole == again


def test_the_optimiser_goes_on_where_it_was(checkpoints):
    examples = sentences(24)
    loop = loop_of(checkpoints["bert"], examples, dropout=0.1)
    running = steps(loop)
    for _ in range(4):
        next(running)
    weights = {name: tensor.clone() for name, tensor in loop.model.state_dict().items()}
    state = {name: tensor.clone() for name, tensor in state_of(loop.optimiser, loop.model).items()}
    rest = list(running)
    other = loop_of(checkpoints["bert"], examples, dropout=0.1)
    other.model.load_state_dict(weights)
    restore_state(other.optimiser, other.model, state)
    assert list(steps(other, done=4)) == rest
    for one, two in zip(loop.model.parameters(), other.model.parameters(), strict=True):
        assert torch.equal(one, two)


def test_a_step_without_targets_changes_nothing(checkpoints):
    examples = [Tagged(("EU", "call"), ("B-LOC", "I-LOC"))]  # labels that the task does not have
    loop = loop_of(checkpoints["bert"], examples, epochs=1)
    before = [p.detach().clone() for p in loop.model.parameters()]
    (step,) = steps(loop)
    assert (step.loss, step.num_targets, step.grad_norm) == (0.0, 0, 0.0)
    assert all(torch.equal(b, p) for b, p in zip(before, loop.model.parameters(), strict=True))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_broke_stops_before_the_optimiser_steps(checkpoints, value):
    loop = loop_of(checkpoints["bert"], sentences(8))
    with torch.no_grad():
        loop.model.head.scorer.native.classifier.bias[0] = value
    before = [p.detach().clone() for p in loop.model.parameters()]
    with pytest.raises(NumericalError, match="step 1: the loss is"):
        next(steps(loop))
    for b, p in zip(before, loop.model.parameters(), strict=True):
        assert torch.equal(torch.nan_to_num(b), torch.nan_to_num(p))


def test_gradients_are_clipped_to_the_norm(checkpoints):
    loop = loop_of(checkpoints["bert"], sentences(8), max_grad_norm=0.01)
    step = next(steps(loop))
    norm = torch.nn.utils.get_total_norm([p.grad for p in loop.model.parameters()])
    assert step.grad_norm > 0.1
    assert float(norm) == pytest.approx(0.01, rel=1e-4)


def test_schedules_are_those_of_transformers():
    from transformers import get_cosine_schedule_with_warmup, get_linear_schedule_with_warmup

    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    for kind, official in (
        ("linear", get_linear_schedule_with_warmup),
        ("cosine", get_cosine_schedule_with_warmup),
    ):
        for share, num_warmup in ((0.0, 0), (0.1, 5), (0.5, 25)):
            schedule = official(optimiser, num_warmup, 50)
            for step in range(50):
                expected = schedule.lr_lambdas[0](step)
                assert rate_factor(kind, share, step, 50) == pytest.approx(expected, abs=1e-12)


def test_a_constant_schedule_stays_up_behind_its_warm_up():
    assert [rate_factor("constant", 0.5, step, 4) for step in range(4)] == [0.0, 0.5, 1.0, 1.0]


def test_biases_and_normalisation_do_not_decay_and_the_head_has_its_rate(checkpoints):
    loop = loop_of(checkpoints["bert"], sentences(2), head_learning_rate=1e-2, weight_decay=0.3)
    names = {id(p): name for name, p in loop.model.named_parameters()}
    seen = 0
    for group in loop.optimiser.param_groups:
        for parameter in group["params"]:
            seen += 1
            name = names[id(parameter)]
            is_plain = name.endswith("bias") or "LayerNorm" in name
            assert group["weight_decay"] == (0.0 if is_plain else 0.3), name
            assert group["highest"] == (1e-2 if name.startswith("head.") else 5e-5), name
    assert seen == len(names)
