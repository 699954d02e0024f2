import pytest
import torch

from tests.encoders.stacks import random_batch
from toolkit.encoders.packing import packing_of, places_of, spread

ROUNDS = 12  # random shapes a test


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def test_a_packed_batch_unpacks_to_itself():
    for _ in range(ROUNDS):
        inputs, mask = random_batch()
        packing = packing_of(mask)
        assert packing.sizes == sorted(packing.sizes, reverse=True)
        assert sum(packing.sizes) == int(mask.sum())
        back = packing.unpack(packing.pack(inputs))
        assert torch.equal(back, inputs * mask[..., None])


@pytest.mark.parametrize("lengths", [(3, 1, 2), (3, 3)])
def test_a_step_before_is_the_token_before_in_the_same_text(lengths):
    mask = torch.arange(3) < torch.tensor(lengths)[:, None]
    packing = packing_of(mask)
    numbers = packing.pack(torch.arange(float(mask.numel())).view(*mask.shape, 1))
    after_first = numbers[packing.sizes[0] :]
    assert torch.equal(packing.a_step_before(numbers), after_first - 1)


def test_the_mirror_turns_each_sequence_round():
    mask = torch.arange(5) < torch.tensor([3, 1, 5])[:, None]
    packing = packing_of(mask)
    numbers = torch.arange(15.0).view(3, 5, 1)
    turned = packing.unpack(packing.pack(numbers)[packing.mirror])[..., 0]
    assert turned.tolist() == [[2, 1, 0, 0, 0], [5, 0, 0, 0, 0], [14, 13, 12, 11, 10]]


def test_spread_by_its_own_rows_a_packed_batch_is_unpacked():
    inputs, mask = random_batch()
    packing = packing_of(mask)
    packed = packing.pack(inputs)
    assert torch.equal(spread(packed, places_of(packing)), packing.unpack(packed))


def test_a_row_that_is_spread_twice_gets_both_gradients():
    packed = torch.randn(2, 4, requires_grad=True)
    found = spread(packed, torch.tensor([[0, 0, 1]]))
    assert torch.equal(found[0, 0], found[0, 1])
    (found * torch.tensor([1.0, 10.0, 100.0])[:, None]).sum().backward()
    assert torch.equal(packed.grad, torch.tensor([[11.0], [100.0]]).expand(2, 4))
