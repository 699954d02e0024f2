from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from toolkit.training.batches import Plan, Size, counted_seed, cut_at, parts_of


@given(st.integers(1, 200), st.integers(1, 40), st.integers(1, 4), st.integers(0, 9))
def test_an_epoch_sees_every_example_once(num_examples, batch_size, epochs, seed):
    plan = Plan(num_examples, batch_size, epochs, seed)
    steps = [plan.examples(step) for step in range(plan.num_steps)]
    for epoch in range(epochs):
        first = epoch * plan.steps_per_epoch
        seen = chain.from_iterable(steps[first : first + plan.steps_per_epoch])
        assert sorted(seen) == list(range(num_examples))


def test_a_step_does_not_depend_on_the_steps_before_it():
    plan = Plan(100, 8, 3, 1)
    in_order = [plan.examples(step) for step in range(plan.num_steps)]
    backwards = [plan.examples(step) for step in reversed(range(plan.num_steps))]
    assert in_order == backwards[::-1]


def test_epochs_and_seeds_have_orders_of_their_own():
    orders = [Plan(50, 8, 2, seed).order(epoch).tolist() for seed in (1, 2) for epoch in (0, 1)]
    assert len({tuple(order) for order in orders}) == 4


@given(st.lists(st.integers(), max_size=40), st.integers(1, 9))
def test_parts_are_the_step_in_order_and_nearly_equal(examples, num_parts):
    parts = parts_of(examples, num_parts)
    assert len(parts) == num_parts
    assert list(chain.from_iterable(parts)) == examples
    sizes = [len(part) for part in parts]
    assert max(sizes) - min(sizes) <= 1


def test_counted_seeds_differ_in_every_counter():
    seeds = {counted_seed(a, b, c) for a in range(5) for b in range(5) for c in range(5)}
    assert len(seeds) == 125
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_orders_are_the_same_on_every_machine():
    # a change here would make runs of other versions impossible to resume
    assert Plan(8, 4, 1, 1).order(0).tolist() == [7, 3, 5, 1, 0, 2, 4, 6]
    assert counted_seed(1, "order", 0) == 969933350306031620


sizes = st.lists(
    st.lists(st.integers(1, 60), max_size=4).map(
        lambda lengths: Size(len(lengths), sum(lengths), max(lengths, default=0))
    ),
    max_size=30,
)


@given(sizes, st.integers(1, 300), st.booleans())
def test_micro_batches_hold_every_example_once_and_at_most_the_budget(sizes, most, is_padded):
    cuts = cut_at(most, sizes, is_padded)
    assert sorted(chain.from_iterable(cuts)) == list(range(len(sizes)))
    for cut in cuts:
        together = Size.together(sizes[place] for place in cut)
        assert len(cut) == 1 or together.computed(is_padded) <= most
    longest = [[sizes[place].longest for place in cut] for cut in cuts if len(cuts) > 1]
    flat = list(chain.from_iterable(longest))
    assert flat == sorted(flat, reverse=True)  # so neighbours are of similar length


@given(sizes, st.booleans())
def test_what_fits_is_not_cut_and_stands_as_it_stood(sizes, is_padded):
    together = Size.together(sizes)
    for most in (None, together.computed(is_padded)):
        assert cut_at(most, sizes, is_padded) == [list(range(len(sizes)))]


def test_padding_counts_where_it_is_computed():
    sizes = [Size(1, 10, 10), Size(2, 6, 4), Size(1, 2, 2)]
    together = Size.together(sizes)
    assert (together.computed(is_padded=False), together.computed(is_padded=True)) == (18, 40)
    assert cut_at(18, sizes, is_padded=False) == [[0, 1, 2]]
    assert cut_at(18, sizes, is_padded=True) == [[0], [1, 2]]
