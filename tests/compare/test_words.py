"""What is said of a comparison follows from its numbers."""

import pytest

from toolkit.compare.comparison import add_pareto, cheapest, within_noise
from toolkit.compare.words import markdown, sentences, table


def answer(value, p, **keys):
    return {
        "test": "t", "value": value, "p": p, "p_holm": p, "interval": [value - 0.02, value + 0.02],
        "smallest": 0.03, **keys,
    }  # fmt: skip


def difference(to, value, p, *, has_seeds=True):
    recipes = answer(value, p) if has_seeds else None
    return {"to": to, "value": value, "models": answer(value, p, seed=1), "recipes": recipes}


def rung(name, mean, cost, **keys):
    return {
        "name": name, "mean": mean, "std": 0.01, "interval": [0.1, 0.2], "seeds": [1, 2, 3],
        "difference": None, "to_best": None, "parameters": 1234, "train_seconds": [10.0, 20.0],
        "peak_memory_mb": 300.0, "texts_per_second": 100.0, "size_bytes": 2_000_000,
        "latency_ms": None if cost is None else {"p50": cost, "p95": 2 * cost},
        "batch_latency_ms": None, "measured": {"busy": 0.0}, "pareto": None, **keys,
    }  # fmt: skip


def ladder(*rungs, **keys):
    return {
        "ladder": "steps", "stand_in": False, "stand_ins": [], "metric": "f1", "split": "test",
        "about": {"scheme": "IOB2", "mode": None}, "examples": 1287, "confidence": 0.95,
        "resampled": "example", "failed": [], "rungs": list(rungs), "sentences": [],
        "smallest_difference": {"models": 0.021, "recipes": 0.034, "power": 0.8, "level": 0.05},
        "best": "high", "cheapest_within_noise": "high",
        "machine": {"processor": "P", "device": "cpu", "threads": 1, "cores": 4}, **keys,
    }  # fmt: skip


LOW = rung("low", 0.3, 1.0, to_best=difference("high", -0.2, 0.001))
MIDDLE = rung(
    "middle", 0.49, 5.0,
    difference=difference("low", 0.19, 0.0004), to_best=difference("high", -0.01, 0.4),
)  # fmt: skip
HIGH = rung("high", 0.5, 30.0, difference=difference("middle", 0.01, 0.4))


def test_a_reader_is_told_what_differs_what_the_best_costs_and_what_is_as_good():
    found = ladder(LOW, MIDDLE, HIGH, cheapest_within_noise="middle")
    assert sentences(found) == [
        "The best is high: f1 0.5000 ± 0.0100 over 3 seeds, 1,234 parameters, 15.0 s of training a "
        "seed, 30 ms a text.",
        "The cheapest rung within noise of it is middle (f1 0.4900, 1,234 parameters, 15.0 s of "
        "training a seed, 5 ms a text); it may still be up to 0.0300 worse.",
        "middle scores +0.1900 f1 against low: the recipes differ (p < 0.001, corrected for 2 "
        "comparisons); 95% interval +0.1700 to +0.2100.",
        "high scores +0.0100 f1 against middle: no difference between the recipes is shown (p "
        "0.400, corrected for 2 comparisons); 95% interval -0.0100 to +0.0300.",
        "With 1,287 examples and these seeds, differences below 0.021 between two models and 0.034 "
        "between two recipes are found less than 80% of the time (neighbouring rungs, 5% level).",
    ]


def test_a_stand_in_a_failure_and_a_busy_machine_are_said():
    busy = HIGH | {"measured": {"busy": 0.6}}
    failed = [{"rung": "top", "run": "top-seed1", "fault": "no memory", "exit_code": 1}]
    said = sentences(ladder(LOW, busy, stand_in=True, stand_ins=["other data"], failed=failed))
    assert said[0] == "STAND-IN, not the ladder's own result: other data."
    assert said[1] == "top-seed1 failed (no memory): top is left out of the table."
    assert said[-1].endswith("so it says little of high. --measure measures again.")


def test_one_seed_says_nothing_of_recipes_and_that_is_said():
    low = LOW | {"seeds": [1], "std": None}
    high = HIGH | {
        "seeds": [1], "std": None, "difference": difference("low", 0.2, 0.01, has_seeds=False),
    }  # fmt: skip
    said = sentences(ladder(low, high))
    assert said[2].startswith("One seed says nothing of others")
    assert "the models differ (p 0.010)" in said[3]
    assert "over 1 seeds" not in " ".join(said)


