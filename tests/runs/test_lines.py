"""Lines that a disk refuses, and lines that a kill or a power loss cut."""

import errno
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.errors import StorageError
from toolkit.runs.lines import Lines


def refusing(monkeypatch):
    """Let every file be full as soon as it is opened to append."""

    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("builtins.open", full)


def texts(path):
    return path.read_text().splitlines()


def test_lines_that_were_refused_come_before_the_next(tmp_path, monkeypatch):
    lines = Lines(tmp_path / "metrics.jsonl")
    lines.append({"step": 1})
    with monkeypatch.context() as patch:
        refusing(patch)
        for step in (2, 3):
            with pytest.raises(StorageError, match="No space left"):
                lines.append({"step": step})
        with pytest.raises(StorageError):
            lines.sync()
    assert lines.is_behind
    assert texts(lines.path) == ['{"step": 1}']
    lines.append({"step": 4})
    assert texts(lines.path) == [f'{{"step": {step}}}' for step in (1, 2, 3, 4)]
    assert not lines.is_behind


def test_half_a_line_that_a_full_disk_took_is_cut_off(tmp_path):
    lines = Lines(tmp_path / "metrics.jsonl")
    lines.append({"step": 1})
    with open(lines.path, "ab") as file:
        file.write(b'{"st')
    lines.append({"step": 2})
    assert texts(lines.path) == ['{"step": 1}', '{"step": 2}']


@given(st.integers(0, 6), st.binary(max_size=20))
def test_rewinding_keeps_whole_lines_up_to_the_step_whatever_follows(tmp_path_factory, step, rest):
    path = tmp_path_factory.mktemp("lines") / "metrics.jsonl"
    whole = [f'{{"step": {n}, "loss": 0.5}}\n'.encode() for n in (1, 2, 3, 4)]
    path.write_bytes(b"".join(whole) + rest)
    lines = Lines(path)
    lines.rewind(step)
    kept = path.read_bytes()
    assert kept.startswith(b"".join(whole[:step]))
    if not rest.strip().startswith(b"{"):
        assert kept == b"".join(whole[:step])


def test_of_a_step_that_is_not_scored_yet_the_first_line_stays_alone(tmp_path):
    lines = Lines(tmp_path / "metrics.jsonl")
    for record in ({"step": 1}, {"step": 1, "f1": 0.1}, {"step": 2}, {"step": 2, "f1": 0.2}):
        lines.append(record)
    lines.rewind(2, is_unscored=True)
    assert texts(lines.path) == ['{"step": 1}', '{"step": 1, "f1": 0.1}', '{"step": 2}']


def test_zeros_that_a_power_loss_left_end_the_lines(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"step": 1}\n' + bytes(512) + b'0.5}\n{"step": 2}\n')
    Lines(path).rewind(2)
    assert path.read_bytes() == b'{"step": 1}\n'


def test_nothing_written_is_nothing_to_sync_or_rewind(tmp_path):
    lines = Lines(tmp_path / "metrics.jsonl")
    lines.sync()
    lines.rewind(3)
    assert not lines.path.exists()
