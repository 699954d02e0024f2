import math
import re

import pytest
import torch

from benchmarks.arms import Window
from benchmarks.peak import Peak, measure_peak, useful_work
from benchmarks.settings import Shape
from benchmarks.table import Table, machine, skipped, spread
from benchmarks.training import COLUMNS, measure

CPU = torch.device("cpu")


def cells(line):
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def test_a_tiny_training_gives_a_row_for_each_arm(tmp_path, setting_of):
    setting = setting_of("wnut17-minilm")._replace(pad_to=512)
    table = measure(setting, tmp_path, Window(1, 4), Peak(1e12, 1e12), CPU)
    lines = [line for line in table.markdown().splitlines() if line.startswith("|")]
    assert cells(lines[0]) == list(COLUMNS)
    rows = {cells(line)[0]: dict(zip(COLUMNS, cells(line), strict=True)) for line in lines[2:]}
    assert list(rows) == [
        "B0", "B0 padded to 512", "B1 without grouping", "B1", "ours fp32", "ours bf16"
    ]  # fmt: skip
    assert rows["B0"]["x B0"] == "1.00 (1.00 to 1.00)"
    assert rows["B1"]["x B1"] == "1.00"
    for name, row in rows.items():
        assert float(row["real tokens/s"].replace(",", "")) > 0
        assert re.fullmatch(r"\d+ \(\d+ to \d+\)", row["ms a step"])
        assert re.fullmatch(r"\d+% of (fp32|bf16)", row["useful share of peak"])
        expected = "same windows, grouped" if name == "B1" else "yes"
        assert row["steps as B0's"] == expected
    assert rows["ours fp32"]["tokens with padding"] == "left out"


def test_work_is_that_of_the_weights_and_of_pairs_of_tokens():
    class Config:
        num_hidden_layers, hidden_size, intermediate_size = 12, 768, 3072

    # 84.9 million weights: 524 MFLOP a token of training at length 128, attention included
    a_token = useful_work(Config, [128] * 10) / 1280
    assert a_token == pytest.approx(524e6, rel=0.005)
    assert useful_work(Config, [64, 64]) < useful_work(Config, [128])


def test_a_peak_is_measured_for_each_precision(monkeypatch):
    monkeypatch.setattr("benchmarks.peak.SIZES", ((64, 64, 64), (32, 64, 32)))
    peak = measure_peak(CPU, 0.01)
    assert 0 < peak.of("fp32") < 1e15
    assert 0 < peak.of("bf16") < 1e15


def test_a_spread_has_quartiles_where_there_are_values_enough():
    assert spread([1.0, 2.0, 3.0, 4.0, 5.0], 1) == "3.0 (2.0 to 4.0)"
    assert spread([1.0, 2.0]) == "1.50"


def test_what_was_not_measured_says_why():
    text = skipped("NER", "no file x.conll").markdown()
    assert text == "## NER\n\n- not measured: no file x.conll\n"


def test_a_cell_cannot_break_its_table():
    line = Table("t", ("a",), [["x|y"]]).markdown().splitlines()[-1]
    assert line == "| x\\|y |"


def test_the_machine_is_named_with_threads_and_versions():
    text = machine(CPU, 3).markdown()
    assert "3 threads" in text
    assert f"torch {torch.__version__}" in text
    assert "load average" in text


def test_heads_of_every_shape_are_64_wide():
    from benchmarks.settings import SETTINGS

    shapes = {each.shape for each in SETTINGS if each.shape}
    assert shapes
    assert all(isinstance(s, Shape) and math.gcd(s.width, 64) == 64 for s in shapes)
