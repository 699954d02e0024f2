"""`train.reproducible: elastic`: one set of bits for any number of processes and any restart."""

import hashlib
from pathlib import Path
from random import Random
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import toolkit
from tests.checkpoints import make_checkpoint
from tests.forked import STOPPED, finetune_forked, finished, forked, run_forked
from tests.recipes import LSTM, interrupt, pretrained, write_recipe
from tests.short_memory import short_memory
from tests.training.test_processes import steps
from tests.training.test_steps import loop_of, sentences
from toolkit.errors import RecipeError, RunError
from toolkit.models import vocabulary
from toolkit.training import steps as loops
from toolkit.training.elastic import Tree, check_equal, own_parts, summed_in_order
from toolkit.training.steps import Halved, Step

ELASTIC = (
    "train.reproducible=elastic",
    "train.micro_batches=8",
    "train.batch_size=12",
    "train.checkpoint_every=3",
)
NUM_STEPS = 16
SAME = ("model/model.safetensors", "metrics.jsonl", "predictions-test.jsonl", "results.json")


def bits(folder: Path) -> str:
    return hashlib.sha256(b"".join((folder / name).read_bytes() for name in SAME)).hexdigest()


@pytest.fixture(scope="module", params=["bert", "lstm"])
def recipe(request, tmp_path_factory):
    """A recipe with dropout, of 8 parts a step; the last step of an epoch has 6 examples."""
    folder = tmp_path_factory.mktemp("elastic")
    make_checkpoint("bert", folder / "bert", dropout=0.2)
    models = {"bert": pretrained(str(folder / "bert")), "lstm": LSTM}
    return write_recipe(folder, models[request.param], num_train=90)


@pytest.fixture(scope="module")
def expected(recipe):
    """The bits of one process that nobody interrupts."""
    folder = run_forked(recipe, "whole", *ELASTIC, processes=1)
    assert len(steps(folder)) == NUM_STEPS
    return bits(folder)


@pytest.mark.parametrize("processes", [2, 8, pytest.param(4, marks=pytest.mark.slow)])
def test_any_number_of_processes_has_the_same_bits(recipe, expected, processes):
    assert bits(run_forked(recipe, f"on-{processes}", *ELASTIC, processes=processes)) == expected


@pytest.mark.parametrize("chain", [0, 1, pytest.param(2, marks=pytest.mark.slow)])
def test_restarts_on_other_numbers_of_processes_have_the_same_bits(recipe, expected, chain):
    random = Random(chain)
    folder = Path(recipe).parent / f"chain-{chain}"
    sizes = [random.choice([1, 2, 4])]
    for until in sorted(random.sample(range(2, NUM_STEPS), k=2)):
        codes = finetune_forked(
            recipe, f"run.folder={folder}", *ELASTIC, processes=sizes[-1], until=until
        )
        assert codes == [STOPPED] * sizes[-1]
        sizes.append(random.choice([size for size in (1, 2, 4) if size != sizes[-1]]))
    assert bits(run_forked(recipe, f"chain-{chain}", *ELASTIC, processes=sizes[-1])) == expected


def test_rows_of_the_vocabulary_that_nobody_trains_have_the_same_bits(
    tmp_path, checkpoints, monkeypatch
):
    monkeypatch.setattr(vocabulary, "_FEWEST", 1)
    recipe = write_recipe(tmp_path, pretrained(checkpoints["bert"]), num_train=3, num_dev=30)
    keys = {  # checkpoints between evaluations, and decay of what development data reads
        "train": "{epochs: 6, batch_size: 2, learning_rate: 1e-2, precision: fp32}",
        "train.reproducible": "elastic",
        "train.micro_batches": 2,
        "train.weight_decay": 0.9,
        "train.checkpoint_every": 2,
        "train.evaluate_every": 6,
        "evaluate.batch_size": 3,
    }
    changes = [f"{key}={value}" for key, value in keys.items()]
    whole = run_forked(recipe, "whole", *changes, processes=1)
    assert bits(run_forked(recipe, "two", *changes)) == bits(whole)
    there = f"run.folder={tmp_path}/chain"
    assert finetune_forked(recipe, there, *changes, processes=2, until=5) == [STOPPED] * 2
    assert bits(run_forked(recipe, "chain", *changes, processes=1)) == bits(whole)


def test_the_default_mode_has_other_bits_on_other_numbers(recipe):
    """Else the tests above would not show anything."""
    plain = ("train.micro_batches=8", "train.batch_size=12", "train.epochs=1")
    one, two = (
        run_forked(recipe, f"plain-{processes}", *plain, processes=processes)
        for processes in (1, 2)
    )
    assert bits(one) != bits(two)


