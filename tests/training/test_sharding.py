"""`train.strategy: fsdp`: weights and what they need are shared out, and nothing else changes."""

import json
import os
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file
from torch.distributed import fsdp
from torch.distributed.tensor import DTensor

import toolkit
from tests import faulty
from tests.checkpoints import make_checkpoint
from tests.forked import STOPPED, finetune_forked, run_forked
from tests.recipes import LSTM, pretrained, write_recipe
from tests.short_memory import short_memory
from tests.training.test_peers import SAME, SECONDS, goes_on, launch
from tests.training.test_processes import steps
from toolkit import stopping
from toolkit.errors import ToolkitError
from toolkit.models import vocabulary
from toolkit.training import gradients, sharding
from toolkit.training import steps as loops
from toolkit.training.preparation import tell_strategy
from toolkit.training.processes import Processes

FSDP = "train.strategy=fsdp"
NUM_STEPS = 8
# parts that are cut by tokens, so that a process has more passes than another
CUT = ("train.micro_batches=6", "train.tokens_per_micro_batch=60", "train.checkpoint_every=1")


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    """A recipe with dropout, of two epochs with four steps each, the last of them small."""
    folder = tmp_path_factory.mktemp("sharding")
    make_checkpoint("bert", folder / "bert", dropout=0.2)
    return write_recipe(folder, pretrained(str(folder / "bert")), num_train=27)


@pytest.fixture(scope="module")
def whole(recipe):
    """The run with all weights in each of two processes."""
    return run_forked(recipe, "whole", *CUT)


@pytest.fixture(scope="module")
def shared(recipe):
    """The run with weights that are shared out over two processes."""
    return run_forked(recipe, "shared", *CUT, FSDP)


def assert_same_losses(folder: Path, expected: Path, near: float = 1e-5) -> None:
    assert len(steps(expected)) > 3
    for here, there in zip(steps(expected), steps(folder), strict=True):
        rel = 1e-5 if here["step"] == 1 else near
        assert there["loss"] == pytest.approx(here["loss"], rel=rel)
        assert there["grad_norm"] == pytest.approx(here["grad_norm"], rel=rel)
        assert there["num_targets"] == here["num_targets"]
        assert there["num_tokens"] == here["num_tokens"]


def evaluations(folder: Path) -> list[dict]:
    lines = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
    return [line for line in lines if line.get("split") == "dev"]


def test_sharing_out_weights_changes_no_loss(whole, shared):
    assert len(steps(whole)) == NUM_STEPS
    assert_same_losses(shared, whole)
    for here, there in zip(evaluations(whole), evaluations(shared), strict=True):
        assert there["loss"] == pytest.approx(here["loss"], rel=1e-5)
        assert there["scores"] == pytest.approx(here["scores"])
    weights, expected = (load_file(f / "model" / "model.safetensors") for f in (shared, whole))
    assert weights.keys() == expected.keys()
    # AdamW moves a weight by the sign of a gradient that is nearly 0: by twice the rates at most
    for name, tensor in weights.items():
        torch.testing.assert_close(tensor, expected[name], rtol=1e-3, atol=1e-3)


def test_the_run_says_how_its_weights_were_kept(whole, shared):
    for folder, strategy in ((whole, "ddp"), (shared, "fsdp")):
        manifest = json.loads((folder / "manifest.json").read_text())
        assert (manifest["processes"], manifest["strategy"]) == (2, strategy)
        assert toolkit.load_recipe(folder / "recipe.yaml").train.strategy == strategy


def test_plain_transformers_loads_the_model(shared):
    from transformers import AutoModelForTokenClassification

    model = AutoModelForTokenClassification.from_pretrained(shared / "model")
    saved = load_file(shared / "model" / "model.safetensors")
    assert saved.keys() == model.state_dict().keys()
    assert all(torch.equal(tensor, saved[name]) for name, tensor in model.state_dict().items())


