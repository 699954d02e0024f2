"""Numbers that are not finite: no run ends well with broken weights, and the report is right."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import toolkit
from tests.checkpoints import make_checkpoint
from tests.forked import finished, forked, surroundings
from tests.training.poisons import (
    INF,
    NAN,
    POISONS,
    STEPS,
    VALUES,
    after,
    assert_stopped,
    breaks_output,
    fill,
    module_of,
    recipe_of,
    run_with,
)
from toolkit.errors import NumericalError
from toolkit.training import finetune as job
from toolkit.training import numbers
from toolkit.training.events import Note
from toolkit.training.processes import Processes
from toolkit.training.steps import Step


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A checkpoint, and 16 examples for each task."""
    folder = tmp_path_factory.mktemp("numbers")
    fill(folder)
    return folder


def test_sixty_numbers_are_put_into_runs():
    assert len({str(poison) for poison in POISONS}) == 60


@pytest.mark.parametrize("poison", POISONS, ids=str)
def test_what_is_not_finite_stops_the_run_and_breaks_no_file(poison, folder, tmp_path, monkeypatch):
    recipe = recipe_of(folder, tmp_path, poison.task, poison.encoder)
    done = run_with(monkeypatch, recipe, lambda loop: poison.put(loop, poison.value))
    assert_stopped(done)
    assert done.error.exit_code == 4


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize(
    "name", ["embeddings.word_embeddings.weight", "encoder.layer.1.output.dense.bias"]
)
def test_a_checkpoint_with_such_a_weight_is_refused_before_the_first_step(
    value, name, folder, tmp_path, monkeypatch
):
    broken = tmp_path / "broken"
    make_checkpoint("bert", broken, width=16)
    weights = load_file(broken / "model.safetensors")
    weights[name].view(-1)[5] = value
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    done = run_with(monkeypatch, recipe_of(folder, tmp_path, "tags", "bert", checkpoint=broken))
    assert_stopped(done)
    assert done.error.exit_code == 4
    assert str(done.error) == (
        f"before the first step: the weight encoder.base.{name} holds numbers that are not finite"
    )
    assert not any(isinstance(event, Step) for event in done.events)


@pytest.mark.parametrize(
    "change", ["task.class_weights={product: 3e38}", "train.learning_rate=1e38"]
)
def test_finite_settings_that_overflow_stop_the_run(change, folder, tmp_path, monkeypatch):
    done = run_with(monkeypatch, recipe_of(folder, tmp_path, "labels", "lstm", change))
    assert_stopped(done)
    assert done.error.exit_code == 4


def together(folder, tmp_path, mode):
    """The exit codes of two processes, and what those told that were not ended by the other."""

    def run():
        where = tmp_path / mode / str(Processes().rank)
        where.mkdir(parents=True)

        def put(loop):
            second = loop.plan.examples(1)[4:]  # of the second step's two micro-batches, the second
            breaks_output(loop, "layer.1", NAN, step=1, example=second[0])

        setting = (f"train.on_nonfinite={mode}", f"run.folder={tmp_path / mode}")
        recipe = recipe_of(folder, where, "tags", "bert", *setting)
        done = run_with(pytest.MonkeyPatch(), recipe, put)
        left_out = done.results.get("steps_left_out")
        told = {"error": done.error and str(done.error), "left_out": left_out}
        (where / "told.json").write_text(json.dumps(told), encoding="utf-8")

    children = [forked(run, variables) for variables in surroundings(2)]
    codes = [finished(child) for child in children]
    files = sorted((tmp_path / mode).glob("*/told.json"))
    return codes, [json.loads(file.read_text(encoding="utf-8")) for file in files]


def test_several_processes_stop_together_and_name_the_right_one(folder, tmp_path):
    _, told = together(folder, tmp_path, "stop")
    (error,) = {each["error"] for each in told}
    assert "step 2: the loss is nan" in error
    assert "in micro-batch 1 of process 1, example " in error
    assert "(1 of 4 examples)" in error
    assert [each["left_out"] for each in told] == [None] * len(told)


def test_several_processes_skip_a_step_together(folder, tmp_path):
    codes, told = together(folder, tmp_path, "skip")
    assert codes == [0, 0]
    assert told == [{"error": None, "left_out": 1}] * 2


def broken_example(folder, tmp_path, monkeypatch, *overrides, end="layer.1", example=3, value=NAN):
    """A run in which one example breaks a layer in the third step, and the layer's name."""
    recipe = recipe_of(folder, tmp_path, "tags", "bert", *overrides)
    order = {}

    def put(loop):
        order["step"] = 2 if example in loop.plan.examples(2) else 3
        order["name"] = breaks_output(loop, end, value, step=order["step"], example=example)

    return run_with(monkeypatch, recipe, put), order


