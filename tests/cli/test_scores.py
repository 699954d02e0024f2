"""Scores as lines of text."""

from toolkit.cli.scores import difference_line, score_lines, set_lines
from toolkit.evaluation.transfer import transfer_of


def scored(value, examples=1000, interval=(0.1, 0.2)):
    f1 = {"value": value, "interval": None if value is None else list(interval)}
    f1 |= {"confidence": 0.95, "scheme": "IOB2", "mode": None, "reason": "no span"}
    return {"examples": examples, "scores": {"f1": f1}}


def lines(splits, sets, source=None):
    transfer = transfer_of(splits, sets, "f1", source)
    return set_lines({"splits": splits, "sets": sets, "transfer": transfer})


def test_a_table_of_sets():
    splits = {"dev": scored(0.9), "test": scored(0.8)}
    assert lines(splits, {"de": scored(0.7), "zh": scored(0.4, 20)}) == [
        "evaluation sets         examples  f1        95% interval           gap",
        "  test (source)            1,000  0.8000    [0.1000, 0.2000]",
        "  de                       1,000  0.7000    [0.1000, 0.2000]     10.00",
        "  zh                          20  0.4000    [0.1000, 0.2000]     40.00",
        "  mean of 2                       0.5500                         25.00",
        "  with the source                 0.6333",
        "  gap: points (0.01) of f1 below the source",
    ]


def test_a_source_among_the_sets_comes_first_and_once():
    table = lines({"dev": scored(0.9)}, {"de": scored(0.7), "en": scored(0.8)}, "en")
    assert [line.split()[0] for line in table[1:4]] == ["en", "de", "mean"]
    assert table[2].endswith("10.00")


def test_without_a_split_there_is_no_source_and_no_gap():
    table = lines({}, {"de": scored(0.7)})
    assert table[1].split() == ["de", "1,000", "0.7000", "[0.1000,", "0.2000]"]


def test_an_undefined_score_leaves_gap_and_mean_undefined_and_names_the_set():
    splits, sets = {"test": scored(0.8)}, {"de": scored(0.7), "zh": scored(None)}
    transfer = transfer_of(splits, sets, "f1", None)
    assert transfer["mean"] == {"value": None, "gap": None, "sets": 2, "reason": "undefined on zh"}
    assert "undefined" in lines(splits, sets)[3]


def test_an_undefined_score_says_why():
    (_, line) = score_lines("test", 3, scored(None)["scores"])
    assert line == "  f1                undefined                   (no span), IOB2"


def test_long_names_keep_the_columns_apart():
    name = "a-very-long-name-of-a-set-indeed"
    table = lines({"test": scored(0.8)}, {name: scored(0.7)})
    assert len({line.index(part) for line, part in zip(table[1:3], ("0.8", "0.7"))}) == 1


def test_a_score_of_other_data_than_the_run_has_differs_from_nothing():
    split = {**scored(0.8), "sha256": "a", "precision": "bf16"}
    results = {"splits": {"test": split}, "best": {"metric": "f1"}}
    new = {**scored(0.75), "sha256": "a", "precision": "int8"}
    assert difference_line(new, results) == (
        "computed in int8: f1 differs by -0.0500 from the run's own on test in bf16"
    )
    assert difference_line(new | {"sha256": "b"}, results) == "computed in int8"
    assert difference_line(new | scored(None), results) == "computed in int8"
    of_set = {"splits": {}, "sets": {"de": split}, "best": {"metric": "f1"}}
    assert difference_line(new, of_set).endswith("the run's own on de in bf16")