def test_every_parameter_is_a_share_and_so_are_gradient_and_moments(recipe, monkeypatch):
    own, seen = loops._update, 0

    def looking(loop, step, *sums):
        nonlocal seen
        seen += 1
        for parameter in loop.model.parameters():
            assert isinstance(parameter, DTensor)
            assert isinstance(parameter.grad, DTensor)
        numbers = sum(p.to_local().numel() for p in loop.model.parameters())
        assert numbers < 0.6 * sum(p.numel() for p in loop.model.parameters())
        assert all(p.numel() == 0 for p in loop.sharding.plain.parameters())
        made = own(loop, step, *sums)
        moments = [s[k] for s in loop.optimiser.state.values() for k in ("exp_avg", "exp_avg_sq")]
        assert len(moments) == 2 * len([*loop.model.parameters()])
        assert all(isinstance(moment, DTensor) for moment in moments)
        if step == 2:
            os._exit(STOPPED)  # what is here does not reach the parent: this does
        return made

    monkeypatch.setattr(loops, "_update", looking)
    folder = f"run.folder={Path(recipe).parent}/looked-at"
    assert finetune_forked(recipe, folder, FSDP, processes=2) == [STOPPED] * 2


def test_weights_that_are_not_shared_out_are_an_error(recipe, monkeypatch, capfd):
    class Unsharded(torch.nn.Module):
        def set_gradient_divide_factor(self, _): ...
        def set_force_sum_reduction_for_comms(self, _): ...

    monkeypatch.setattr(fsdp, "fully_shard", lambda *_, **__: Unsharded())
    folder = f"run.folder={Path(recipe).parent}/unshared"
    codes = finetune_forked(recipe, folder, FSDP, processes=2)
    assert set(codes) <= {1, 2}  # of who tells the fault, and of who is ended by another's telling
    assert "train.strategy: fsdp, but every process has all of encoder" in capfd.readouterr().err


# the strategy and the number of processes of each start, behind which step it is taken away
CHAINS = [
    [("ddp", 2, 3), ("fsdp", 2, None)],
    [("fsdp", 2, 2), ("fsdp", 1, 5), ("fsdp", 3, None)],
    *(
        pytest.param(chain, marks=pytest.mark.slow)  # fsdp then ddp is the chain of a test below
        for chain in ([("ddp", 1, 5), ("fsdp", 2, None)], [("fsdp", 2, 3), ("ddp", 2, None)])
    ),
]


@pytest.mark.parametrize("chain", CHAINS, ids=str)
def test_a_run_goes_on_with_another_strategy_or_number_of_processes(recipe, whole, chain):
    name = "-".join(f"{strategy}-{processes}" for strategy, processes, _ in chain)
    there = f"run.folder={Path(recipe).parent}/{name}"
    for strategy, processes, until in chain:
        chosen = (there, *CUT, f"train.strategy={strategy}")
        codes = finetune_forked(recipe, *chosen, processes=processes, until=until)
        assert codes == [0 if until is None else STOPPED] * processes
    assert_same_losses(Path(recipe).parent / name / "small", whole)


def test_a_run_that_goes_on_says_that_its_strategy_is_another():
    def notes(before, now):
        told = []
        tell_strategy(SimpleNamespace(manifest=lambda: before), {"strategy": now}, told.append)
        return [note.text for note in told]

    said = "train.strategy: fsdp until now, ddp from here on"
    assert notes({"strategy": "fsdp"}, "ddp") == [said]
    same = [({"strategy": "fsdp"}, "fsdp"), ({"strategy": "fsdp"}, None), ({}, "fsdp")]
    assert [notes(*each) for each in same] == [[]] * 3


def test_one_process_keeps_all_weights_and_says_so(recipe, tmp_path):
    texts = []
    loaded = toolkit.load_recipe(recipe, f"run.folder={tmp_path}", FSDP, "train.epochs=1")
    finished = toolkit.finetune(loaded, watch=lambda event: texts.append(str(event)))
    assert any("fsdp, on one process, which keeps all weights" in text for text in texts)
    assert json.loads((finished.folder / "manifest.json").read_text())["strategy"] is None