@pytest.mark.parametrize("micro_batches", [1, 2, 8])
def test_the_report_names_step_example_and_module(micro_batches, folder, tmp_path, monkeypatch):
    done, order = broken_example(
        folder, tmp_path, monkeypatch, f"train.micro_batches={micro_batches}"
    )
    (record,) = done.records("not-finite.jsonl")
    assert record["step"] == order["step"] + 1
    assert record["finding"]["what"] == f"the output of {order['name']} (BertLayer)"
    assert record["finding"]["examples"] == ["4"]  # ids of this format count from 1
    assert record["finding"]["process"] == 0
    assert record["weight"] is None
    assert (record["loss"], record["grad_norm"]) == ("nan", "nan")
    (line,) = done.error.lines()
    assert line == f"{record['sentence']} ({done.run / 'not-finite.jsonl'})"
    assert line.startswith(f"step {order['step'] + 1}: the loss is nan and the gradient norm nan: ")
    assert [r["step"] for r in done.records("metrics.jsonl") if "grad_norm" in r] == [
        *range(1, order["step"] + 1)
    ]


def test_a_gradient_is_named_by_the_parameter_or_the_output(folder, tmp_path, monkeypatch):
    names = {}

    def put(loop):
        names["module"], module = module_of(loop, "layer.0.intermediate.dense")

        def watch(_, __, out):
            out.register_hook(lambda gradient: gradient * INF)

        module.register_forward_hook(watch)

    done = run_with(monkeypatch, recipe_of(folder, tmp_path, "tags", "bert"), put)
    (record,) = done.records("not-finite.jsonl")
    assert record["finding"]["what"].startswith("the gradient of ")
    assert names["module"].rpartition(".")[0] in record["finding"]["what"]
    assert "inf" not in record["loss"]

    def put_parameter(loop):
        loop.model.head.scorer.native.classifier.bias.register_hook(lambda gradient: gradient * NAN)

    other = tmp_path / "other"
    other.mkdir()
    done = run_with(monkeypatch, recipe_of(folder, other, "tags", "bert"), put_parameter)
    (record,) = done.records("not-finite.jsonl")
    assert record["finding"]["what"] == (
        "the gradient of head.scorer.native.classifier.bias, and of no output of a module before it"
    )


def test_a_sum_that_overflows_is_told_from_a_module_that_breaks(folder, tmp_path, monkeypatch):
    def put(loop):  # finite by itself: only the norm of all gradients is not
        loop.model.head.scorer.native.classifier.bias.register_hook(lambda g: g * 0 + 3e38)

    done = run_with(monkeypatch, recipe_of(folder, tmp_path, "tags", "bert"), put)
    assert "every micro-batch by itself is finite, their sum is too large" in str(done.error)


def test_a_weight_that_broke_is_named(folder, tmp_path, monkeypatch):
    done = run_with(
        monkeypatch,
        recipe_of(folder, tmp_path, "tags", "bert", "train.on_nonfinite=skip"),
        lambda loop: after(1, lambda: [*loop.model.parameters()][-1], NAN),
    )
    assert "the weight head.scorer.native.classifier.bias was not finite before the step" in str(
        done.error
    )
    assert str(done.error).startswith("step 2: ")  # leaving steps out would not mend it


def test_a_skipped_step_is_said_and_counted_and_changes_nothing(folder, tmp_path, monkeypatch):
    seen = {}

    def put(loop):
        step = 0 if 3 in loop.plan.examples(0) else 1
        breaks_output(loop, "layer.1", NAN, step=step, example=3)
        before = {}

        def see(event):
            weights = [p.detach().clone() for p in loop.model.parameters()]
            if event.left_out is not None:
                seen["step"] = event.number
                seen["same"] = all(map(torch.equal, weights, before["weights"]))
            before["weights"] = weights

        before["weights"] = [p.detach().clone() for p in loop.model.parameters()]
        return see

    recipe = recipe_of(folder, tmp_path, "tags", "bert", "train.on_nonfinite=skip")
    done = run_with(monkeypatch, recipe, put)
    assert done.error is None
    assert seen["same"]
    lines = [line for line in done.records("metrics.jsonl") if "grad_norm" in line]
    assert [line["step"] for line in lines if line.get("left_out")] == [seen["step"]]
    assert {line["loss"] is None for line in lines if line.get("left_out")} == {True}
    assert done.results["steps_left_out"] == 1
    (record,) = done.records("not-finite.jsonl")
    notes = [event.text for event in done.events if isinstance(event, Note)]
    assert f"left out: {record['sentence']}" in notes
    assert f"train: 1 of {STEPS} steps left out: not finite" in notes
    weights = load_file(done.run / "model" / "model.safetensors")
    assert all(torch.isfinite(tensor).all() for tensor in weights.values())