@given(st.integers(0, 5), st.randoms(use_true_random=False))
def test_the_tree_adds_neighbours_first(levels, random):
    values = [random.uniform(-1, 1) * 10 ** random.randint(-8, 8) for _ in range(2**levels)]
    leaves = torch.tensor(values)
    tree = Tree()
    for leaf in leaves:
        tree.add([leaf.clone()])
    expected = leaves
    while len(expected) > 1:
        expected = expected[0::2] + expected[1::2]
    assert torch.equal(tree.sums()[0], expected[0])


@pytest.mark.parametrize("count", [1, 2, 4, 8])
def test_processes_share_out_neighbours_and_close_the_same_tree(count):
    leaves = torch.randn(8, 1000) * 10 ** torch.linspace(-6, 6, 1000)
    tree = Tree()
    for leaf in leaves:
        tree.add([leaf.clone()])
    (expected,) = tree.sums()
    own = []
    for rank in range(count):
        part = Tree()
        for number in own_parts(8, SimpleNamespace(rank=rank, count=count)):
            part.add([leaves[number].clone()])
        own.append(part.sums()[0])
    rounds = [own]
    while len(rounds) < count.bit_length():  # what each rank has before and after each exchange
        distance = 2 ** (len(rounds) - 1)
        rounds.append([mine + rounds[-1][rank ^ distance] for rank, mine in enumerate(rounds[-1])])
    for rank in range(count):
        given = iter(rounds)
        processes = SimpleNamespace(
            rank=rank, count=count, swap=lambda _, other, given=given: next(given)[other]
        )
        assert torch.equal(summed_in_order(own[rank].clone(), processes), expected)


def test_it_computes_what_the_default_mode_does(checkpoints):
    examples = sentences(27)  # the last step has fewer examples than parts
    whole = list(loops.steps(loop_of(checkpoints["bert"], examples, dropout=0.2)))
    train = {"micro_batches": 8, "reproducible": "elastic"}
    found = list(loops.steps(loop_of(checkpoints["bert"], examples, dropout=0.2, **train)))
    for one, other in zip(whole, found, strict=True):
        assert other.loss == pytest.approx(one.loss, rel=1e-5)
        assert other.grad_norm == pytest.approx(one.grad_norm, rel=1e-5)
        assert other[-3:] == one[-3:]


def test_memory_that_is_short_halves_what_is_computed_at_once(checkpoints):
    train = {"micro_batches": 2, "reproducible": "elastic"}
    whole = list(loops.steps(loop_of(checkpoints["bert"], sentences(24), **train)))
    with short_memory(30) as refused:
        events = list(loops.steps(loop_of(checkpoints["bert"], sentences(24), **train)))
    assert refused
    assert sum(isinstance(event, Halved) for event in events) == len(refused)
    found = [event for event in events if isinstance(event, Step)]
    for one, other in zip(whole, found, strict=True):
        assert other.loss == pytest.approx(one.loss, rel=1e-5)
        assert other.grad_norm == pytest.approx(one.grad_norm, rel=1e-5)


def test_a_run_keeps_the_threads_that_it_began_with(tmp_path):
    recipe = write_recipe(tmp_path, LSTM)
    overrides = (*ELASTIC, "train.checkpoint_every=1")
    loaded = toolkit.load_recipe(recipe, *overrides)
    seen = []

    def second(event):
        seen.append(torch.get_num_threads())
        return isinstance(event, Step) and event.number == 2

    interrupt(loaded, second)
    filled = toolkit.load_recipe(tmp_path / "runs" / "small" / "recipe.yaml")
    assert (filled.train.threads, seen[-1]) == (1, 1)

    def with_two():
        torch.set_num_threads(2)
        interrupt(loaded, lambda event: seen.append(torch.get_num_threads()) or len(seen) > 6)
        assert torch.get_num_threads() == 2
        assert seen[-1] == 1

    assert finished(forked(with_two)) == 0


def test_the_threads_that_a_recipe_names_are_used_while_it_runs(tmp_path):
    recipe = toolkit.load_recipe(write_recipe(tmp_path, LSTM), "train.threads=2", "train.epochs=1")

    def run():
        seen = set()
        toolkit.finetune(recipe, watch=lambda _: seen.add(torch.get_num_threads()))
        assert 2 in seen
        assert torch.get_num_threads() == 1

    assert finished(forked(run)) == 0


@pytest.mark.parametrize("parts", ["null", "6"])
def test_parts_that_no_tree_has_are_refused(tmp_path, parts):
    recipe = write_recipe(tmp_path)
    with pytest.raises(RecipeError, match=r"train\.micro_batches: found .* a power of two"):
        toolkit.load_recipe(recipe, "train.reproducible=elastic", f"train.micro_batches={parts}")


def test_processes_that_begin_with_other_weights_are_refused():
    processes = SimpleNamespace(count=3, from_main=lambda _: [7.0], gather=lambda own: [True, *own])
    with pytest.raises(RunError, match="process 1 begins with other weights than process 0"):
        check_equal(torch.nn.Linear(1, 1), processes)