def test_what_cannot_be_tested_is_said():
    untested = {"to": "low", "value": 0.2, "models": None, "recipes": None}
    nothing = {"models": None, "recipes": None, "power": 0.8, "level": 0.05}
    said = sentences(ladder(LOW, HIGH | {"difference": untested}, smallest_difference=nothing))
    assert said[2] == "f1 does not add up over examples: its differences are not tested."
    assert said[3] == "high scores +0.2000 f1 against low."
    untested_best = LOW | {"to_best": untested}
    said = sentences(ladder(untested_best, HIGH))
    assert said[1].startswith("Whether a cheaper rung is as good is not said")


def test_a_rung_alone_needs_no_comparison():
    said = sentences(
        ladder(
            HIGH | {"difference": None}, smallest_difference=dict.fromkeys(["models", "recipes"])
        )
    )
    assert len(said) == 1
    assert said[0].startswith("The best is high")


def test_on_the_front_is_what_nothing_beats_in_both_score_and_cost():
    rungs = [
        rung("slow", 0.4, 9.0), rung("quick", 0.3, 1.0), rung("good", 0.5, 5.0),
        rung("same", 0.5, 5.0), rung("unmeasured", 0.9, None), rung("undefined", None, 1.0),
    ]  # fmt: skip
    add_pareto(rungs)
    found = {each["name"]: each["pareto"] for each in rungs}
    assert found == {
        "slow": False, "quick": True, "good": True, "same": True, "unmeasured": None,
        "undefined": None,
    }  # fmt: skip


def test_within_noise_is_what_an_uncorrected_test_does_not_tell_from_the_best():
    assert within_noise(HIGH) is True
    assert within_noise(MIDDLE) is True
    assert within_noise(LOW) is False
    corrected = difference("high", -0.1, 0.04)
    corrected["recipes"]["p_holm"] = 0.2
    assert within_noise(LOW | {"to_best": corrected}) is False
    untested = {"to": "high", "value": 0.1, "models": None, "recipes": None}
    assert within_noise(LOW | {"to_best": untested}) is None


@pytest.mark.parametrize(
    ("rungs", "best", "name"),
    [
        ([LOW, MIDDLE, HIGH], "high", "middle"),
        ([LOW, HIGH], "high", "high"),
        ([LOW, MIDDLE | {"latency_ms": None}, HIGH], "high", "high"),
        ([LOW, MIDDLE, HIGH | {"latency_ms": None}], "high", None),
        ([LOW], None, None),
    ],
)
def test_the_cheapest_within_noise_is_the_quickest_that_is_not_told_apart(rungs, best, name):
    assert cheapest(rungs, best) == name


def test_the_table_has_a_dash_for_what_is_not_known():
    bare = rung("bare", None, None, std=None, interval=None, parameters=None) | {
        "peak_memory_mb": None, "texts_per_second": None, "train_seconds": [None],
    }  # fmt: skip
    header, row = table(ladder(bare, best=None))
    assert len(header) == len(row)
    assert row[1:13] == ["–"] * 12


def test_memory_is_that_of_the_machine_and_that_of_a_gpu():
    rungs = [LOW, HIGH | {"peak_gpu_memory_mb": 1234.5}, MIDDLE | {"peak_memory_mb": None}]
    header, *rows = table(ladder(*rungs))
    found = [row[header.index("memory")] for row in rows]
    assert found == ["300 MB", "300 MB, GPU 1,234 MB", "–"]


def test_a_batch_of_fewer_texts_is_not_taken_for_a_full_one():
    times = {"p50": 5.0, "p95": 7.0}
    rungs = [LOW | {"batch_latency_ms": {"batch": size, **times}} for size in (32, 3)]
    header, *rows = table(ladder(*rungs))
    assert [row[header.index("ms of 32 (p50, p95)")] for row in rows] == ["5, 7", "5, 7 of 3"]


def test_markdown_holds_the_table_and_the_sentences():
    text = markdown(ladder(LOW, HIGH, sentences=["One thing.", "Another."]))
    assert text.startswith(
        "# steps\n\nf1 (IOB2) on test, 1,287 examples; 95% intervals over examples;"
    )
    assert text.endswith("\n\n- One thing.\n- Another.\n")