@pytest.fixture
def _listening():
    """Signals are heard as on the command line, in processes that are forked from this one."""
    before = {number: signal.getsignal(number) for number in stopping.CODES}
    stopping.listen()
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("_listening")
def test_stopped_by_a_signal_and_killed_it_ends_with_the_same_bits(recipe, shared, monkeypatch):
    there = f"run.folder={Path(recipe).parent}/stopped"
    own = gradients.sharded_gradients

    def signalled(loop, step):
        if step == 2 and loop.processes.rank == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return own(loop, step)

    monkeypatch.setattr(loops, "sharded_gradients", signalled)
    assert finetune_forked(recipe, there, *CUT, FSDP, processes=2) == [1, 1]
    folder = Path(recipe).parent / "stopped" / "small"
    assert len(steps(folder)) in (3, 4)
    assert not list(folder.glob("error-rank-*"))
    monkeypatch.setattr(loops, "sharded_gradients", own)
    assert finetune_forked(recipe, there, *CUT, FSDP, processes=2, until=6) == [STOPPED] * 2
    assert finetune_forked(recipe, there, *CUT, FSDP, processes=2) == [0, 0]
    for name in SAME:
        assert (folder / name).read_bytes() == (shared / name).read_bytes(), name


def test_one_that_fails_amid_a_step_is_named_and_ends_the_others(recipe, monkeypatch, tmp_path):
    own = gradients.computed

    def failing(loop, model, step, micro_batch):
        if step == 2 and loop.processes.rank == 1:
            raise ValueError("this went wrong")
        return own(loop, model, step, micro_batch)

    monkeypatch.setattr(gradients, "computed", failing)
    codes = finetune_forked(recipe, f"run.folder={tmp_path}", FSDP, processes=2)
    assert codes == [1, 1]
    (report,) = (tmp_path / "small").glob("error-rank-*.json")
    assert report.name == "error-rank-1.json"
    assert "this went wrong" in json.loads(report.read_text())["cause"]


@pytest.mark.slow
def test_one_that_is_killed_or_hangs_under_a_launcher_is_named(tmp_path):
    faulty.write_faulty_recipe(tmp_path)
    recipe = tmp_path / "small.yaml"
    recipe.write_text(recipe.read_text().replace("train: {", "train: {strategy: fsdp, "))
    assert launch(tmp_path, "undisturbed")[0] == 0
    for how, rank, cause in (("hang", 1, "hangs in happen"), ("SIGKILL", 0, "is gone")):
        faulty.plant(tmp_path, how, "step", 4, rank)
        code, errors, seconds = launch(tmp_path, how, TOOLKIT_TIMEOUT="3")
        assert code == 1
        assert errors.startswith(f"rank {rank}: {cause}")
        assert seconds < 3 + SECONDS
        goes_on(tmp_path, how)


def test_memory_that_is_short_stops_the_job_and_the_same_command_goes_on(recipe, whole, capfd):
    there = f"run.folder={Path(recipe).parent}/short"
    roomy = (*CUT, "train.tokens_per_micro_batch=600", "train.micro_batches=2")
    expected = run_forked(recipe, "roomy", *roomy)
    folder = Path(recipe).parent / "short" / "small"
    with short_memory(150):
        for _ in range(5):
            codes = finetune_forked(recipe, there, *roomy, FSDP, processes=2)
            if codes == [0, 0]:
                break
            assert "while the processes exchanged gradients" in capfd.readouterr().err
    assert codes == [0, 0]
    assert json.loads((folder / "memory.json").read_text())
    assert_same_losses(folder, expected)