def test_a_run_that_would_leave_out_everything_stops(folder, tmp_path, monkeypatch):
    def put(loop):
        own = loop.model.head.loss
        loop.model.head.loss = lambda *given: (own(*given)[0] * NAN, own(*given)[1])

    few = recipe_of(folder, tmp_path, "tags", "lstm", "train.on_nonfinite=skip")
    done = run_with(monkeypatch, few, put)
    assert_stopped(done)
    assert str(done.error).startswith(f"{STEPS} steps in a row were not finite, the last step 4: ")
    many = tmp_path / "many"
    many.mkdir()
    recipe = recipe_of(folder, many, "tags", "lstm", "train.on_nonfinite=skip", "train.epochs=50")
    done = run_with(monkeypatch, recipe, put)
    assert_stopped(done)
    assert f"{numbers.MOST_IN_A_ROW} steps in a row" in str(done.error)


def test_a_run_that_stopped_goes_on_leaving_steps_out(folder, tmp_path, monkeypatch):
    def put(loop):
        step = 2 if 3 in loop.plan.examples(2) else 3
        breaks_output(loop, "layer.1", NAN, step=step, example=3)

    skipping = ("train.checkpoint_every=1", "train.on_nonfinite=skip")
    recipe = recipe_of(folder, tmp_path, "tags", "bert", "train.checkpoint_every=1")
    stopped = run_with(monkeypatch, recipe, put)
    assert stopped.error is not None
    done = run_with(monkeypatch, recipe_of(folder, tmp_path, "tags", "bert", *skipping), put)
    assert done.error is None
    assert len(done.records("not-finite.jsonl")) == 1  # the line of the stopped run is gone
    other = tmp_path / "other"
    other.mkdir()
    whole = run_with(monkeypatch, recipe_of(folder, other, "tags", "bert", *skipping), put)
    assert (whole.run / "metrics.jsonl").read_bytes() == (done.run / "metrics.jsonl").read_bytes()
    assert whole.results == done.results


class Scaler(torch.amp.GradScaler):
    """As fp16 has it, on a CPU."""

    def __init__(self) -> None:
        super().__init__("cpu", init_scale=2.0**8)


def with_scaler(monkeypatch) -> None:
    monkeypatch.setattr(job, "new_scaler", lambda precision: Scaler())


def test_float16_that_overflows_takes_a_lower_scale_and_goes_on(folder, tmp_path, monkeypatch):
    with_scaler(monkeypatch)
    scales = []

    def put(loop):
        def overflow(gradient):
            scales.append(loop.scaler.get_scale())
            return gradient * INF if scales[-1] > 2.0**7 else gradient

        loop.model.head.scorer.native.classifier.bias.register_hook(overflow)

    done = run_with(monkeypatch, recipe_of(folder, tmp_path, "tags", "bert"), put)
    assert done.error is None
    assert scales == [2.0**8] + [2.0**7] * (STEPS - 1)
    assert done.results["steps_left_out"] == 1
    assert done.records("not-finite.jsonl") == []


def test_float16_that_never_fits_stops(folder, tmp_path, monkeypatch):
    with_scaler(monkeypatch)

    def put(loop):
        loop.model.head.scorer.native.classifier.bias.register_hook(lambda gradient: gradient * NAN)

    recipe = recipe_of(folder, tmp_path, "tags", "bert", "train.epochs=40")
    done = run_with(monkeypatch, recipe, put)
    assert_stopped(done)
    assert f"{numbers.MOST_OVERFLOWS} steps in a row were not finite" in str(done.error)


def test_a_sum_that_overflows_hides_no_number_and_invents_none():
    fine = {"large": torch.full((4,), 3e38), "whole": torch.arange(3)}
    assert numbers.first_not_finite(fine) is None
    for value in VALUES:
        broken = {**fine, "broken": torch.tensor([1.0, value, -value])}
        assert numbers.first_not_finite(broken) == "broken"


def test_predictions_of_no_numbers_are_an_error(folder, tmp_path, monkeypatch):
    finished = toolkit.finetune(recipe_of(folder, tmp_path, "tags", "bert"))
    predictor = toolkit.load(finished.folder)
    predictor.model.head.scorer.register_forward_hook(lambda _, __, scores: scores * NAN)
    with pytest.raises(NumericalError, match="scores of 1 example are not finite"):
        predictor.predict([["Peter", "Blackburn"]])
