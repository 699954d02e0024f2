"""Processes of this machine: which live, and when one ends."""

import os

from tests.forked import finished, forked
from toolkit.training.watched import Watched, is_alive


def test_a_process_lives_until_it_has_ended():
    waits, goes = os.pipe()
    child = forked(lambda: os.read(waits, 1))
    assert is_alive(child)
    with Watched({1: child}) as watched:
        watched.wait(0)  # nobody has ended
        assert is_alive(child)
        os.write(goes, b"x")
        watched.wait(60)
        assert not is_alive(child)  # it has, and nobody has asked how
    assert finished(child) == 0
    assert not is_alive(child)