def test_what_is_not_finite_is_found_as_without_shares(recipe, monkeypatch):
    def breaking(own):
        def broken(loop, model, step, micro_batch):
            output, num_tokens = own(loop, model, step, micro_batch)
            places = [example.number for example in micro_batch.examples]
            if step == 2 and loop.plan.examples(2)[5] in places:
                output = output._replace(loss=output.loss * float("nan"))
            return output, num_tokens

        return broken

    found = []
    for name, overrides in (("broken-whole", ()), ("broken-shared", (FSDP,))):
        for module in (gradients, loops):
            monkeypatch.setattr(module, "computed", breaking(gradients_computed))
        skip = ("train.on_nonfinite=skip", "train.micro_batches=6", "train.epochs=1")
        folder = run_forked(recipe, name, *skip, *overrides)
        found.append([json.loads(line) for line in (folder / "not-finite.jsonl").open()])
    assert found[0] == found[1]
    ((line,),) = (found[1],)
    assert line["finding"]["what"] == "the loss, and no output of a module before it"
    assert len(line["finding"]["examples"]) == 1


gradients_computed = gradients.computed


def test_a_share_that_is_not_finite_stops_all_before_it_is_saved(recipe, monkeypatch, capfd):
    own = loops._update

    def breaking(loop, step, *sums):
        made = own(loop, step, *sums)
        if step == 3 and loop.processes.rank == 1:
            moments = [*loop.optimiser.state.values()][-1]
            moments["exp_avg"].to_local().fill_(float("inf"))
        return made

    monkeypatch.setattr(loops, "_update", breaking)
    folder = Path(recipe).parent / "one-share"
    codes = finetune_forked(recipe, f"run.folder={folder}", *CUT, FSDP, processes=2)
    assert set(codes) <= {1, 4}  # as above
    told = "after step 4: the optimiser's exp_avg of "
    assert told in capfd.readouterr().err
    (newest,) = (folder / "small" / "checkpoints").glob("step-*3")
    assert newest.name == "step-00000003"
    assert not list((folder / "small" / "checkpoints").glob("step-*4"))


# each beside how far a loss may be off: behind the first step, weights that differ in the last bit
# of a float32 are rounded to other bfloat16
VARIANTS = {
    "bf16": (1e-3, "train.precision=bf16", "model.padding_free=false"),
    "frozen": (
        1e-5, "train.freeze.embeddings=true", "train.freeze.layers=1", "train.max_grad_norm=null",
    ),
    "unfrozen": (1e-5, "train.unfreeze_every=2", "task.decoding=crf", "train.epochs=2"),
    "lora": (1e-5, "model.adapter={type: lora, rank: 2}", "train.gradient_checkpointing=true"),
}  # fmt: skip


@pytest.mark.parametrize("variant", VARIANTS)
def test_whatever_is_trained_is_trained_as_on_one_process(recipe, variant):
    near, *chosen = VARIANTS[variant]
    processes = 3 if variant == "lora" else 2  # of two rows, one of three has none
    overrides = ("train.epochs=1", f"train.micro_batches={processes}", *chosen)
    folder = Path(recipe).parent / f"one-{variant}"
    toolkit.finetune(toolkit.load_recipe(recipe, f"run.folder={folder}", *overrides))
    shared = run_forked(recipe, f"shared-{variant}", *overrides, FSDP, processes=processes)
    assert_same_losses(shared, folder / "small", near)


FAMILIES = ["lstm", "albert", "modernbert"]
FAMILIES += [
    pytest.param(name, marks=pytest.mark.slow)
    for name in ("roberta", "xlm-roberta", "distilbert", "camembert", "electra")
]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_is_trained_as_on_one_process(family, checkpoints, tmp_path):
    block = LSTM if family == "lstm" else pretrained(checkpoints[family])
    recipe = write_recipe(tmp_path, block, num_train=27)
    overrides = ("train.epochs=1", "train.micro_batches=2")
    finished = toolkit.finetune(toolkit.load_recipe(recipe, *overrides))
    assert_same_losses(run_forked(recipe, "two", *overrides, FSDP), finished.folder)


