"""Which of many values are equal."""

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from toolkit.data import hashes as module
from toolkit.data.hashes import Hashes


@pytest.mark.parametrize("few", [0, 10_000])  # with numpy, and without
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from("abcdefgh") | st.text()))
def test_values_that_are_there_twice_are_found(monkeypatch, few, values):
    monkeypatch.setattr(module, "_FEW", few)
    hashes = Hashes()
    for value in values:
        hashes.add(value)
    counts = Counter(values)
    assert hashes.number() == len(counts)
    assert hashes.repeated() == {hash(value) for value, count in counts.items() if count > 1}
