"""A sample of the attacks of `make torture`, each of which is green."""

import json

import pytest

from torture.__main__ import BY_NAME, GOALS, MUTANTS, trial_of, trials_of, try_mutant
from torture.bench import NUM_STEPS, Bench

SAMPLE = {
    "crash": 8,
    "power": 100,
    "disk": 6,
    "damage": 6,
    "clock": 2,
    "pairs": 3,
    "kills": 0,
    "signals": 8,
    "ranks": 2,
    "evaluation": 9,
    "gradient": 6,
    "clean": 1,
}


@pytest.fixture(scope="module")
def bench():
    bench = Bench()
    yield bench
    bench.close()


@pytest.mark.parametrize(
    "goal", [goal for goal in GOALS if SAMPLE.get(goal.name)], ids=lambda goal: goal.name
)
def test_a_sample_of_a_goal_goes_as_promised(bench, goal):
    results = [trial_of(bench, trial) for trial in goal.trials(bench, SAMPLE[goal.name])]
    assert len(results) >= SAMPLE[goal.name]
    assert [result for result in results if result.fault] == []


@pytest.mark.parametrize("name", ["damage", "clock", "pairs"])
def test_a_goal_whose_trials_are_drawn_is_not_left_out_where_all_are_wanted(bench, name):
    goal = BY_NAME[name]
    assert len(trials_of(bench, goal, 0)) == len(trials_of(bench, goal, None)) == goal.number


def test_the_best_step_is_neither_the_first_that_is_scored_nor_the_last(bench):
    results = json.loads(bench.expected()["runs/job/results.json"])
    assert 2 < results["best"]["step"] < NUM_STEPS
    assert results["best"]["value"] > 0


def test_the_name_of_a_trial_replays_it(bench):
    from torture import power

    power.GOAL.trials(bench, 1)
    recording = power._recorded(bench)
    first, second = (power.image(recording, power.generator_of("power:7")) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    "name",
    [
        "the folder of a rename is not synced",
        "the newest by the clock counts",
        "micro-batches are averaged",
    ],
)
def test_a_defect_is_noticed(bench, name):
    number = next(n for n, mutant in enumerate(MUTANTS) if mutant.name == name)
    _, fault = try_mutant(bench, number)
    assert fault is not None