def test_rows_of_the_vocabulary_are_left_out_of_shares_too(recipe, monkeypatch):
    monkeypatch.setattr(vocabulary, "_FEWEST", 1)
    overrides = (*CUT, "train.weight_decay=0.5")
    expected = run_forked(recipe, "compacted", *overrides)
    there = f"run.folder={Path(recipe).parent}/compacted-shared"
    for strategy, until in (("fsdp", 3), ("ddp", None)):
        chosen = (there, *overrides, f"train.strategy={strategy}")
        codes = finetune_forked(recipe, *chosen, processes=2, until=until)
        assert codes == [0 if until is None else STOPPED] * 2
    folder = Path(recipe).parent / "compacted-shared" / "small"
    assert_same_losses(folder, expected)
    names = "bert.embeddings.word_embeddings.weight"
    tables = [load_file(f / "model" / "model.safetensors")[names] for f in (folder, expected)]
    torch.testing.assert_close(*tables, rtol=1e-3, atol=1e-3)
    before = load_file(Path(recipe).parent / "bert" / "model.safetensors")
    table = before["embeddings.word_embeddings.weight"]
    assert (tables[0] != table).any(dim=1)[table.any(dim=1)].all()  # what nobody reads decays


def test_a_tied_weight_is_shared_out_once(tmp_path, checkpoints):
    folder = tmp_path / "text"
    folder.mkdir()
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()[:150]
    (folder / "train.txt").write_text("\n".join(lines), encoding="utf-8")
    recipe = tmp_path / "small.yaml"
    recipe.write_text(
        "task: {type: masked-language-modelling}\n"
        f"model: {{type: pretrained, checkpoint: {checkpoints['bert']}, max_length: 32}}\n"
        f"data: {{format: text, train: {folder}/train.txt, dev: {folder}/train.txt}}\n"
        "train: {epochs: 1, batch_size: 16, micro_batches: 2, precision: fp32}\n"
        f"run: {{folder: {tmp_path}/one}}\n"
    )
    finished = toolkit.finetune(toolkit.load_recipe(recipe))
    assert_same_losses(run_forked(str(recipe), "two", FSDP), finished.folder)


def test_weights_that_memory_does_not_hold_at_once_end_the_run_in_a_line(monkeypatch):
    def short(_):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    found = object.__new__(sharding.Sharding)
    found._pairs = [(torch.nn.Parameter(torch.ones(2)),) * 2]
    monkeypatch.setattr(sharding, "gathered", short)
    with pytest.raises(ToolkitError, match="memory does not hold all weights beside"):
        found.finish()


def test_a_single_number_cannot_be_shared_out(monkeypatch):
    model = torch.nn.Module()
    model.scale = torch.nn.Parameter(torch.tensor(1.0))
    with pytest.raises(ToolkitError, match="fsdp cannot share out scale, which is a single number"):
        sharding._share_out(model, None)


@pytest.mark.parametrize("option", ["fsdp", "deepspeed", "megatron_lm"])
def test_a_launcher_that_would_share_out_in_its_own_way_is_an_error(option, monkeypatch):
    monkeypatch.setenv(f"ACCELERATE_USE_{option.upper()}", "true")
    with pytest.raises(ToolkitError, match=rf"--use_{option}: leave that out; .*\.strategy: fsdp"):
        Processes()


def test_a_norm_whose_square_no_float32_holds_is_finite():
    class Two:
        def sum(self, tensor):
            return 2 * tensor

    gradients = [torch.full((4,), 6e18), torch.full((5,), 6e18)]
    norm = sharding.norm_of(gradients, Two())
    assert float(norm) == pytest.approx(18**0.5 * 6e18, rel=1e-6)
    assert torch.equal(sharding.norm_of(gradients, None), torch.nn.utils.get_total_norm(gradients))
